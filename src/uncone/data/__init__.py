"""Evaluation and training data: word pairs, sentence pairs, analogies, labelled texts and plain text."""

from uncone.data.analogies import Analogies, load_analogies
from uncone.data.classification import load_classification
from uncone.data.context import WordsInContext, load_words_in_context
from uncone.data.corpora import load_texts
from uncone.data.files import DataUnavailable
from uncone.data.labelled import LabelledTexts
from uncone.data.pair_sets import load_sts, load_word_pairs
from uncone.data.pairs import ScoredPairs, concatenate

__all__ = [
    "Analogies",
    "DataUnavailable",
    "LabelledTexts",
    "ScoredPairs",
    "WordsInContext",
    "concatenate",
    "load_analogies",
    "load_classification",
    "load_sts",
    "load_texts",
    "load_word_pairs",
    "load_words_in_context",
]
