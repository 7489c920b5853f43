"""Evaluation and training data: word pairs, sentence pairs, analogies, labelled texts, searches and plain text."""

from uncone.data.analogies import Analogies as Analogies
from uncone.data.analogies import load_analogies as load_analogies
from uncone.data.classification import load_classification as load_classification
from uncone.data.context import WordsInContext as WordsInContext
from uncone.data.context import load_words_in_context as load_words_in_context
from uncone.data.corpora import load_texts as load_texts
from uncone.data.files import DataUnavailable as DataUnavailable
from uncone.data.labelled import LabelledTexts as LabelledTexts
from uncone.data.pair_sets import load_sts as load_sts
from uncone.data.pair_sets import load_word_pairs as load_word_pairs
from uncone.data.pairs import ScoredPairs as ScoredPairs
from uncone.data.pairs import concatenate as concatenate
from uncone.data.retrieval import Searches as Searches
from uncone.data.retrieval import load_searches as load_searches
