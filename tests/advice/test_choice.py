"""Nested choice: who is eligible, and that a test never takes part in the choice that it tests."""

import numpy as np
import pytest

from uncone.advice.choice import RAW, Candidate, Design, Scores, choose, fit_of
from uncone.advice.layer import pairs_of_folds

from .planted import pairs_of, table_encoder


@pytest.fixture(scope="module")
def design():
    return Design(*pairs_of(table_encoder(0)), folds=4, divisions=2, seed=0)


def candidates_of(design, count, seed=0):
    generator = np.random.default_rng(seed)
    return [
        Candidate(
            RAW if i == 0 else f"m{i % 3}",
            f"{i}",
            design.words.score[None] + 0.3 * generator.standard_normal((1, len(design.words))),
            design.sentences.score[None] + 0.3 * generator.standard_normal((1, len(design.sentences))),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("words", "sentences", "best"),
    [
        ([0.5, 0.9, 0.6], [0.5, 0.4, 0.6], 2),  # the second is better on average, but hurts sentences
        ([0.5, 0.9, 0.6], [0.5, 0.5, 0.6], 1),
        ([0.5, 0.4, 0.9], [0.5, 0.9, 0.4], 0),
        ([0.5, np.nan, 0.6], [0.5, 0.9, 0.6], 2),
    ],
)
def test_best_falls_below_raw_on_neither(words, sentences, best):
    assert Scores(np.array(words), np.array(sentences)).best(raw=0) == best


def test_among_the_settings_of_one_method_the_mean_decides():
    scores = Scores(np.array([0.5, 0.9, 0.6]), np.array([0.5, 0.4, 0.6]))
    assert scores.best(None, among=[1, 2]) == 1
    assert scores.best(None, among=[2]) == 2


def test_fits_are_numbered_as_they_are_made():
    numbers = fit_of(4)
    for i, (a, b) in enumerate(pairs_of_folds(4)):
        assert numbers[a, b] == numbers[b, a] == i


def test_what_is_tested_takes_no_part_in_the_choice(design):
    """Whatever the candidates say of what a split tests, the split chooses as before."""
    candidates = candidates_of(design, 12)
    before = choose(design, candidates, ["m1", "m2"])
    for split in design.splits:
        generator = np.random.default_rng(split)
        tested = design.folds.fold == split % 4, design.halves[split] == 1
        spoilt = [
            Candidate(
                each.method,
                each.settings,
                np.where(tested[0], generator.standard_normal(each.words.shape), each.words),
                np.where(tested[1], generator.standard_normal(each.sentences.shape), each.sentences),
            )
            for each in candidates
        ]
        after = choose(design, spoilt, ["m1", "m2"])
        assert {name: rows[split] for name, rows in after.items()} == {
            name: rows[split] for name, rows in before.items()
        }


def test_every_score_is_of_a_fit_that_knew_neither_the_pair_nor_the_test(design):
    """Fits that give away which pairs they learned from are right nowhere that counts."""
    pairs = pairs_of_folds(4)
    words = np.zeros((len(pairs), len(design.words)))
    for i, left_out in enumerate(pairs):
        words[i, design.folds.training(*left_out)] = 1  # learned from
    for split in design.splits:
        figure, _ = design.chosen_by[split]
        assert not design._predicted(words, figure.items, split).any()
        knew = np.array([[split % 4 not in left_out] for left_out in pairs]) * np.ones(len(design.words))
        assert not design._predicted(knew, figure.items, split).any()
    figure, _ = design.tested
    assert not design._predicted(words, figure.items, None).any()


def test_predictions_are_those_of_what_each_split_chose(design):
    candidates = candidates_of(design, 8)
    words, sentences = design.predictions(candidates)
    figure = design.tested[0]
    for f in design.splits:
        rows = figure.items.cell == f
        np.testing.assert_array_equal(words[rows], candidates[f].words[0][design.folds.fold == f % 4])
    assert len(sentences) == (design.halves == 1).sum()
