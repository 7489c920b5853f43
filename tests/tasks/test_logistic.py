"""The solver against scikit-learn's, which goes another way to the same minimum."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from uncone.tasks.logistic import fit_logistic, scaling

PATH = [1e-3, 1e-2, 1e-1, 1.0]


def data(n, d, classes, seed=0, noise=1.0):
    """Vectors of unequal scales that share directions, and labels that are a noisy linear function of them."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, d)) @ generator.normal(size=(d, d)) * generator.lognormal(size=d) + 3
    scores = StandardScaler().fit_transform(x) @ generator.normal(size=(d, classes))
    return x.astype(np.float32), (scores + noise * scores.std() * generator.gumbel(size=scores.shape)).argmax(axis=1)


@pytest.mark.parametrize(
    ("n", "d", "classes"), [(400, 20, 2), (400, 20, 4), (40, 60, 2), (40, 60, 3), (5000, 8, 2)], ids=str
)
def test_equals_scikit_learn_at_every_strength(n, d, classes):
    x, target = data(n, d, classes)
    scaler = StandardScaler().fit(x.astype(np.float64))
    scaled = scaler.transform(x.astype(np.float64))
    for C, ours in zip(PATH, fit_logistic(x, target, classes, PATH), strict=True):
        theirs = LogisticRegression(C=C, solver="newton-cg", tol=1e-9, max_iter=1000).fit(scaled, target)
        margins = x.astype(np.float64) @ ours.weights.T + ours.intercepts
        expected = theirs.decision_function(scaled)
        if classes > 2:
            margins, expected = (z - z.mean(axis=1, keepdims=True) for z in (margins, expected))
        np.testing.assert_allclose(margins.squeeze(), expected, atol=2e-4)
        np.testing.assert_array_equal(ours.predict(x), theirs.predict(scaled))


def test_a_point_of_the_path_does_not_depend_on_the_path():
    x, target = data(300, 10, 3)
    alone = [fit_logistic(x, target, 3, [C])[0] for C in PATH]
    for one, other in zip(alone, fit_logistic(x, target, 3, PATH), strict=True):
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-4)


def test_constant_and_dependent_features_do_no_harm():
    x, target = data(200, 5, 2)
    more = np.column_stack([x, np.full(200, 1e6), x[:, 0], np.zeros(200)])
    (plain,), (padded,) = fit_logistic(x[:, 1:], target, 2, [0.1]), fit_logistic(more[:, 1:], target, 2, [0.1])
    assert not padded.weights[0, [4, 6]].any()
    assert plain.weights.shape == (1, 4)
    assert (padded.predict(more[:, 1:]) == target).mean() >= (plain.predict(x[:, 1:]) == target).mean() - 0.02


def test_perfectly_separable_labels_converge():
    x = np.linspace(-1, 1, 50)[:, None]
    for fitted in fit_logistic(x, (x[:, 0] > 0).astype(int), 2, [1.0, 1e3]):
        assert (fitted.predict(x) == (x[:, 0] > 0)).all()


def test_scaling_and_refusal():
    mean, deviation = scaling(np.array([[1.0, 5.0], [3.0, 5.0]]))
    assert (mean.tolist(), deviation.tolist()) == ([2, 5], [1, 1])
    with pytest.raises(ValueError, match="features hold NaN or infinity, first in row 1"):
        fit_logistic(np.array([[1.0], [np.nan], [2.0]]), np.array([0, 1, 0]), 2, [1.0])
