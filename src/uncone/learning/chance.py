"""Whether scored pairs have taught anything: a permutation test on the validation pairs."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

ORDERS = 999  # random ones of the scores
LEVEL = 0.05


class Chance:
    """How often scores in random order would show as large a gain over raw vectors as the scores in theirs.

    The gain of all that is looked at, each candidate after each epoch, is taken under the same random orders, and the
    largest is compared with the largest: looking often makes no gain sure (maxT of Westfall & Young 1993,
    Resampling-based multiple testing). Orders stay inside a data set, as the correlations do that are averaged.

    Args:
        score: (n,) of the pairs.
        dataset: (n,) which data set each is of.
        raw: (n,) cosines of raw vectors.

    Attributes:
        best: (1 + `ORDERS`,) largest gain so far, of the true order first.
    """

    def __init__(self, score: np.ndarray, dataset: np.ndarray, raw: np.ndarray):
        generator = np.random.default_rng(0)
        self._sets = [np.flatnonzero(dataset == name) for name in np.unique(dataset)]
        self._orders = np.empty((1 + ORDERS, len(score)))
        for rows in self._sets:
            ranks = _unit_ranks(score[rows]) / len(self._sets)
            orders = generator.permuted(np.tile(ranks, (ORDERS, 1)), axis=1)
            self._orders[:, rows] = np.vstack([ranks, orders])
        self._raw = self._correlations(raw[None])
        self.best = np.zeros(1 + ORDERS)

    def look(self, predicted: np.ndarray, last: bool = False) -> None:
        """Take cosines (M, n) of candidates into account; `last`, in place of all that was looked at before."""
        gains = (self._correlations(predicted) - self._raw).max(0)
        self.best = gains if last else np.maximum(self.best, gains)

    @property
    def p_value(self) -> float:
        """Share of all orders, the true one among them, under which the best gain is as large: from 0.001 to 1."""
        return float((self.best >= self.best[0]).mean())

    def _correlations(self, predicted: np.ndarray) -> np.ndarray:
        """(M, 1 + `ORDERS`) macro Spearman correlations."""
        ranks = np.empty(predicted.shape)
        for rows in self._sets:
            ranks[:, rows] = _unit_ranks(predicted[:, rows])
        correlations: np.ndarray = ranks @ self._orders.T
        return correlations


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, centred and of length 1; zeros where all are equal."""
    ranks = rankdata(values, axis=-1)
    ranks -= ranks.mean(-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    unit: np.ndarray = ranks / np.where(length > 0, length, 1)
    return unit
