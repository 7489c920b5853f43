"""The figure that a study is about: Spearman's correlation inside cells of pairs, averaged over cells and data sets.

Each fold has a removal of its own, so that cosines of two cells cannot be ranked together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uncone.advice.folds import numbered
from uncone.data.pairs import ScoredPairs
from uncone.support.resampling import draw
from uncone.tasks.statistics import kernel

SMALLEST_CELL = 5  # pairs; fewer have no correlation to speak of
_BLOCK = 1 << 18  # counts held at once


@dataclass(frozen=True)
class Items:
    """Which pairs are scored under which removal.

    Attributes:
        pair: (N,) row of the pair; a pair may come several times.
        cell: (N,) number of the cell, whose removal scores it.
    """

    pair: np.ndarray
    cell: np.ndarray

    @classmethod
    def where(cls, cells: np.ndarray) -> Items:
        """From (K, n) bool, whether a pair stands in a cell."""
        cell, pair = np.nonzero(cells)
        return cls(pair, cell)


class Figure:
    """Macro Spearman of items: inside each cell, averaged over cells by their size, then over data sets alike.

    Args:
        pairs: n scored pairs.
        items: which of them are scored.

    Raises:
        ValueError: if a data set has no cell of 5 pairs with different scores.

    Example:
        >>> pairs = ScoredPairs(tuple("abcdef"), tuple("ghijkl"), np.arange(6.0), ("mine",) * 6)
        >>> figure = Figure(pairs, Items(np.arange(6), np.zeros(6, dtype=int)))
        >>> figure.values(np.array([[1.0, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]]))
        array([ 1., -1.])
    """

    def __init__(self, pairs: ScoredPairs, items: Items):
        self.pairs, self.items = pairs, items
        dataset = np.array(pairs.dataset)[items.pair]
        self.cells: dict[str, list[np.ndarray]] = {}  # places in the items, by data set
        for name in pairs.datasets:
            cells = [np.flatnonzero((dataset == name) & (items.cell == cell)) for cell in np.unique(items.cell)]
            usable = [
                rows for rows in cells if len(rows) >= SMALLEST_CELL and np.ptp(pairs.score[items.pair[rows]]) > 0
            ]
            if not usable:
                raise ValueError(
                    f"{name} has no {SMALLEST_CELL} pairs with different scores in any fold: give it more pairs"
                )
            self.cells[name] = usable

    @property
    def pairs_tested(self) -> int:
        """How many different pairs the figure rests on."""
        scored = np.concatenate([rows for cells in self.cells.values() for rows in cells])
        return len(np.unique(self.items.pair[scored]))

    def values(self, systems: np.ndarray) -> np.ndarray:
        """(S,) the figure of systems (S, N), each the cosines of all items; NaN where one is constant in a cell."""
        return self.by_dataset(systems)[:, :, 0].mean(axis=0)

    def by_dataset(self, systems: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """(D, S, B) for each data set, on resamples given by counts (n, B) of each pair; of the pairs as they are."""
        counts = np.ones((len(self.pairs), 1)) if counts is None else counts
        result = np.zeros((len(self.cells), len(systems), counts.shape[1]))
        for d, cells in enumerate(self.cells.values()):
            total = sum(len(rows) for rows in cells)
            for rows in cells:
                of_pairs = self.items.pair[rows]
                of_cell = kernel("spearman")(self.pairs.score[of_pairs], systems[:, rows])
                result[d] += len(rows) / total * of_cell(counts[of_pairs])
        return result

    def resampled(self, systems: np.ndarray, resamples: int, seed: int | list[int]) -> np.ndarray:
        """(D, S, resamples) for each data set, on resamples that are the same for all systems and layers.

        Data sets are resampled pair by pair. One in which pairs share texts, so that it has fewer texts than pairs, is
        resampled text by text: a pair counts as often as its first text was drawn times as often as its second.
        """
        size = max(1, _BLOCK // len(self.pairs))
        generator = np.random.default_rng(seed)
        blocks = []
        for start in range(0, resamples, size):
            counts = pair_counts(self.pairs, min(size, resamples - start), generator)
            blocks.append(self.by_dataset(systems, counts))
        return np.concatenate(blocks, axis=2)


def pair_counts(pairs: ScoredPairs, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Counts (n, B) of each pair in resamples of each data set; see `Figure.resampled`."""
    counts = np.empty((len(pairs), resamples))
    for name in pairs.datasets:
        rows = np.flatnonzero(np.array(pairs.dataset) == name)
        if shares_texts(pairs, name):
            first, second = numbered(pairs.take(rows))
            drawn = draw(int(max(first.max(), second.max())) + 1, resamples, generator)
            counts[rows] = drawn[first] * drawn[second]
        else:
            counts[rows] = draw(len(rows), resamples, generator)
    return counts


def shares_texts(pairs: ScoredPairs, dataset: str) -> bool:
    """Whether a data set has fewer texts than pairs, so that its pairs are not independent."""
    own = pairs.of(dataset)
    first, second = numbered(own)
    return bool(max(first.max(), second.max()) + 1 < len(own))
