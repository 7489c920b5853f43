"""The scikit-learn transformer: scikit-learn's own checks, and equality with `uncone.removal`."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import uncone
from uncone import DominantComponentRemoval, removal
from uncone.export.estimator import FIXED
from uncone.learning.recipe import Recipe
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

BRIEF = Recipe.named("pairs").but(optimizer={"max_epochs": 10})


class Clustered(DominantComponentRemoval):
    """Two clusters, and no `sample_weight`, which they refuse."""

    def __init__(self, random_state=0):
        super().__init__("clustered", n_clusters=2, random_state=random_state)

    def fit(self, X, y=None):
        return super().fit(X)


class LearnedFromDistances(DominantComponentRemoval):
    """Learned, with pairs made of the data: every two rows, scored by their distance in the last column."""

    def __init__(self, random_state=0):
        super().__init__("learned", recipe=BRIEF, random_state=random_state)

    def fit(self, X, y=None):
        n = next(iter(np.shape(np.asarray(X))), 0)  # 0 for what is no matrix, which `super` refuses
        i, j = np.triu_indices(min(n, 12), 1)
        scores = -np.abs(i - j) + 0.01 * i
        return super().fit(X, pairs=(i, j), scores=scores)


@parametrize_with_checks([*map(DominantComponentRemoval, FIXED), Clustered(), LearnedFromDistances()])
def test_follows_the_rules_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_no_check_is_skipped():
    """The one that scikit-learn leaves out above needs a variable that is read when scipy is first imported."""
    script = f"""
from sklearn.utils.estimator_checks import check_estimator
from uncone import DominantComponentRemoval
for method in {FIXED}:
    results = check_estimator(DominantComponentRemoval(method), on_skip=None)
    assert len(results) > 50
    assert {{each["status"] for each in results}} == {{"passed"}}, results
"""
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    """(200, 8) vectors of falling variance, far from the origin."""
    return np.random.default_rng(0).normal(size=(200, 8)) * np.arange(9, 1, -1) + 5


CASES = {
    "none": ({}, lambda s: removal.none(len(s.mean))),
    "centre": ({}, lambda s: removal.centre(s)),
    "all_but_the_top": ({"D": 3, "centred": False}, lambda s: removal.all_but_the_top(s, 3, centred=False)),
    "conceptor": ({"alpha": 0.3}, lambda s: removal.conceptor(s, 0.3)),
    "whitening": ({"D": 5}, lambda s: removal.whitening(s, 5)),
    "common_components": ({"D": 2}, lambda s: removal.common_components(s, 2)),
    "spectral_tempering": ({"D": 4}, lambda s: removal.spectral_tempering(s, 4)),
    "standardize": ({}, lambda s: removal.standardize(s)),
    "soft_zca": ({"eps": 0.5}, lambda s: removal.soft_zca(s, 0.5)),
    "renormalize": ({"variant": "R1"}, lambda s: removal.renormalize(s, "R1")),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", FIXED)
def test_is_the_removal_of_that_name(X, method, weighted, dtype):
    settings, make = CASES[method]
    given = X.astype(dtype)
    weights = np.random.default_rng(1).random(len(X)) if weighted else None
    estimator = DominantComponentRemoval(method, **settings).fit(given, sample_weight=weights)
    result = estimator.transform(given)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, make(Spectrum.fit(given, weights)).apply(given))


def test_zipfian_whitening_is_whitening_under_probabilities(X):
    p = np.random.default_rng(2).dirichlet(np.ones(len(X)))
    Y = DominantComponentRemoval("whitening").fit(X, sample_weight=p).transform(X)
    np.testing.assert_allclose(p @ Y, 0, atol=1e-12)
    covariance = (Y * p[:, None]).T @ Y
    np.testing.assert_allclose(covariance / covariance[0, 0], np.eye(8), atol=1e-12)


def test_clustered(X):
    islands = np.concatenate([X, X + 1000])
    ours = DominantComponentRemoval("clustered", D=2, n_clusters=np.int64(2)).fit_transform(islands)
    expected = removal.clustered(Clustering.fit(islands, 2), 2, "texts").apply(islands)
    np.testing.assert_allclose(ours, expected, atol=1e-3)
    np.testing.assert_allclose(ours[:200], ours[200:], atol=1e-3)  # each island loses its own mean
    with pytest.raises(ValueError, match="weighs all rows equally: leave out sample_weight"):
        DominantComponentRemoval("clustered").fit(X, sample_weight=np.ones(len(X)))


@pytest.mark.parametrize(("d", "D"), [(8, 1), (100, 1), (150, 2), (768, 8)])
def test_default_number_of_components(d, D):
    X = np.random.default_rng(0).normal(size=(20, d))
    assert DominantComponentRemoval().fit(X).removal_.settings == {"D": D, "centred": True}


def test_float64_is_precise(X):
    """Not only the type: the result has the precision of float64, against numpy's own decomposition."""
    Y = DominantComponentRemoval(D=2).fit(X).transform(X)
    centred = X - X.mean(0)
    rest = np.linalg.svd(centred)[2][2:]
    np.testing.assert_allclose(Y, centred @ rest.T @ rest, atol=1e-12)


# ------------------------------------------------------------------------------------------------ learned


@pytest.fixture(scope="module")
def cone() -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Vectors (2n, d), scores of n pairs, and the one direction (d,) that means nothing.

    It is the second in variance, behind one that means a lot: no number of leading components is right to remove.
    """
    generator = np.random.default_rng(0)
    n, d = 600, 12
    first, second, share = generator.normal(size=(n, d)), generator.normal(size=(n, d)), generator.random((n, 1))
    meaning = np.stack([first, share * first + (1 - share) * second])  # (2, n, d)
    meaning[..., 0] *= 5
    meaning[..., 1] = 0
    scores = (meaning[0] * meaning[1]).sum(1) / np.linalg.norm(meaning, axis=2).prod(0)
    meaning[..., 1] = generator.normal(0, 4, size=(2, n))
    axes = np.linalg.qr(generator.normal(size=(d, d)))[0]
    return meaning.reshape(2 * n, d) @ axes.T, (np.arange(n), np.arange(n, 2 * n)), scores, axes[:, 1]


def agreement(Y: np.ndarray, pairs, scores, rows=slice(400, None)) -> float:
    """Spearman of cosines with scores, on pairs that nothing was learned from."""
    a, b = Y[pairs[0][rows]], Y[pairs[1][rows]]
    return spearmanr((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1), scores[rows]).statistic


def test_learned_finds_what_no_fixed_method_can(cone):
    X, pairs, scores, direction = cone
    seen = {"pairs": (pairs[0][:400], pairs[1][:400]), "scores": scores[:400]}
    learned = DominantComponentRemoval("learned", pull=0.01).fit(X, **seen)
    fixed = [DominantComponentRemoval(method) for method in FIXED]
    fixed += [DominantComponentRemoval(D=D, centred=centred) for D in (2, 3, 4) for centred in (True, False)]
    best = max(agreement(each.fit_transform(X), pairs, scores) for each in fixed)
    assert agreement(learned.transform(X), pairs, scores) > best + 0.05
    assert abs(learned.removal_.components[:, 1].numpy() @ direction) > 0.95
    assert learned.removal_.gains.argmin() == 1


def test_learned_with_one_component_and_without_centre(cone):
    X, pairs, scores, _ = cone
    estimator = DominantComponentRemoval("learned", D=np.int64(1), centred=False).fit(X, pairs=pairs, scores=scores)
    assert estimator.removal_.components.shape == (12, 1)
    assert not estimator.removal_.centre.any()


def test_a_recipe_by_its_name_or_as_a_value(cone):
    X, pairs, scores, _ = cone
    paper = Recipe.named("paper").but(optimizer={"max_epochs": 2})
    removal_ = DominantComponentRemoval("learned", recipe=paper).fit(X, pairs=pairs, scores=scores).removal_
    assert (removal_.settings["recipe"]["parameterisation"], removal_.settings["D"]) == ("paper", 10)
    default, named = (
        DominantComponentRemoval("learned", D=2, **options).fit_transform(X, pairs=pairs, scores=scores)
        for options in ({}, {"recipe": "pairs"})
    )
    np.testing.assert_array_equal(default, named)
    with pytest.raises(ValueError, match="unknown recipe 'papre'"):
        DominantComponentRemoval("learned", recipe="papre").fit(X, pairs=pairs, scores=scores)


def test_learned_repeats_under_one_random_state(cone):
    X, pairs, scores, _ = cone
    runs = [
        DominantComponentRemoval("learned", recipe=BRIEF, random_state=state).fit_transform(
            X, pairs=pairs, scores=scores
        )
        for state in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_learned_in_a_pipeline(cone):
    X, pairs, scores, _ = cone
    pipeline = make_pipeline(DominantComponentRemoval("learned", recipe=BRIEF), LogisticRegression())
    pipeline.fit(X, X[:, 0] > 0, dominantcomponentremoval__pairs=pairs, dominantcomponentremoval__scores=scores)
    assert pipeline[0].removal_.method == "learned"


# ------------------------------------------------------------------------------------------------ the ecosystem


def test_pandas_in_and_out(X):
    frame = pd.DataFrame(X, columns=list("abcdefgh"), index=np.arange(len(X)) * 2)
    estimator = DominantComponentRemoval(D=1).set_output(transform="pandas")
    result = estimator.fit_transform(frame)
    assert list(result.columns) == list(estimator.get_feature_names_out()) == list("abcdefgh")
    assert (result.index == frame.index).all()
    np.testing.assert_array_equal(result, DominantComponentRemoval(D=1).fit_transform(X))


def test_grid_search_chooses_the_planted_D():
    """Two large directions drown the class: removing both is best, and a grid of numpy's numbers finds it."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(300, 6)) * [60, 50, 1, 1, 1, 1]
    y = X[:, 2:].sum(1) > 0
    pipeline = make_pipeline(DominantComponentRemoval(), KNeighborsClassifier(25))
    search = GridSearchCV(pipeline, {"dominantcomponentremoval__D": np.arange(1, 6)}, cv=3).fit(X, y)
    assert search.best_params_ == {"dominantcomponentremoval__D": 2}


def test_clones_and_pickles(X):
    estimator = DominantComponentRemoval("soft_zca", eps=0.3).fit(X)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.transform(X), estimator.transform(X))
    fresh = clone(estimator)
    assert fresh.get_params() == estimator.get_params()
    assert not hasattr(fresh, "removal_")


def test_a_saved_removal_is_taken_up_again(X, tmp_path):
    fitted = DominantComponentRemoval("all_but_the_top", D=2).fit(X)
    fitted.removal_.save(tmp_path)
    loaded = clone(DominantComponentRemoval(uncone.Removal.load(tmp_path))).fit(X[:2])
    np.testing.assert_allclose(loaded.transform(X), fitted.transform(X), atol=1e-4)
    pipeline = make_pipeline(DominantComponentRemoval(uncone.Removal.load(tmp_path)), LogisticRegression())
    assert pipeline.fit(X, X[:, 0] > 5).score(X, X[:, 0] > 5) > 0.5


def test_all_rows_equal():
    X = np.full((5, 3), 7.0)
    assert not DominantComponentRemoval().fit_transform(X).any()
    np.testing.assert_array_equal(DominantComponentRemoval(centred=False).fit_transform(X), X)


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        (DominantComponentRemoval("whitenning"), {}, "unknown method 'whitenning': choose one of none, centre"),
        (DominantComponentRemoval("learned"), {}, r"needs scored pairs: fit\(X, pairs=\(i, j\), scores=scores\)"),
        (DominantComponentRemoval(), {"pairs": ([0], [1]), "scores": [1]}, "only method='learned' learns from pairs"),
        (DominantComponentRemoval(D=9), {}, "D must be a whole number from 1 to 8 .the rank"),
        (DominantComponentRemoval(D=1.5), {}, "D must be a whole number from 1 to 8"),
        (DominantComponentRemoval("whitening", D=0), {}, "D must be a whole number from 1 to 8"),
        (DominantComponentRemoval("conceptor", alpha=0), {}, "alpha must be above 0"),
        (
            DominantComponentRemoval(),
            {"sample_weight": np.full(200, -1.0)},
            "Negative values in data passed to `sample",
        ),
    ],
)
def test_refuses(X, estimator, options, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, **options)


def test_refuses_a_removal_of_another_dimension(X):
    made = removal.centre(Spectrum.fit(X[:, :5]))
    with pytest.raises(ValueError, match="corrects 5 dimensions, X has 8"):
        DominantComponentRemoval(made).fit(X)
