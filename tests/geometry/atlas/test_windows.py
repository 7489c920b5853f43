"""Windows: whole sentences, nothing lost, nothing across texts."""

import pytest

from uncone.geometry.atlas.windows import Windows


def test_sentences_stay_whole_and_nothing_is_lost():
    text = 'He said "Stop." Then he left. Mr. Smith paid $3.50 for it! "Why?" she asked.'
    cut = list(Windows([text], words=5))
    assert " ".join(cut) == text
    assert all(len(window.split()) <= 5 for window in cut)
    assert cut[0] == 'He said "Stop."'


def test_windows_do_not_span_texts_and_long_sentences_are_cut():
    assert list(Windows(["One. Two.", "Three."], words=9)) == ["One. Two.", "Three."]
    assert list(Windows(["a b c d e f g"], words=3)) == ["a b c", "d e f", "g"]


def test_windows_without_a_word_are_left_out():
    assert list(Windows(["", "  ", "...", "one"], words=9)) == ["one"]


def test_windows_can_be_read_again():
    cut = Windows(["One. Two."], words=1)
    assert list(cut) == list(cut) == ["One.", "Two."]


def test_a_window_needs_a_word():
    with pytest.raises(ValueError, match="at least 1 word, got words=0"):
        Windows(["a"], words=0)
