"""Benchmarks: what vectors are good for, with a confidence interval on every figure."""

from uncone.tasks.analogy import Analogy
from uncone.tasks.base import Average, Prediction, Task, Vectors
from uncone.tasks.evaluation import evaluate
from uncone.tasks.leaks import without_training_pairs
from uncone.tasks.scoring import ROW_KEYS, NotRun, Row, score
from uncone.tasks.sts import Sts
from uncone.tasks.table import Headline, headlines, markdown_table, rich_table
from uncone.tasks.word_similarity import WordSimilarity

__all__ = [
    "ROW_KEYS",
    "Analogy",
    "Average",
    "Headline",
    "NotRun",
    "Prediction",
    "Row",
    "Sts",
    "Task",
    "Vectors",
    "WordSimilarity",
    "evaluate",
    "headlines",
    "markdown_table",
    "rich_table",
    "score",
    "without_training_pairs",
]
