"""Logistic regression along a path of strengths of regularisation.

The model is that of scikit-learn's `LogisticRegression`: it minimises C Σ loss + ½ ‖W‖², the intercepts unpenalised,
binomial for two classes and multinomial for more. What differs is the way to the minimum, because a nested
cross-validation fits hundreds of models, and the figures should not depend on where a solver gave up:

- L-BFGS works in the coordinates v with W = V R⁻ᵀ, where RᵀR = h XᵀX / n + I / (C n), h = (K − 1) / K², is the
  curvature at W = 0. Ten to twenty passes over the data then fit two classes, with margins exact to five digits.
- Each C starts from the solution of the one before.
- Of more features than rows, only the space that the rows span matters; the problem is solved there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.linalg import cholesky, solve_triangular
from scipy.special import expit, log_softmax

_TOLERANCE = 1e-7  # of the gradient of the mean loss in v, where curvature is near 1
_PASSES = 3000
_GRAM_ROWS = 4096  # enough to precondition with


@dataclass(frozen=True)
class LinearClassifier:
    """Classes by the largest of linear scores.

    Attributes:
        weights: (k, d), one row per class; of two classes, the one row for the second.
        intercepts: (k,).
    """

    weights: np.ndarray
    intercepts: np.ndarray

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Class number (n,) of each row of `x` (n, d)."""
        scores = x @ self.weights.T + self.intercepts  # (n, k)
        return (scores[:, 0] > 0).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)


def fit_logistic(x: np.ndarray, target: np.ndarray, classes: int, C: Sequence[float]) -> list[LinearClassifier]:
    """Fit one classifier for each value of C, on features standardised by their own mean and standard deviation.

    Args:
        x: (n, d) features, finite.
        target: (n,) class numbers from 0 to classes − 1.
        classes: how many classes there are, at least 2.
        C: inverse strengths of regularisation, positive and increasing.

    Returns:
        A classifier of features that are *not* standardised for each C: the scaling is folded into it.

    Raises:
        ValueError: if the features are not finite, or the minimum is not reached.

    Example:
        >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> (classifier,) = fit_logistic(x, np.array([0, 0, 1, 1]), classes=2, C=[1.0])
        >>> classifier.predict(np.array([[1.4], [1.6]]))
        array([0, 1])
    """
    mean, scale = scaling(x)
    scaled = (x - mean) / scale  # (n, d) float64
    basis = None
    if scaled.shape[1] > len(scaled):
        basis, lower = np.linalg.qr(scaled.T)  # (d, n) orthonormal columns, (n, n)
        scaled = lower.T
    fitted = []
    for weights, intercepts in _path(scaled, target, classes, C):
        weights = (weights if basis is None else weights @ basis.T) / scale  # (k, d)
        fitted.append(LinearClassifier(weights, intercepts - weights @ mean))
    return fitted


def scaling(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and standard deviation (d,) of features (n, d), 1 in place of 0 where a feature is constant.

    Raises:
        ValueError: naming the first row with NaN or infinity.
    """
    bad = np.flatnonzero(~np.isfinite(x.sum(axis=1)))
    if len(bad):
        raise ValueError(f"the features hold NaN or infinity, first in row {bad[0]}")
    mean = x.mean(axis=0, dtype=np.float64)
    deviation = x.std(axis=0, dtype=np.float64)
    constant = deviation <= 1e-12 * np.maximum(1.0, np.abs(mean))
    return mean, np.where(constant, 1.0, deviation)


def _path(
    x: np.ndarray, target: np.ndarray, classes: int, path: Sequence[float]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Weights (k, d) and intercepts (k,) for each C, of centred features x (n, d)."""
    n, d = x.shape
    k = 1 if classes == 2 else classes
    expected = target[:, None] == np.arange(classes)[-k:]  # (n, k); of two classes, the second
    curvature = (classes - 1) / classes**2  # of the loss, where all classes are equally likely
    sample = x[:: -(-n // _GRAM_ROWS)]
    gram = curvature / len(sample) * (sample.T @ sample)  # (d, d)
    weights, intercepts = np.zeros((k, d)), np.zeros(k)
    for C in path:
        penalty = 1 / (C * n)
        root = solve_triangular(cholesky(gram + penalty * np.eye(d)), np.eye(d))  # R⁻¹
        weights, intercepts = _minimum(x, expected, penalty, root, 1 / np.sqrt(curvature), weights, intercepts)
        yield weights, intercepts


def _minimum(
    x: np.ndarray,
    expected: np.ndarray,
    penalty: float,
    root: np.ndarray,
    root_of_intercepts: float,
    weights: np.ndarray,
    intercepts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (k, d) and intercepts (k,) of least mean loss + ½ penalty ‖W‖², starting from the given ones."""
    k, d = weights.shape

    def coefficients(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        v = v.reshape(k, d + 1)  # counted from the start
        return weights + v[:, :-1] @ root.T, intercepts + root_of_intercepts * v[:, -1]

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = coefficients(v)
        loss, slope = _loss(x @ w.T + b, expected)
        gradient = slope.T @ x + penalty * w  # (k, d)
        in_v = np.column_stack([gradient @ root, root_of_intercepts * slope.sum(axis=0)])
        return loss + 0.5 * penalty * float((w * w).sum()), in_v.ravel()

    options = {"gtol": _TOLERANCE, "ftol": 0.0, "maxiter": _PASSES, "maxfun": _PASSES}
    found = optimize.minimize(objective, np.zeros(k * (d + 1)), jac=True, method="L-BFGS-B", options=options)
    steepest = np.abs(found.jac).max()
    if not steepest < 100 * _TOLERANCE:  # at the limit of rounding, L-BFGS may stop a little early
        raise ValueError(f"logistic regression has not converged, gradient {steepest:.1e}: use smaller C")
    return coefficients(found.x)


def _loss(scores: np.ndarray, expected: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean log loss and its derivative (n, k), from scores (n, k) and what is expected, (n, k) bool."""
    n = len(scores)
    if scores.shape[1] == 1:
        return float(np.logaddexp(0, scores).sum() - scores[expected].sum()) / n, (expit(scores) - expected) / n
    log_shares = log_softmax(scores, axis=1)
    return -float(log_shares[expected].sum()) / n, (np.exp(log_shares) - expected) / n
