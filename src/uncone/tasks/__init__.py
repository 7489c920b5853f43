"""Benchmarks: what vectors are good for, with a confidence interval on every figure."""

from uncone.tasks.analogy import Analogy
from uncone.tasks.base import Average, Prediction, Task
from uncone.tasks.classification import Classification
from uncone.tasks.row import Row
from uncone.tasks.scoring import evaluate
from uncone.tasks.structure import FunctionWords, VerbTense
from uncone.tasks.sts import Sts
from uncone.tasks.table import markdown_table
from uncone.tasks.word_similarity import ContextualSimilarity, WordSimilarity

__all__ = [
    "Analogy",
    "Average",
    "Classification",
    "ContextualSimilarity",
    "FunctionWords",
    "Prediction",
    "Row",
    "Sts",
    "Task",
    "VerbTense",
    "WordSimilarity",
    "evaluate",
    "markdown_table",
]
