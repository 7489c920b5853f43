"""Views of sentences: their words, out of order and without most of the frequent ones."""

from collections import Counter

import numpy as np

from uncone.encoder.frequency import word_probabilities
from uncone.learning.neighbours import SMOOTHING, bag_views


def test_words_stay_as_often_as_smooth_inverse_frequency_says():
    words = ["the", "with", "people", "ocelot"]
    views = bag_views([" ".join(words)] * 4000, seed=0)
    share = np.array([np.mean([word in view.split() for view in views]) for word in words])
    expected = SMOOTHING / (SMOOTHING + word_probabilities(words))
    assert expected[0] < 0.2 < expected[1] < 0.7 < expected[2] < 0.9 < expected[3]
    np.testing.assert_allclose(share, expected, atol=0.03)


def test_frequency_is_that_of_the_word_without_case_and_punctuation():
    views = bag_views(['"The, ocelot'] * 300, seed=1)
    assert np.mean(['"The,' in view for view in views]) < 0.25


def test_words_of_a_view_are_those_of_its_sentence_in_any_order():
    sentence = "rivers carry fine grey sediment past sunken harbour walls"
    views = bag_views([sentence] * 50, seed=2)
    assert not any(Counter(view.split()) - Counter(sentence.split()) for view in views)
    assert len(set(views)) > 40


def test_a_sentence_that_would_lose_all_words_keeps_them():
    views = bag_views(["of the"] * 100 + [""], seed=0)
    assert {" ".join(sorted(view.split())) for view in views[:100]} == {"of the", "of", "the"}
    assert views[100] == ""
    kept_all = np.mean([len(view.split()) == 2 for view in views[:100]])
    assert kept_all > 0.4  # as both would go most of the time


def test_seed():
    sentences = ["one heron stood in the shallows", "no boat came"]
    assert bag_views(sentences, 3) == bag_views(sentences, 3) != bag_views(sentences, 4)
