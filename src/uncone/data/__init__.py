"""Evaluation and training data: word pairs, sentence pairs, analogies and plain text."""

from uncone.data.analogies import Analogies, load_analogies
from uncone.data.corpora import load_texts
from uncone.data.files import DataUnavailable
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.data.sts import load_lee, load_sts
from uncone.data.word_pairs import load_word_pairs

__all__ = [
    "Analogies",
    "DataUnavailable",
    "ScoredPairs",
    "concatenate",
    "load_analogies",
    "load_lee",
    "load_sts",
    "load_texts",
    "load_word_pairs",
]
