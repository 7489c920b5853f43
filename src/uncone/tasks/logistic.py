"""Logistic regression for many strengths of regularisation at once.

The model is that of scikit-learn's `LogisticRegression`: it minimises C Σ loss + ½ ‖W‖², the intercepts unpenalised,
binomial for two classes and multinomial for more. What differs is the way to the minimum, because a nested
cross-validation fits hundreds of models:

- All C are solved together. Their sum is one smooth function, and a pass over the data, which is what costs time,
  serves every C.
- L-BFGS works in the coordinates v with W = R⁻¹ v. There RᵀR = h XᵀX / n + I / (C n), h = (K − 1) / K², is the
  curvature at the start, so that a dozen passes reach margins that are exact to six digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.linalg import cholesky, solve_triangular
from scipy.special import expit, softmax

_TOLERANCE = 1e-7  # of the gradient of the mean loss in v, where curvature is near 1
_PASSES = 1000
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
        C: inverse strengths of regularisation, positive.

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
    solved = _solve(scaled, target, classes, np.asarray(C, dtype=np.float64))  # (c, k, d + 1)
    fitted = []
    for coefficients in solved:
        weights = coefficients[:, :-1] / scale
        fitted.append(LinearClassifier(weights, coefficients[:, -1] - weights @ mean))
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


def _solve(x: np.ndarray, target: np.ndarray, classes: int, C: np.ndarray) -> np.ndarray:
    """Coefficients (c, k, d + 1), intercept last, of centred features x (n, d)."""
    n, d = x.shape
    k = 1 if classes == 2 else classes
    curvature = (classes - 1) / classes**2  # of the loss at equal probabilities
    sample = x[:: -(-n // _GRAM_ROWS)]
    gram = curvature / len(sample) * (sample.T @ sample)  # (d, d)
    penalty = 1 / (C * n)  # (c,)
    roots = [solve_triangular(cholesky(gram + p * np.eye(d)), np.eye(d)) for p in penalty]  # R⁻¹ of each C
    expected = target[:, None] == np.arange(classes)[-k:]  # (n, k); of two classes, the second

    def coefficients(v: np.ndarray) -> np.ndarray:
        v = v.reshape(len(C), k, d + 1)
        weights = np.stack([each @ root.T for each, root in zip(v[..., :-1], roots, strict=True)])
        return np.concatenate([weights, v[..., -1:] / np.sqrt(curvature)], axis=2)

    def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
        w = coefficients(v)  # (c, k, d + 1)
        weights = w[..., :-1]
        scores = x @ weights.reshape(-1, d).T + w[..., -1].ravel()  # (n, c k)
        loss, slope = _loss(scores.reshape(n, len(C), k), expected)
        total = loss / n + 0.5 * penalty @ (weights**2).sum(axis=(1, 2))
        slope = slope.reshape(n, -1) / n
        gradient = (slope.T @ x).reshape(weights.shape) + penalty[:, None, None] * weights
        in_v = np.stack([each @ root for each, root in zip(gradient, roots, strict=True)])
        intercepts = slope.sum(axis=0).reshape(len(C), k, 1) / np.sqrt(curvature)
        return total, np.concatenate([in_v, intercepts], axis=2).ravel()

    start = np.zeros(len(C) * k * (d + 1))
    options = {"gtol": _TOLERANCE, "ftol": 0.0, "maxiter": _PASSES, "maxfun": 2 * _PASSES}
    found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    slope = np.abs(found.jac).max()
    if not slope < 100 * _TOLERANCE:  # at the limit of rounding L-BFGS may stop a little early
        raise ValueError(f"logistic regression has not converged (gradient {slope:.1e}, C {C.tolist()}): use smaller C")
    return coefficients(found.x)


def _loss(scores: np.ndarray, expected: np.ndarray) -> tuple[float, np.ndarray]:
    """Log loss summed over items and C, and its derivative (n, c, k), from scores (n, c, k) and expected (n, k)."""
    expected = expected[:, None]
    if scores.shape[2] == 1:
        return float(np.logaddexp(0, scores).sum() - (expected * scores).sum()), expit(scores) - expected
    shares = softmax(scores, axis=2)
    tops = scores.max(axis=2)
    log_sums = tops + np.log(np.exp(scores - tops[..., None]).sum(axis=2))
    return float(log_sums.sum() - (expected * scores).sum()), shares - expected
