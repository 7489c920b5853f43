import numpy as np
import pytest
import tiny_models
import torch
from wordfreq import word_frequency

from uncone.encoder import Encoder, TableEncoder
from uncone.encoder.frequency import frequent_words, piece_probabilities, word_probabilities


def test_frequent_words_come_by_falling_frequency():
    words, p = frequent_words(500)
    assert len(words) == len(p) == len(set(words)) == 500
    assert np.all(np.diff(p) <= 0)
    assert p[7] == word_frequency(words[7], "en")


def test_word_probabilities_are_zero_for_unknown_words():
    assert word_probabilities(["the", "xqzzv"]).tolist() == [word_frequency("the", "en"), 0]
    assert word_probabilities([]).shape == (0,)


@pytest.mark.parametrize(("kind", "layers"), [("bert", 1), ("bert", "static"), ("gpt2", "static")])
def test_pieces_collect_the_probability_of_their_words(kind, layers, tmp_path):
    encoder = Encoder.from_pretrained(str(tiny_models.build(kind, tmp_path)), layers=layers)
    words, p = frequent_words(300)
    expected = np.zeros(len(encoder.pieces))
    for word, q in zip(words, p, strict=True):
        for piece in encoder.tokenize(encoder.as_words([word]))[0]:
            expected[piece] += q
    np.testing.assert_allclose(piece_probabilities(encoder, 300), expected / expected.sum(), atol=1e-12)


def test_an_encoder_that_knows_no_frequent_word():
    encoder = TableEncoder(torch.eye(1), ["qqq"], lambda texts: [[] for _ in texts], "toy", "hash")
    with pytest.raises(ValueError, match="toy knows none of the 10 most frequent English words"):
        piece_probabilities(encoder, 10)
