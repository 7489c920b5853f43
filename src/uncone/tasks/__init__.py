"""Benchmarks: what vectors are good for, with a confidence interval on every figure."""

from uncone.tasks.analogy import Analogy
from uncone.tasks.base import Average, Prediction, Task, Vectors
from uncone.tasks.classification import Classification
from uncone.tasks.evaluation import evaluate
from uncone.tasks.leaks import without_training_pairs
from uncone.tasks.row import Headline, Row
from uncone.tasks.scoring import NotRun, score
from uncone.tasks.structure import FunctionWords, VerbTense
from uncone.tasks.sts import Sts
from uncone.tasks.table import headlines, markdown_table, rich_table
from uncone.tasks.word_similarity import WordSimilarity
from uncone.tasks.words_in_context import ContextualSimilarity

__all__ = [
    "Analogy",
    "Average",
    "Classification",
    "ContextualSimilarity",
    "FunctionWords",
    "Headline",
    "NotRun",
    "Prediction",
    "Row",
    "Sts",
    "Task",
    "Vectors",
    "VerbTense",
    "WordSimilarity",
    "evaluate",
    "headlines",
    "markdown_table",
    "rich_table",
    "score",
    "without_training_pairs",
]
