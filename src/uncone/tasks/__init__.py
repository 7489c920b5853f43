"""Benchmarks: what vectors are good for, with a confidence interval on every figure."""

from uncone.tasks.analogy import Analogy as Analogy
from uncone.tasks.base import Average as Average
from uncone.tasks.base import Prediction as Prediction
from uncone.tasks.base import Task as Task
from uncone.tasks.classification import Classification as Classification
from uncone.tasks.clustering import Clustering as Clustering
from uncone.tasks.retrieval import Retrieval as Retrieval
from uncone.tasks.row import Row as Row
from uncone.tasks.scoring import evaluate as evaluate
from uncone.tasks.structure import FunctionWords as FunctionWords
from uncone.tasks.structure import VerbTense as VerbTense
from uncone.tasks.sts import Sts as Sts
from uncone.tasks.table import markdown_table as markdown_table
from uncone.tasks.word_similarity import ContextualSimilarity as ContextualSimilarity
from uncone.tasks.word_similarity import WordSimilarity as WordSimilarity
