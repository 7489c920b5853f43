"""How sure one may be of a statistic: percentile bootstrap over items, and paired comparison of two systems.

Intervals follow Efron and Tibshirani 1993, chapter 13. Two systems are compared on the same resamples of the items,
which removes the part of the noise that they share (Koehn 2004).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from uncone.tasks.statistics.correlation import checked, kernel, point

# Counts held at once (numbers of 8 bytes, so 1 MiB): measured fastest, as the temporaries then stay in the cache.
_BLOCK = 1 << 17


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


class Difference(NamedTuple):
    """How much better one system is than another on the same items.

    Attributes:
        difference: statistic of the system minus statistic of the reference.
        ci_low: lower end of its confidence interval.
        ci_high: upper end.
        p_value: two-sided, in (0, 1]; at least 2 / (resamples + 1), so 1000 resamples resolve 0.002.
    """

    difference: float
    ci_low: float
    ci_high: float
    p_value: float


def bootstrap(
    statistic: str, gold: np.ndarray, predicted: np.ndarray, *, resamples: int = 1000, seed: int | list[int] = 0
) -> np.ndarray:
    """The statistic on bootstrap resamples of the items, the same resamples for every system.

    Memory is bounded (a few MiB besides the result) whatever n and `resamples`.

    Args:
        statistic: one of `uncone.tasks.statistics.correlation.STATISTICS`.
        gold: (n,).
        predicted: (n,) of one system or (S, n) of several.
        resamples: how many times n items are drawn with replacement.
        seed: of the draws; equal seeds, n and resamples give equal draws.

    Returns:
        (S, resamples) float64. NaN marks a resample in which one side happens to be constant; with more than a handful
        of items that does not happen.

    Raises:
        ValueError: as `pearson`, or if `resamples` is below 1.

    Example:
        >>> gold, predicted = np.arange(50.0), np.arange(50.0) % 7
        >>> bootstrap("spearman", gold, predicted, resamples=10).shape
        (1, 10)
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    compute = kernel(statistic)
    gold, systems = checked(statistic, gold, predicted)
    on_counts = compute(gold, systems)
    return np.concatenate([on_counts(counts) for counts in _resampled_counts(len(gold), resamples, seed)], axis=1)


def percentile_interval(replicates: np.ndarray, level: float = 0.95) -> Interval:
    """Percentile bootstrap interval.

    Args:
        replicates: (R,) values of the statistic on resamples; NaN (undefined on that resample) is left out.
        level: coverage aimed at, in (0, 1).

    Raises:
        ValueError: if the level is outside (0, 1) or every replicate is NaN.

    Example:
        >>> percentile_interval(np.arange(101.0), level=0.5)
        Interval(low=25.0, high=75.0)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        raise ValueError("the statistic is undefined on every resample: give more items or more varied values")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def difference(
    value: float, reference: float, replicates: np.ndarray, reference_replicates: np.ndarray, level: float = 0.95
) -> Difference:
    """Difference of a statistic between two systems, from replicates on the *same* resamples.

    The p-value inverts the percentile interval: twice the smaller share of resamples on either side of zero, with one
    added to count and total so that it is never zero (Davison and Hinkley 1997, section 4.4). Two equal systems get 1.

    Args:
        value: the system's statistic on all items.
        reference: the reference's.
        replicates: (R,) of the system.
        reference_replicates: (R,) of the reference, on the same resamples.
        level: coverage aimed at, in (0, 1).

    Raises:
        ValueError: if the replicates differ in number, or as `percentile_interval`.

    Example:
        >>> difference(0.7, 0.5, np.array([0.6, 0.7, 0.8]), np.array([0.5, 0.5, 0.5])).p_value
        0.5
    """
    if replicates.shape != reference_replicates.shape:
        raise ValueError(
            f"replicates have shapes {replicates.shape} and {reference_replicates.shape}: use one bootstrap"
        )
    gains = replicates - reference_replicates
    low, high = percentile_interval(gains, level)
    gains = gains[~np.isnan(gains)]
    smaller_side = min(np.count_nonzero(gains <= 0), np.count_nonzero(gains >= 0))
    p_value = min(1.0, 2 * (1 + int(smaller_side)) / (1 + len(gains)))
    return Difference(value - reference, low, high, p_value)


def paired_bootstrap(
    statistic: str,
    gold: np.ndarray,
    system: np.ndarray,
    reference: np.ndarray,
    *,
    resamples: int = 1000,
    seed: int | list[int] = 0,
    level: float = 0.95,
) -> Difference:
    """Test whether a system is better than a reference on the same items.

    Args:
        statistic: one of `uncone.tasks.statistics.correlation.STATISTICS`.
        gold: (n,).
        system: (n,) predictions of the system.
        reference: (n,) predictions of the reference.
        resamples: number of bootstrap resamples.
        seed: of the resamples.
        level: coverage of the interval, in (0, 1).

    Raises:
        ValueError: as `bootstrap` and `difference`.

    Example:
        >>> gold = np.arange(40.0)
        >>> gain = paired_bootstrap("spearman", gold, system=gold, reference=gold % 11)
        >>> gain.difference > 0.5, gain.ci_low > 0, gain.p_value < 0.01
        (True, True, True)
    """
    both = np.stack([system, reference])
    replicates = bootstrap(statistic, gold, both, resamples=resamples, seed=seed)
    values = [point(statistic, gold, predicted) for predicted in both]
    return difference(values[0], values[1], replicates[0], replicates[1], level)


def _resampled_counts(n: int, resamples: int, seed: int | list[int]) -> Iterator[np.ndarray]:
    """Counts (n, B) of each item in B resamples, block after block."""
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK // n)
    for done in range(0, resamples, block):
        size = min(block, resamples - done)
        drawn = generator.integers(0, n, size=(size, n))
        drawn *= size
        drawn += np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * size).reshape(n, size).astype(np.float64)
