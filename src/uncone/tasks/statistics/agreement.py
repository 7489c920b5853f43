"""Agreement of labels, on resamples held as counts: how often predictions are right, class by class and overall.

Each function takes gold (n,) and systems (S, n), labels as numbers, and returns the function that computes its
statistic (S, B) from the counts (n, B) of each item in B resamples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

OnCounts = Callable[[np.ndarray], np.ndarray]  # counts (n, B) of each item in B resamples -> statistic (S, B)


def accuracy(gold: np.ndarray, systems: np.ndarray) -> OnCounts:
    """Share of items predicted right."""
    correct = (systems == gold).astype(np.float64)  # (S, n)
    return lambda counts: correct @ counts / len(gold)


def macro_f1(gold: np.ndarray, systems: np.ndarray) -> OnCounts:
    """Unweighted mean of F1 over the classes that occur in the resample, in gold or predicted."""
    expected, predicted, both = _memberships(gold, systems)

    def on_counts(counts: np.ndarray) -> np.ndarray:
        sizes = expected @ counts + _each(predicted, counts)  # (S, C, B) items of the class, expected plus predicted
        occurs = sizes > 0
        f1 = 2 * _each(both, counts) / np.where(occurs, sizes, 1.0)  # = 2 tp / (2 tp + fp + fn)
        return f1.sum(axis=1) / occurs.sum(axis=1)

    return on_counts


def matthews(gold: np.ndarray, systems: np.ndarray) -> OnCounts:
    """Matthews' correlation coefficient of any number of classes (Gorodkin 2004); 0 where one side is constant."""
    expected, predicted, both = _memberships(gold, systems)
    n = len(gold)

    def on_counts(counts: np.ndarray) -> np.ndarray:
        t = expected @ counts / n  # (C, B) shares of the classes
        p = _each(predicted, counts) / n  # (S, C, B)
        correct = _each(both, counts).sum(axis=1) / n  # (S, B)
        covariance = correct - (p * t).sum(axis=1)
        variance = (1 - (p * p).sum(axis=1)) * (1 - (t * t).sum(axis=0))
        defined = variance > 1e-12  # below is the rounding noise of a constant side
        return np.where(defined, covariance / np.sqrt(np.where(defined, variance, 1.0)), 0.0)

    return on_counts


def _memberships(gold: np.ndarray, systems: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1 where an item is of a class: (C, n) by gold, (S, C, n) by prediction, (S, C, n) by both."""
    classes = np.unique(np.concatenate([gold, systems.ravel()]))[:, None]  # (C, 1)
    expected = (gold == classes).astype(np.float64)
    predicted = (systems[:, None] == classes).astype(np.float64)
    return expected, predicted, predicted * expected


def _each(memberships: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Items of each class, for each system: memberships (S, C, n) and counts (n, B) to (S, C, B)."""
    s, c, n = memberships.shape
    return (memberships.reshape(s * c, n) @ counts).reshape(s, c, -1)
