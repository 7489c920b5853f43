"""Corrected tables: gensim and numpy read them back."""

import json

import numpy as np
import pytest
import torch
from gensim.models import KeyedVectors

from uncone.encoder import Encoder, TableEncoder
from uncone.export.tables import NumpyExporter, Word2VecExporter

from .conftest import TEXTS, assert_same, clusters_for, removal_for


@pytest.fixture(scope="module")
def glove():
    return Encoder.from_word_vectors("glove", limit=500)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_every_word(glove, binary, tmp_path):
    removal = removal_for(glove)
    exporter = Word2VecExporter(binary)
    exporter.check(glove, removal)
    usage = exporter.write(glove, removal, tmp_path)
    name = "word2vec.bin" if binary else "word2vec.txt"
    assert name in usage
    read = KeyedVectors.load_word2vec_format(str(tmp_path / name), binary=binary)
    assert read.index_to_key == glove.pieces
    np.testing.assert_array_equal(read.vectors, removal.apply(glove.table).numpy())


def test_uncone_reads_it_back(glove, tmp_path):
    removal = removal_for(glove)
    Word2VecExporter().write(glove, removal, tmp_path)
    again = Encoder.from_word_vectors(tmp_path / "word2vec.txt")
    texts = ["the end of the year", "a good day."]
    assert_same(again.encode(texts), removal.apply(glove.encode(texts)))


def test_numpy(glove, tmp_path):
    removal = removal_for(glove)
    NumpyExporter().write(glove, removal, tmp_path)
    rows = np.load(tmp_path / "vectors.npy", allow_pickle=False)
    assert json.loads((tmp_path / "vocabulary.json").read_text()) == glove.pieces
    np.testing.assert_array_equal(rows, removal.apply(glove.table).numpy())


def test_the_mean_of_corrected_rows_is_the_corrected_mean(encoder_of, tmp_path):
    encoder = encoder_of("bert", "static")
    removal = removal_for(encoder)
    NumpyExporter().write(encoder, removal, tmp_path)
    rows = np.load(tmp_path / "vectors.npy")
    means = np.stack([rows[ids].mean(0) for ids in encoder.tokenize(TEXTS)])
    assert_same(means, removal.apply(encoder.encode(TEXTS)))


def test_names_with_white_space_are_left_out_and_counted(tmp_path):
    pieces = ["a", "two words", "", "line\nbreak", "nbsp\u00a0", "b"]
    encoder = TableEncoder(torch.eye(6), pieces, lambda texts: [[0] for _ in texts], "odd", "hash", layers="words")
    usage = Word2VecExporter().write(encoder, removal_for(encoder), tmp_path)
    assert "4 entries with white space" in usage
    assert KeyedVectors.load_word2vec_format(str(tmp_path / "word2vec.txt")).index_to_key == ["a", "b"]


def test_what_is_no_table_is_refused(encoder_of, glove):
    encoder = encoder_of("bert")
    with pytest.raises(ValueError, match=r"bert layers 2 has no table .* encoder.layers=static"):
        NumpyExporter().check(encoder, removal_for(encoder))
    with pytest.raises(ValueError, match="fit one of level=tokens"):
        Word2VecExporter().check(glove, clusters_for(glove, "texts"))
    NumpyExporter().check(glove, clusters_for(glove, "tokens"))
