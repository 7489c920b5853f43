"""How sure one may be of a statistic and of the difference of two systems, from what a bootstrap says.

Intervals follow Efron and Tibshirani 1993, chapter 13. Two systems are compared on the same resamples of the items,
which removes the part of the noise that they share (Koehn 2004).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

K = TypeVar("K")
LEVEL = 0.95


class Difference(NamedTuple):
    """How much better one system is than another on the same items, with the 95 % interval.

    `p_value` is two-sided, in (0, 1]; at least 2 / (resamples + 1), so 1000 resamples resolve 0.002.
    """

    gain: float
    gain_low: float
    gain_high: float
    p_value: float


class Estimate(NamedTuple):
    """A statistic of one system on all items, and (R,) on resamples, the same for all systems that are compared.

    NaN where a replicate is undefined.
    """

    value: float
    replicates: np.ndarray

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95 % percentile bootstrap interval; a ValueError if every replicate is NaN."""
        return _interval(self.replicates)

    def minus(self, other: Estimate) -> Difference:
        """The difference from another system.

        The p-value inverts the percentile interval: twice the smaller share of resamples on either side of zero, with
        one added to count and total so that it is never zero (Davison and Hinkley 1997, section 4.4). Two equal systems
        get 1. A ValueError if the replicates differ in number, or as of `interval`.
        """
        if self.replicates.shape != other.replicates.shape:
            raise ValueError(
                f"replicates of shapes {self.replicates.shape} and {other.replicates.shape}: use one bootstrap"
            )
        gains = self.replicates - other.replicates
        low, high = _interval(gains)
        gains = gains[~np.isnan(gains)]
        smaller_side = min(np.count_nonzero(gains <= 0), np.count_nonzero(gains >= 0))
        p_value = min(1.0, 2 * (1 + int(smaller_side)) / (1 + len(gains)))
        return Difference(self.value - other.value, low, high, p_value)

    @classmethod
    def mean(cls, parts: Sequence[Estimate], weights: np.ndarray) -> Estimate:
        """Mean of one system's statistics under weights that sum to 1, resample by resample."""
        value = float(weights @ [part.value for part in parts])
        return cls(value, weights @ np.stack([part.replicates for part in parts]))


def _interval(replicates: np.ndarray) -> tuple[float, float]:
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        raise ValueError("the statistic is undefined on every resample: give more items or more varied values")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def holm(p_values: Mapping[K, float]) -> dict[K, float]:
    """P-values of one family of comparisons, adjusted so that all those below α may be believed at once.

    Holm 1979: the smallest of m is multiplied by m, the next by m − 1, and so on, never falling on the way. Of true
    null hypotheses, whatever their dependence, none gets below α but with probability α. A ValueError if one is not a
    number from 0 to 1.

    Example:
        >>> {name: round(p, 2) for name, p in holm({"a": 0.01, "b": 0.04, "c": 0.03}).items()}
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise ValueError(f"p-values are numbers from 0 to 1, got {p} for {name}")
    adjusted: dict[K, float] = {}
    highest = 0.0
    for step, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}
