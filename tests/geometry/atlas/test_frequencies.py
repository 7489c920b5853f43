"""Frequencies of token types from each source."""

import numpy as np
import pytest

from uncone.encoder import Encoder
from uncone.geometry.atlas.frequencies import type_frequencies


@pytest.fixture(scope="module")
def encoder():
    return Encoder.from_pretrained("minilm", layers="static")


def test_corpus_counts(encoder):
    counts = np.zeros(len(encoder.pieces), dtype=np.int64)
    counts[[5, 9]] = 1, 9
    log10 = type_frequencies(encoder, "corpus", counts)
    assert log10[[5, 9]] == pytest.approx([-1, np.log10(0.9)])
    assert np.isnan(log10[0])


def test_wordfreq(encoder):
    log10 = type_frequencies(encoder, "wordfreq", np.zeros(0))
    the, cat = (log10[encoder.pieces.index(word)] for word in ("the", "cat"))
    assert -2 < the < -1
    assert -5.5 < cat < -3.5


def test_a_file_of_counts_feeds_every_piece_of_a_word(encoder, tmp_path):
    path = tmp_path / "counts.tsv"
    path.write_text("word\tcount\ncat\t3\ncatlike\t1\n")
    log10 = type_frequencies(encoder, str(path), np.zeros(0))
    known = {encoder.pieces[i]: round(10 ** log10[i], 3) for i in np.flatnonzero(~np.isnan(log10))}
    assert known == {"cat": 0.8, "##like": 0.2}


def test_an_unknown_source_is_refused(encoder):
    with pytest.raises(ValueError, match="unknown frequencies 'google': choose corpus, wordfreq"):
        type_frequencies(encoder, "google", np.zeros(0))
