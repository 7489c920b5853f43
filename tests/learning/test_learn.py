"""What a recipe makes of scored rows of a matrix: what validation chooses, what is left alone, what is refused."""

import itertools
import re

import numpy as np
import pytest
import torch

from uncone.encoder import Encoder
from uncone.export.estimator import DominantComponentRemoval
from uncone.learning.fit import Learner, follow, quietly
from uncone.learning.learn import learn
from uncone.learning.problem import Problem
from uncone.learning.recipe import Recipe
from uncone.removal import soft_zca
from uncone.removal.spectra import Spectra
from uncone.removal.spectrum import Spectrum

PAIRS, DIMENSION = 400, 10


@pytest.fixture(scope="module")
def planted() -> tuple[torch.Tensor, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Vectors (2n, d) whose meaning lies behind two large directions, pairs of them, and the cosine of the meaning."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(PAIRS, DIMENSION, generator=generator)
    share = torch.rand(PAIRS, 1, generator=generator)
    second = share * first + (1 - share) * torch.randn(PAIRS, DIMENSION, generator=generator)
    scores = torch.nn.functional.cosine_similarity(first[:, 2:], second[:, 2:])
    X = torch.cat([first, second])
    X[:, :2] = 8 * torch.randn(2 * PAIRS, 2, generator=generator) + torch.tensor([9.0, 0.0])
    return X, (np.arange(PAIRS), np.arange(PAIRS, 2 * PAIRS)), scores.numpy()


def learned(X, pairs, scores, seed=0, max_epochs=200, **changes):
    optimizer = {"max_epochs": max_epochs} | changes.pop("optimizer", {})
    recipe = Recipe.named("pairs").but(optimizer=optimizer, **changes)
    return follow(Problem.of_rows(X, pairs, scores, seed=seed), recipe)


def test_finds_the_planted_directions(planted):
    gains = learned(*planted, pull=0).gains
    assert gains[:2].max() < 0.3 * gains[2:].min()


def test_equal_seeds_give_equal_removals_and_leave_the_callers_numbers_alone(planted):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    one, two = (learned(*planted, seed=5, max_epochs=3) for _ in range(2))
    assert torch.equal(one.gains, two.gains)
    assert torch.equal(torch.random.get_rng_state(), before)
    other = learned(*planted, seed=6, max_epochs=3)
    assert not torch.equal(one.gains, other.gains)


def test_scores_that_say_nothing_leave_the_identity(planted):
    """The human scores are those of the raw cosine: nothing beats the start."""
    X, (i, j), _ = planted
    raw = torch.nn.functional.cosine_similarity(X[i], X[j]).numpy()
    assert torch.equal(learned(X, (i, j), raw, centred=False, learn_centre=False).gains, torch.ones(DIMENSION))


def test_prints_and_logs_nothing(planted, capfd, caplog):
    learned(*planted, max_epochs=2)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_thread_count_is_given_back(planted):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        learned(*planted, max_epochs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_best_epoch_is_kept_and_the_last_without_patience(planted):
    """Whichever is kept stands in one run of the same steps."""
    problem = Problem.of_rows(*planted)
    scores = {}
    for keep, patience in (("best", None), ("last", None), ("best", 2)):
        optimizer = {"max_epochs": 30, "learning_rate": 0.5, "keep": keep, "patience": patience}
        learner = Learner(problem, Recipe.named("pairs").but(D=4, optimizer=optimizer))
        with quietly():
            module = learner.fit()
        scores[keep, patience] = float(module.validation_scores(learner.data.validation)[0]), module.scores[0]
    assert scores["best", None][0] > scores["last", None][0] == scores["last", None][1] == scores["best", None][1]
    assert scores["best", 2][0] <= scores["best", None][0]


def test_what_stands_together_is_not_guessed_from_scores(planted):
    with pytest.raises(ValueError, match="which rows of a matrix do: take recipe='pairs'"):
        follow(Problem.of_rows(*planted), Recipe.named("learned"))


@pytest.mark.parametrize("given", ["pairs", "order"])
def test_learns_without_scores_what_rows_have_in_common_that_belong_together(given):
    """Queries and their documents, or rows in a row, differ along two large directions."""
    generator = torch.Generator().manual_seed(0)
    meaning = torch.randn(PAIRS, DIMENSION, generator=generator)
    X = torch.stack([meaning, meaning], 1 if given == "order" else 0).reshape(2 * PAIRS, DIMENSION)
    X += torch.randn(X.shape, generator=generator) / 3
    X[:, :2] = 8 * torch.randn(2 * PAIRS, 2, generator=generator)
    pairs = None if given == "order" else (np.arange(PAIRS), np.arange(PAIRS, 2 * PAIRS))
    recipe = Recipe.named("label_free").but(optimizer={"max_steps": 60}, strength=1)
    moved = follow(Problem.of_rows(X, pairs), recipe).matrix
    assert moved[:2, :2].norm() < 0.3 * moved[2:, 2:].norm()


def test_nothing_of_a_problem_is_made_before_it_is_asked_for():
    def never():
        raise AssertionError("made too early")

    problem = Problem(None, Spectra(never), never)
    with pytest.raises(AssertionError, match="too early"):
        _ = problem.training


TEN = np.arange(10)


@pytest.mark.parametrize(
    ("pairs", "scores", "message"),
    [
        ((TEN,), np.ones(10), "two lists of row numbers, .i, j., got 1"),
        ((TEN, TEN[:9]), np.ones(10), r"lists of one length, got \(10,\) and \(9,\)"),
        ((TEN, TEN), np.ones(9), "equally long"),
        ((TEN[:9], TEN[:9]), np.arange(9.0), "at least 10 pairs, got 9"),
        ((TEN, TEN + 0.5), np.arange(10.0), "row numbers, got float64"),
        ((TEN, TEN - 1), np.arange(10.0), "pairs name row -1 of a matrix of 50 rows"),
        ((TEN, TEN + 41), np.arange(10.0), "pairs name row 50 of a matrix of 50 rows"),
        ((TEN, TEN + 10), np.ones(10), "at least two different scores"),
        ((TEN, TEN + 10), np.arange(10.0), "the 2 validation pairs must be 3 or more"),
        ((TEN, TEN + 10), np.full(10, np.nan), "not finite"),
    ],
)
def test_refuses(pairs, scores, message):
    X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=message):
        Problem.of_rows(X, pairs, scores)


def test_learns_from_the_start_that_a_recipe_names(planted):
    """Held to its start, it is whitening; let go, it agrees better with the scores than whitening does."""
    X, (i, j), scores = planted
    start, few = {"method": "soft_zca", "eps": 0.01}, {"centred": False, "learn_centre": False, "D": None}
    whitened = soft_zca(Spectrum.fit(X), eps=0.01).apply(X)
    held = learned(*planted, start=start, pull=1e9, optimizer={"keep": "last"}, **few).apply(X)
    torch.testing.assert_close(paired(held, i, j), paired(whitened, i, j), atol=5e-3, rtol=0)
    nothing = learned(*planted, start=start, strength=0, **few).apply(X)
    torch.testing.assert_close(paired(nothing, i, j), paired(whitened, i, j), atol=1e-4, rtol=0)
    free = learned(*planted, start=start, pull=0, **few).apply(X)
    assert np.corrcoef(paired(free, i, j), scores)[0, 1] > np.corrcoef(paired(whitened, i, j), scores)[0, 1] + 0.05


def paired(X, i, j) -> torch.Tensor:
    return torch.nn.functional.cosine_similarity(X[i], X[j])


@pytest.mark.parametrize(
    ("start", "message"),
    [({"method": "pca"}, "unknown start.method 'pca'"), ({"method": "soft_zca", "k": 3}, "soft_zca has no such")],
)
def test_refuses_a_start_that_there_is_not(planted, start, message):
    with pytest.raises(ValueError, match=message):
        learned(*planted, start=start)


def test_rows_and_the_estimator_learn_the_same(planted):
    """In one call, as by the problem, and as a transformer of scikit-learn."""
    X, (i, j), scores = planted
    recipe = Recipe.named("pairs").but(optimizer={"max_epochs": 5})
    made = learn(X, pairs=zip(i, j, scores, strict=True), recipe=recipe, seed=3)
    assert torch.equal(made.gains, follow(Problem.of_rows(X, (i, j), scores, seed=3), recipe).gains)
    estimator = DominantComponentRemoval("learned", recipe=recipe, random_state=3).fit(X, pairs=(i, j), scores=scores)
    assert torch.equal(made.gains, estimator.removal_.gains)
    assert re.fullmatch(
        r"<Removal learned\(D=10, strength=1.0\): centred, re(move|weigh)s 10 of 10 components, w from [^ ]+ to [^ ]+>",
        repr(made),
    )


def test_pairs_and_texts_of_ones_own(wordy_model):
    encoder = Encoder.from_pretrained(wordy_model, layers="static", device="cpu")
    words = ["cat", "dog", "sun", "tea", "car", "cup", "mug", "sky", "red", "day", "sea", "ice"]
    pairs = [(a, b, float(k)) for k, (a, b) in enumerate(itertools.combinations(words, 2))]
    texts = [f"The {a} stands by the sea all day. It is red as the {b} in the sky." for a, b, _ in pairs]
    recipe = Recipe.named("quick").but(D=2, strength=1)
    own = learn(encoder, pairs, texts, recipe)
    assert own.encoder["hash"] == encoder.hash
    assert not torch.equal(own.gains, learn(encoder, pairs, texts[::-2], recipe).gains)
    sentences = learn(encoder, [(f"a {a}", f"the {b}", score) for a, b, score in pairs], texts, recipe)
    assert not torch.equal(own.gains, sentences.gains)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "learned from scored pairs of its rows"),
        ({"pairs": [(0, 1)]}, r"a pair is .one, other, score., got .0, 1."),
        ({"pairs": [(0, 1, 2.0)] * 9}, "at least 10 pairs, got 9"),
        ({"pairs": [(0, 1, 2.0)], "recipe": "label_free"}, "looks at no scores: leave out pairs"),
        ({"pairs": [(0, 1, 2.0)], "texts": ["a"]}, "texts are read by an encoder"),
        ({"recipe": "paiers"}, "unknown recipe 'paiers'"),
    ],
)
def test_says_what_is_missing(planted, given, message):
    with pytest.raises(ValueError, match=message):
        learn(planted[0], **given)
