"""Correlations, agreement of labels and means, of all items and of many resamples of them at once.

`gold` (n,) is what people said, `predicted` (n,) or (S, n) what one or S systems said of the same items. A statistic is
a function from both to a function from weights (n, B) of the items to values (S, B): a bootstrap resample is held as
the *count* of each item.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import zscore

from uncone.support.wording import unknown

Weighted = Callable[[np.ndarray], np.ndarray]  # weights (n, B) of the items -> statistic (S, B)

LOWER_IS_BETTER = ("alignment", "uniformity")
CORRELATIONS = ("pearson", "spearman")
_SMALLEST_SET = 3  # items of a data set whose correlation enters a macro mean

# Counts held at once (numbers of 8 bytes, so 1 MiB): measured fastest, as the temporaries then stay in the cache.
_BLOCK = 1 << 17


def point(statistic: str, gold: np.ndarray, predicted: np.ndarray) -> float:
    """The statistic of that name, one of `STATISTICS`, of one system (n,) on all items.

    A ValueError if the name is unknown, lengths differ, a value is NaN or infinite, or there are too few items or a
    constant side for the statistic to be defined.
    """
    gold, systems = checked(statistic, gold, predicted)
    if len(systems) != 1:
        raise ValueError(f"predicted must hold one system, shape (n,), got {len(systems)} systems")
    return float(STATISTICS[statistic](gold, systems)(np.ones((len(gold), 1)))[0, 0])


def macro_spearman(gold: np.ndarray, predicted: np.ndarray, dataset: np.ndarray) -> np.ndarray:
    """Spearman's correlation (S,) of systems (S, n) in each data set, averaged alike over those of three items or more.

    `dataset` (n,) tells which data set each item is of.
    """
    sets = [rows for name in np.unique(dataset) if (rows := dataset == name).sum() >= _SMALLEST_SET]
    each = [checked("spearman", gold[rows], predicted[:, rows]) for rows in sets]
    return np.mean([_spearman(*of_set)(np.ones((len(of_set[0]), 1)))[:, 0] for of_set in each], axis=0)


def bootstrap(
    statistic: str, gold: np.ndarray, predicted: np.ndarray, *, resamples: int = 1000, seed: int | list[int] = 0
) -> np.ndarray:
    """The statistic (S, resamples) of systems (S, n) or (n,) on resamples of the items, the same for every system.

    Memory is bounded (a few MiB besides the result) whatever n and `resamples`. NaN marks a resample in which one side
    happens to be constant; with more than a handful of items that does not happen. A ValueError as of `point`, or if
    `resamples` is below 1.

    Example:
        >>> gold, predicted = np.arange(50.0), np.arange(50.0) % 7
        >>> bootstrap("spearman", gold, predicted, resamples=10).shape
        (1, 10)
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    gold, systems = checked(statistic, gold, predicted)
    under = STATISTICS[statistic](gold, systems)
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(gold))
    sizes = [min(block, resamples - done) for done in range(0, resamples, block)]
    return np.concatenate([under(draw(len(gold), size, generator)) for size in sizes], axis=1)


def checked(statistic: str, gold: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gold (n,) and systems (S, n) as float64, refusing what has no such statistic."""
    if statistic not in STATISTICS:
        raise unknown("statistic", statistic, STATISTICS)
    gold = _finite(gold, "gold")
    systems = np.atleast_2d(_finite(predicted, "predicted"))
    if gold.ndim != 1 or systems.ndim != 2 or systems.shape[1] != len(gold):
        raise ValueError(f"gold (n,) and predicted (n,) or (S, n) do not fit: shapes {gold.shape} and {systems.shape}")
    if statistic not in CORRELATIONS:
        if not len(gold):
            raise ValueError(f"{statistic} needs at least one item, got none")
        return gold, systems
    if len(gold) < 2:
        raise ValueError(f"a correlation needs at least two items, got {len(gold)}")
    for name, rows in (("gold", gold[None]), ("predicted", systems)):
        constant = np.flatnonzero(np.ptp(rows, axis=1) == 0)
        if len(constant):
            raise ValueError(f"{name} is constant ({rows[constant[0], 0]:g}), so its correlation is undefined")
    return gold, systems


def _finite(x: np.ndarray, name: str) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        raise ValueError(f"{name} holds NaN or infinity, first in row {bad[0][-1]}: leave such items out")
    return x


def _pearson(gold: np.ndarray, systems: np.ndarray) -> Weighted:
    # Centring and scaling first keeps the moments below free of cancellation.
    x, y = zscore(gold), zscore(systems, axis=1)
    moments = np.concatenate([x[None], (x * x)[None], y, y * y, x * y])  # (2 + 3 S, n)

    def under(weights: np.ndarray) -> np.ndarray:
        means = moments @ weights / weights.sum(axis=0)  # (2 + 3 S, B)
        mean_x, square_x = means[0], means[1]
        mean_y, square_y, cross = np.split(means[2:], 3)  # (S, B) each
        return _correlation(cross - mean_x * mean_y, square_x - mean_x**2, square_y - mean_y**2)

    return under


def _spearman(gold: np.ndarray, systems: np.ndarray) -> Weighted:
    ranks_of_gold = _ranks(gold)
    ranks_of_systems = [_ranks(predicted) for predicted in systems]

    def under(weights: np.ndarray) -> np.ndarray:
        middle = (weights.sum(axis=0) + 1) / 2  # (B,) the mean of average ranks
        x = ranks_of_gold(weights) - middle  # (n, B)
        weighted = weights * x
        variance_x = np.einsum("nb,nb->b", weighted, x)
        result = np.empty((len(systems), weights.shape[1]))
        for s, ranks in enumerate(ranks_of_systems):
            y = ranks(weights) - middle  # (n, B)
            covariance = np.einsum("nb,nb->b", weighted, y)
            y *= y
            result[s] = _correlation(covariance, variance_x, np.einsum("nb,nb->b", weights, y))
        return result

    return under


def _ranks(x: np.ndarray) -> Weighted:
    """From weights (n, B) to the average rank (n, B) of every item (n,); that of an item of no weight means nothing.

    Items are sorted once, so that ranks under any weights cost O(n).
    """
    order = np.argsort(x, kind="stable")
    _, group, sizes = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes) - 1  # in the order, of each group of tied values

    def under(weights: np.ndarray) -> np.ndarray:
        up_to = np.cumsum(weights[order], axis=0)[ends]  # (groups, B)
        # a group covers the ranks from one past the count before it to the count at its end; take their mean
        ranks = up_to + 1
        ranks[1:] += up_to[:-1]
        ranks *= 0.5
        return ranks[group]  # (n, B)

    return under


def _correlation(covariance: np.ndarray, variance_x: np.ndarray, variance_y: np.ndarray) -> np.ndarray:
    """Covariance over standard deviations, clipped to [-1, 1]; NaN where a variance is nil."""
    # Values are standardised, or ranks: a variance as small as this is the rounding noise of a constant resample.
    defined = (variance_x > 1e-12) & (variance_y > 1e-12)
    scale = np.sqrt(np.where(defined, variance_x * variance_y, 1.0))
    return np.where(defined, np.clip(covariance / scale, -1.0, 1.0), np.nan)


def _mean(gold: np.ndarray, systems: np.ndarray) -> Weighted:
    """Mean of what is predicted, for tasks that measure each item instead of comparing it with gold."""
    return lambda weights: systems @ weights / weights.sum(axis=0)


def _accuracy(gold: np.ndarray, systems: np.ndarray) -> Weighted:
    """Share of items predicted right."""
    return _mean(gold, (systems == gold).astype(np.float64))


def _macro_f1(gold: np.ndarray, systems: np.ndarray) -> Weighted:
    """Unweighted mean of F1 over the classes that occur under the weights, in gold or predicted."""
    members = _members(gold, systems)

    def under(weights: np.ndarray) -> np.ndarray:
        expected, predicted, both = members(weights)
        sizes = expected + predicted  # (S, C, B)
        occurs = sizes > 0
        f1 = 2 * both / np.where(occurs, sizes, 1.0)  # = 2 tp / (2 tp + fp + fn)
        return f1.sum(axis=1) / occurs.sum(axis=1)

    return under


def _matthews(gold: np.ndarray, systems: np.ndarray) -> Weighted:
    """Matthews' correlation coefficient of any number of classes (Gorodkin 2004); 0 where one side is constant."""
    members = _members(gold, systems)

    def under(weights: np.ndarray) -> np.ndarray:
        expected, predicted, both = members(weights)
        n = weights.sum(axis=0)
        t, p = expected / n, predicted / n  # (C, B), (S, C, B) shares of the classes
        covariance = both.sum(axis=1) / n - (p * t).sum(axis=1)
        variance = (1 - (p * p).sum(axis=1)) * (1 - (t * t).sum(axis=0))
        defined = variance > 1e-12  # below is the rounding noise of a constant side
        return np.where(defined, covariance / np.sqrt(np.where(defined, variance, 1.0)), 0.0)

    return under


def _members(gold: np.ndarray, systems: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """From weights (n, B) to those of each of C classes: by gold (C, B), by prediction and by both (S, C, B)."""
    classes = np.unique(np.concatenate([gold, systems.ravel()]))[:, None]  # (C, 1)
    expected = (gold == classes).astype(np.float64)  # (C, n)
    predicted = (systems[:, None] == classes).astype(np.float64)  # (S, C, n)
    both = predicted * expected
    return lambda weights: (expected @ weights, predicted @ weights, both @ weights)


STATISTICS: dict[str, Callable[[np.ndarray, np.ndarray], Weighted]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "matthews": _matthews,
    # means of what each item contributes, which is what `predicted` then holds; `gold` is not looked at
    "mean": _mean,
    "alignment": _mean,
    "uniformity": _mean,
    "mean_accuracy": _mean,
    "v_measure": _mean,
    "ndcg@10": _mean,
    "map": _mean,
    "recall@100": _mean,
    "mrr@10": _mean,
}


def draw(n: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Counts (n, resamples) float64: how often each of n units is among n draws with replacement.

    What is made of several units counts as often as all of them: a pair of texts `counts[first] * counts[second]`.
    """
    drawn = generator.integers(0, n, size=(resamples, n))
    drawn *= resamples
    drawn += np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * resamples).reshape(n, resamples).astype(np.float64)
