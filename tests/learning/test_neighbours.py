"""Cutting running text into neighbouring sentences."""

import pytest

from uncone.data.corpora import split_sentences
from uncone.learning.neighbours import neighbouring_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here. Two there.", ["One here.", "Two there."]),
        ('He said "Go!" She went.', ['He said "Go!"', "She went."]),
        ("It cost 3.50 dollars. 12 people paid.", ["It cost 3.50 dollars.", "12 people paid."]),
        ("no end", ["no end"]),
        ("  ", []),
    ],
)
def test_split(text, expected):
    assert split_sentences(text) == expected


def test_neighbours_stay_inside_a_text_and_come_once():
    texts = ["The first one is long. The second one is long. The third one is long."] * 2 + ["A fourth one on its own."]
    assert neighbouring_sentences(texts) == [
        ("The first one is long.", "The second one is long."),
        ("The second one is long.", "The third one is long."),
    ]


def test_short_sentences_are_passed_over():
    assert neighbouring_sentences(["He ran. The second sentence is long enough."]) == []


def test_of_many_pairs_a_random_sample_is_taken(monkeypatch):
    texts = [f"The number of this sentence is {i}. Whatever follows it is {i} too." for i in range(500)]
    monkeypatch.setattr("uncone.learning.neighbours.MOST_PAIRS", 100)
    found = neighbouring_sentences(texts)
    monkeypatch.undo()
    everything = neighbouring_sentences(texts)
    assert len(found) == 100
    assert found == [pair for pair in everything if pair in set(found)]
    assert 150 < sum(map(everything.index, found)) / 100 < 350
