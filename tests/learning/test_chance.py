"""Scores that say nothing are told from those that teach, however often one looks."""

import logging

import numpy as np
import pytest

from uncone.learning.callbacks.best import BestEpoch
from uncone.learning.chance import LEVEL, ORDERS, Chance
from uncone.learning.learn import learn
from uncone.learning.recipe import Recipe
from uncone.tasks.statistics import macro_spearman

PAIRS = 40
DATASET = np.repeat([0, 1], PAIRS // 2)


def test_gains_are_those_of_the_macro_correlation():
    rng = np.random.default_rng(0)
    score, raw, predicted = rng.random(PAIRS).round(1), rng.random(PAIRS), rng.random((3, PAIRS))
    chance = Chance(score, DATASET, raw)
    chance.look(predicted)
    before, *after = macro_spearman(score, np.vstack([raw, predicted]), DATASET)
    assert chance.best[0] == pytest.approx(max(0, *(value - before for value in after)))
    chance.look(predicted[:1], last=True)
    assert chance.best[0] == pytest.approx(after[0] - before)


def test_looking_often_makes_nothing_sure():
    """Of 150 draws in which scores say nothing, about one in twenty is called sure, after ten looks at each."""
    rng = np.random.default_rng(0)
    sure = 0
    for _ in range(150):
        chance = Chance(rng.random(PAIRS), DATASET, rng.random(PAIRS))
        for _ in range(10):
            chance.look(rng.random((2, PAIRS)))
        sure += chance.p_value <= LEVEL
    assert 2 <= sure <= 15


def test_a_large_gain_is_sure():
    rng = np.random.default_rng(0)
    score = rng.random(PAIRS)
    chance = Chance(score, DATASET, rng.random(PAIRS))
    assert chance.p_value == 1
    chance.look(score[None])
    assert chance.p_value == 1 / (1 + ORDERS)


def test_a_resumed_run_remembers_what_it_has_seen():
    def best():
        return BestEpoch(None, Chance(np.arange(9.0), np.zeros(9), np.ones(9)))

    first, resumed = best(), best()
    first.chance.look(np.arange(9.0)[None])
    resumed.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(resumed.chance.best, first.chance.best)
    assert BestEpoch(None).state_dict().keys() == {"score", "epoch", "member", "weights"}


@pytest.mark.parametrize(("meant", "strength"), [(True, 1), (False, 0)])
def test_scores_that_say_nothing_teach_nothing(meant, strength, caplog):
    """Of 100 pairs of vectors with one noisy direction: what remains without it, or random numbers."""
    X = np.random.default_rng(0).standard_normal((200, 6)) * [9, 1, 1, 1, 1, 1]
    pairs = [(i, i + 100) for i in range(100)]
    scores = [X[i, 1:] @ X[j, 1:] for i, j in pairs] if meant else np.random.default_rng(1).random(100)
    recipe = Recipe.named("pairs").but(optimizer={"max_epochs": 40})
    with caplog.at_level(logging.WARNING, "uncone"):
        made = learn(X, [(i, j, score) for (i, j), score in zip(pairs, scores, strict=True)], recipe=recipe)
    assert made.settings["strength"] == strength
    assert ("80 pairs have taught nothing sure" in caplog.text) == (not meant)
    assert np.array_equal(made(X), X) == (not meant)
