"""Correlations and agreement of labels: on all items, and on many resamples of them at once.

A resample is held as the *count* of each item rather than as n indices. Ranks inside a resample then need no sorting:
items are sorted once, and the average rank of a tied group is the running count up to it minus half its own size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uncone.tasks.statistics import agreement
from uncone.tasks.statistics.agreement import OnCounts
from uncone.tasks.statistics.ranks import TiedGroups


def average_ranks(x: np.ndarray) -> np.ndarray:
    """Ranks from 1 to n; tied values share the mean of the ranks they cover.

    Args:
        x: (n,) finite values.

    Returns:
        (n,) float64 ranks, with sum n (n + 1) / 2.

    Example:
        >>> average_ranks(np.array([10.0, 30.0, 10.0]))
        array([1.5, 3. , 1.5])
    """
    groups = TiedGroups(finite(x, "x"))
    return groups.ranks(np.ones((len(x), 1)))[:, 0]


def pearson(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's correlation coefficient, in [-1, 1].

    Args:
        gold: (n,) finite, not constant.
        predicted: (n,) finite, not constant.

    Raises:
        ValueError: if lengths differ, fewer than two items are given, a value is NaN or infinite (its row is named), or
            one side is constant, where the coefficient is undefined.

    Example:
        >>> round(pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 7])), 4)
        0.9934
    """
    return point("pearson", gold, predicted)


def spearman(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman's rank correlation coefficient, in [-1, 1]: Pearson's coefficient of the average ranks.

    Args:
        gold: (n,) finite, not constant.
        predicted: (n,) finite, not constant.

    Raises:
        ValueError: as `pearson`.

    Example:
        >>> spearman(np.array([1.0, 2, 3]), np.array([2.0, 4, 70]))
        1.0
    """
    return point("spearman", gold, predicted)


def spearman_each(gold: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation (M,) of gold scores with each of M columns of predictions.

    Args:
        gold: (n,) finite, not constant.
        predictions: (n, M) finite, no column constant.

    Raises:
        ValueError: as for `spearman`.

    Example:
        >>> spearman_each(np.array([1.0, 2, 3]), np.array([[1.0, 3], [2, 2], [3, 1]]))
        array([ 1., -1.])
    """
    gold, systems = checked("spearman", gold, predictions.T)
    return kernel("spearman")(gold, systems)(np.ones((len(gold), 1)))[:, 0]


def accuracy(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Share of items whose prediction equals the gold answer, in [0, 1].

    Args:
        gold: (n,) labels as numbers.
        predicted: (n,) labels as numbers.

    Raises:
        ValueError: if lengths differ, no item is given, or a value is NaN or infinite.

    Example:
        >>> accuracy(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 5]))
        0.75
    """
    return point("accuracy", gold, predicted)


def macro_f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Unweighted mean over classes of F1, the harmonic mean of precision and recall, in [0, 1].

    Classes are those that occur in gold or predicted; one that is never predicted right counts as 0.

    Args:
        gold: (n,) labels as numbers.
        predicted: (n,) labels as numbers.

    Raises:
        ValueError: as `accuracy`.

    Example:
        >>> round(macro_f1(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])), 4)  # mean of 6/7 and 0
        0.4286
    """
    return point("macro_f1", gold, predicted)


def matthews(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Matthews' correlation coefficient, in [-1, 1]; of several classes, that of Gorodkin 2004.

    Unlike accuracy it gives nothing for always saying the commonest class: where gold or predicted is constant it is 0
    by convention.

    Args:
        gold: (n,) labels as numbers.
        predicted: (n,) labels as numbers.

    Raises:
        ValueError: as `accuracy`.

    Example:
        >>> round(matthews(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])), 4)
        0.5774
    """
    return point("matthews", gold, predicted)


def point(statistic: str, gold: np.ndarray, predicted: np.ndarray) -> float:
    """The statistic of that name, one of `STATISTICS`, on all items.

    Raises:
        ValueError: if the name is unknown, or as the function of that name.

    Example:
        >>> point("accuracy", np.array([1, 2]), np.array([1, 1]))
        0.5
    """
    compute = kernel(statistic)
    gold, systems = checked(statistic, gold, predicted)
    if len(systems) != 1:
        raise ValueError(f"predicted must hold one system, shape (n,), got {len(systems)} systems")
    return float(compute(gold, systems)(np.ones((len(gold), 1)))[0, 0])


def _pearson(gold: np.ndarray, systems: np.ndarray) -> OnCounts:
    # Centring and scaling first keeps the moments below free of cancellation.
    x = _standardised(gold[None])[0]
    y = _standardised(systems)
    n = len(x)
    moments = np.concatenate([x[None], (x * x)[None], y, y * y, x * y])  # (2 + 3 S, n)

    def on_counts(counts: np.ndarray) -> np.ndarray:
        sums = moments @ counts / n  # (2 + 3 S, B)
        mean_x, square_x = sums[0], sums[1]
        mean_y, square_y, cross = np.split(sums[2:], 3)  # (S, B) each
        return _correlation(cross - mean_x * mean_y, square_x - mean_x**2, square_y - mean_y**2)

    return on_counts


def _spearman(gold: np.ndarray, systems: np.ndarray) -> OnCounts:
    gold_groups = TiedGroups(gold)
    groups = [TiedGroups(predicted) for predicted in systems]

    def on_counts(counts: np.ndarray) -> np.ndarray:
        middle = (counts.sum(axis=0) + 1) / 2  # (B,) the mean of average ranks
        x = gold_groups.ranks(counts) - middle  # (n, B)
        weighted = counts * x
        variance_x = np.einsum("nb,nb->b", weighted, x)
        result = np.empty((len(groups), counts.shape[1]))
        for s, group in enumerate(groups):
            y = group.ranks(counts) - middle  # (n, B)
            covariance = np.einsum("nb,nb->b", weighted, y)
            y *= y
            result[s] = _correlation(covariance, variance_x, np.einsum("nb,nb->b", counts, y))
        return result

    return on_counts


def _mean(gold: np.ndarray, systems: np.ndarray) -> OnCounts:
    """Mean of what is predicted, for tasks that measure each item instead of comparing it with gold."""
    return lambda counts: systems @ counts / len(gold)


STATISTICS: dict[str, Callable[[np.ndarray, np.ndarray], OnCounts]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "accuracy": agreement.accuracy,
    "macro_f1": agreement.macro_f1,
    "matthews": agreement.matthews,
    # means of what each item contributes, which is what `predicted` then holds; `gold` is not looked at
    "mean": _mean,
    "alignment": _mean,
    "uniformity": _mean,
    "mean_accuracy": _mean,
}
_CORRELATIONS = ("pearson", "spearman")
LOWER_IS_BETTER = ("alignment", "uniformity")


def _correlation(covariance: np.ndarray, variance_x: np.ndarray, variance_y: np.ndarray) -> np.ndarray:
    """Covariance over standard deviations, clipped to [-1, 1]; NaN where a variance is nil."""
    # Values are standardised, or ranks: a variance as small as this is the rounding noise of a constant resample.
    defined = (variance_x > 1e-12) & (variance_y > 1e-12)
    scale = np.sqrt(np.where(defined, variance_x * variance_y, 1.0))
    return np.where(defined, np.clip(covariance / scale, -1.0, 1.0), np.nan)


def _standardised(x: np.ndarray) -> np.ndarray:
    """Rows (S, n) with mean 0 and variance 1."""
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)


def kernel(statistic: str) -> Callable[[np.ndarray, np.ndarray], OnCounts]:
    """From (gold (n,), systems (S, n)) to the function that computes the statistic of that name on resamples."""
    if statistic not in STATISTICS:
        raise ValueError(f"unknown statistic {statistic!r}; choose one of {', '.join(STATISTICS)}")
    return STATISTICS[statistic]


def checked(statistic: str, gold: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gold (n,) and systems (S, n) as float64, refusing what has no such statistic."""
    gold = finite(gold, "gold")
    systems = np.atleast_2d(finite(predicted, "predicted"))
    if gold.ndim != 1 or systems.ndim != 2 or systems.shape[1] != len(gold):
        raise ValueError(f"gold (n,) and predicted (n,) or (S, n) do not fit: shapes {gold.shape} and {systems.shape}")
    if statistic not in _CORRELATIONS:
        if not len(gold):
            raise ValueError(f"{statistic} needs at least one item, got none")
        return gold, systems
    if len(gold) < 2:
        raise ValueError(f"a correlation needs at least two items, got {len(gold)}")
    for name, rows in (("gold", gold[None]), ("predicted", systems)):
        constant = np.flatnonzero(np.ptp(rows, axis=1) == 0)
        if len(constant):
            raise ValueError(
                f"{name} is constant (every value is {rows[constant[0], 0]:g}), so its correlation is undefined"
            )
    return gold, systems


def finite(x: np.ndarray, name: str) -> np.ndarray:
    """`x` as float64, refusing NaN and infinity by naming the row."""
    x = np.asarray(x, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        raise ValueError(f"{name} holds NaN or infinity, first in row {bad[0][-1]}: leave such items out")
    return x
