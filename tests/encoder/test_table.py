from functools import partial

import numpy as np
import pytest
import torch

from uncone.encoder import TableEncoder
from uncone.encoder.frequency import piece_probabilities

ROWS = {"[UNK]": 0, "the": 1, "cat": 2, "dog": 3}


def tokenize(texts):
    return [[ROWS.get(word, 0) for word in text.split()] for text in texts]


def make(**options) -> TableEncoder:
    table = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    return TableEncoder(table, list(ROWS), tokenize, "toy", "hash", unknown=0, **options)


@pytest.fixture(autouse=True)
def few_words(monkeypatch):
    """Take piece probabilities from few words: cutting 100 000 takes seconds."""
    monkeypatch.setattr("uncone.encoder.frequency.piece_probabilities", partial(piece_probabilities, words=2000))


@pytest.mark.parametrize("pooling", ["mean", "sum", "max", "first", "last", "idf", "sif"])
def test_encoding_gathers_rows(pooling, monkeypatch):
    monkeypatch.setattr("uncone.encoder.table.TEXTS_PER_BLOCK", 2)
    encoder = make(pooling=pooling)
    texts = ["the cat", "dog the cat", "the cat", "a dog", "cat"]
    for vector, row in zip(encoder.encode(texts), tokenize(texts), strict=True):
        vectors, w = encoder.table[row], encoder.weights[row] if encoder.weights is not None else torch.ones(len(row))
        expected = {
            "sum": vectors.sum(0),
            "max": vectors.max(0).values,
            "first": vectors[0],
            "last": vectors[-1],
        }.get(pooling, (w[:, None] * vectors).sum(0) / w.sum())
        np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_tokens_are_rows():
    encoder = make()
    tokens = encoder.encode_tokens(["the cat", "the cat", "dog"])
    assert tokens.types.tolist() == [1, 2, 1, 2, 3]
    assert tokens.texts.tolist() == [0, 0, 1, 1, 2]
    np.testing.assert_array_equal(tokens.vectors, encoder.table[tokens.types])


def test_known_words_and_prefix():
    assert make().known(["cat", "cow"]).tolist() == [True, False]
    assert make(prefix=" ").as_words(["cat"]) == [" cat"]


def test_weights_of_words_are_those_of_the_word_list():
    weights = make(layers="words", pooling="sif").weights
    assert weights.argmin() == ROWS["the"]
    assert weights[ROWS["cat"]] == pytest.approx(1e-3 / (1e-3 + 6.5e-5), rel=0.1)


def test_table_and_pieces_must_agree():
    with pytest.raises(ValueError, match="the table of toy has 3 rows but its vocabulary 2 pieces"):
        TableEncoder(torch.zeros(3, 2), ["a", "b"], tokenize, "toy", "hash")
