"""Nested choice of a removal: each split chooses on one part of the data what is then tested on another.

Word pairs and sentence pairs are always scored, and items of tasks too where these decide.

A split tests on one fold of the word pairs and on the testing half of one division of the sentences; each fold meets
several divisions, as halves of few sentences differ by chance. It chooses by the other folds, each scored by a removal
that has learned from neither it nor the tested one, and by the choosing half of the sentences. A removal is eligible if
it scores below raw vectors on none of the kinds that decide, by default words and sentences; of these, raw vectors
among them, the one with the highest mean of their figures is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from uncone.advice.folds import Folds, halves, numbered
from uncone.advice.items import Items
from uncone.data.pairs import ScoredPairs
from uncone.tasks.comparison import Estimate
from uncone.tasks.statistics import CORRELATIONS, STATISTICS, draw

RAW, CHOSEN = "none", "chosen"
KINDS = ("words", "sentences")
SMALLEST_CELL = 5  # pairs; fewer have no correlation to speak of
_BLOCK = 1 << 18  # counts held at once


@dataclass(frozen=True, eq=False)
class Candidate:
    """A removal at one setting, and the cosines that it gives to all pairs.

    Attributes:
        settings: what sets it apart from others of the method.
        predicted: (F, n) cosines of "words" and of "sentences", and what tasks predict of their items; from F fits: 1
            for a removal that learns from no pairs, else one every two folds, which has learned from neither
            (`Design.fits`).
    """

    method: str
    settings: Mapping[str, Any]
    predicted: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        """The method, and its settings in brackets."""
        settings = ", ".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.method}({settings})" if settings else self.method


class Figure:
    """A macro mean over cells: a statistic inside each cell, averaged over cells by their size, then over data sets.

    It is Spearman's correlation of pairs, and the metric of each task of items. Each cell has a removal of its own, so
    that cosines of two cells cannot be ranked together.

    Args:
        pairs: n scored pairs, or items.
        cells: (C, n) bool, whether a pair stands in a cell; it may stand in several.
        fits: (C,) number of the fit whose removal scores a cell.

    Raises:
        ValueError: if a data set has no cell of 5 pairs with different scores.
    """

    def __init__(self, pairs: ScoredPairs | Items, cells: np.ndarray, fits: Sequence[int]):
        self.pairs, self.fits = pairs, fits
        self.metric = pairs.metric if isinstance(pairs, Items) else dict.fromkeys(pairs.datasets, "spearman")
        self.cells: dict[str, list[tuple[int, np.ndarray]]] = {}
        for name in pairs.datasets:
            rows = [np.flatnonzero(cell) for cell in cells & (np.array(pairs.dataset) == name)]
            ranked = self.metric[name] in CORRELATIONS
            varied = [not ranked or (len(of) > 0 and np.ptp(pairs.score[of]) > 0) for of in rows]
            usable = [(c, of) for c, of in enumerate(rows) if len(of) >= SMALLEST_CELL and varied[c]]
            if not usable:
                raise ValueError(f"{name} has no {SMALLEST_CELL} pairs with different scores in any fold: give it more")
            self.cells[name] = usable

    @property
    def n(self) -> int:
        """How many different pairs the figure rests on."""
        return len(np.unique(np.concatenate([rows for cells in self.cells.values() for _, rows in cells])))

    def predicted(self, kind: str, chosen: Sequence[Candidate]) -> np.ndarray:
        """(C, n) cosines, or what is predicted, in every cell, each under the candidate that stands for it."""
        found = [(each.predicted[kind], fit) for each, fit in zip(chosen, self.fits, strict=True)]
        return np.stack([of[fit if len(of) > 1 else 0] for of, fit in found])

    def by_dataset(self, systems: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """(D, S, B) figures of systems (S, C, n) on resamples given by counts (n, B); None: of the pairs as they are.

        NaN where a system gives the same cosine to all pairs of a cell.
        """
        counts = np.ones((len(self.pairs), 1)) if counts is None else counts
        found = np.zeros((len(self.cells), len(systems), counts.shape[1]))
        for d, (name, cells) in enumerate(self.cells.items()):
            total = sum(len(rows) for _, rows in cells)
            for c, rows in cells:
                under = STATISTICS[self.metric[name]](self.pairs.score[rows], systems[:, c, rows])
                found[d] += len(rows) / total * under(counts[rows])
        return found

    def estimates(self, systems: np.ndarray, resamples: int, seed: list[int]) -> list[list[Estimate]]:
        """For each data set, an estimate of each system, on resamples that are the same for all systems and layers.

        Data sets are resampled pair by pair; one whose pairs share texts, so that it has fewer texts than pairs, text
        by text: a pair counts as often as its first text was drawn times as often as its second.
        """
        size, generator = max(1, _BLOCK // len(self.pairs)), np.random.default_rng(seed)
        sizes = [min(size, resamples - start) for start in range(0, resamples, size)]
        drawn = [self.by_dataset(systems, pair_counts(self.pairs, block, generator)) for block in sizes]
        parts = zip(self.by_dataset(systems)[:, :, 0], np.concatenate(drawn, axis=2), strict=True)
        return [[Estimate(float(value), of) for value, of in zip(*part, strict=True)] for part in parts]


def pair_counts(pairs: ScoredPairs | Items, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Counts (n, B) of each pair in resamples, as `Figure.estimates` draws them."""
    counts = np.empty((len(pairs), resamples))
    for name in pairs.datasets:
        rows = np.flatnonzero(np.array(pairs.dataset) == name)
        first, second, texts = (None, None, len(rows)) if isinstance(pairs, Items) else numbered(pairs.take(rows))
        if texts < len(rows):
            drawn = draw(texts, resamples, generator)
            counts[rows] = drawn[first] * drawn[second]
        else:
            counts[rows] = draw(len(rows), resamples, generator)
    return counts


class Design:
    """The pairs of a study, and how they are divided.

    Args:
        words: n pairs, in K `folds`; split s tests fold s mod K.
        sentences: m pairs, which nothing learns from, with so many `divisions` into halves for each fold.
        seed: of folds and divisions.
        use: what decides: None takes words and sentences alike.
        items: of the tasks of that use, where it is neither "words" nor "sentences"; nothing learns from them.

    Attributes:
        decides: the kinds of pairs or items that a removal is chosen by.
        scored: all kinds.
        fits: the two folds that each fit leaves out.
    """

    def __init__(
        self,
        words: ScoredPairs,
        sentences: ScoredPairs,
        folds: int,
        divisions: int,
        seed: int,
        use: str | None = None,
        items: Items | None = None,
    ):
        self.pairs: dict[str, ScoredPairs] = {"words": words, "sentences": sentences}
        self.decides = KINDS if use is None else (use,)
        self.items = {} if use is None or items is None else {use: items}
        self.scored: dict[str, ScoredPairs | Items] = {**self.pairs, **self.items}
        self.folds = Folds.of(words, folds, seed)
        self.halves = halves(sentences, folds * divisions, seed)
        self.item_halves = {kind: of.halves(folds * divisions, seed) for kind, of in self.items.items()}
        self.splits = range(folds * divisions)
        self.fits = list(combinations(range(folds), 2))

    def training(self, fit: int) -> np.ndarray:
        """Rows of the word pairs that a fit learns from."""
        return np.flatnonzero(self.folds.training(*self.fits[fit]))

    def _without(self, fold: int, other: int | None = None) -> int:
        """The fit that has learned neither from a fold nor from another one, by default the next."""
        other = (fold + 1) % self.folds.count if other is None else other
        return self.fits.index((min(fold, other), max(fold, other)))

    @cached_property
    def tested(self) -> dict[str, Figure]:
        """Figures over the testing parts of all splits; a cell is a split."""
        folds = np.array(self.splits) % self.folds.count
        items = {kind: halves == 1 for kind, halves in self.item_halves.items()}
        return self._figures(
            self.folds.fold == folds[:, None], self.halves == 1, items, [self._without(fold) for fold in folds.tolist()]
        )

    @cached_property
    def chosen_by(self) -> list[dict[str, Figure]]:
        """For each split, figures over what it chooses by; a cell is one of the other folds."""
        found = []
        for split, half in enumerate(self.halves == 0):
            tested = split % self.folds.count
            others = np.delete(np.arange(self.folds.count), tested)
            words = (self.folds.fold == others[:, None]) & self.folds.training(tested)
            fits = [self._without(tested, other) for other in others.tolist()]
            items = {kind: np.tile(of[split] == 0, (len(others), 1)) for kind, of in self.item_halves.items()}
            found.append(self._figures(words, np.tile(half, (len(others), 1)), items, fits))
        return found

    @cached_property
    def in_the_end(self) -> dict[str, Figure]:
        """Figures over all pairs, by which the removal is chosen that is handed out; a cell is a fold."""
        folds = np.arange(self.folds.count)
        everywhere = np.ones((len(folds), len(self.pairs["sentences"])), dtype=bool)
        items = {kind: np.ones((len(folds), len(of)), dtype=bool) for kind, of in self.items.items()}
        return self._figures(
            self.folds.fold == folds[:, None], everywhere, items, [self._without(fold) for fold in folds.tolist()]
        )

    def _figures(
        self, words: np.ndarray, sentences: np.ndarray, items: Mapping[str, np.ndarray], fits: Sequence[int]
    ) -> dict[str, Figure]:
        cells = {"words": words, "sentences": sentences, **items}
        return {kind: Figure(of, cells[kind], fits) for kind, of in self.scored.items()}

    def scores(self, candidates: Sequence[Candidate], split: int | None = None) -> np.ndarray:
        """Figures (C, K) of candidates on what decides of all that a split chooses by; None for all pairs and items."""
        figures = self.in_the_end if split is None else self.chosen_by[split]
        columns = []
        for kind in self.decides:
            figure = figures[kind]
            systems = np.stack([figure.predicted(kind, [each] * len(figure.fits)) for each in candidates])
            columns.append(figure.by_dataset(systems)[:, :, 0].mean(axis=0))
        return np.stack(columns, axis=1)

    def choose(self, candidates: Sequence[Candidate], split: int | None = None) -> Candidate:
        """What a split (None: all pairs) chooses among candidates, the first of them raw vectors."""
        return candidates[best(self.scores(candidates, split), fair=True)]

    def choices(self, candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
        """For each split, what is "chosen" among all candidates, and for each method among its settings."""
        methods = list(dict.fromkeys(each.method for each in candidates))
        rows = {method: [i for i, each in enumerate(candidates) if each.method == method] for method in methods}
        picked: dict[str, list[Candidate]] = {name: [] for name in (RAW, CHOSEN, *methods[1:])}
        for split in self.splits:
            scores = self.scores(candidates, split)
            picked[CHOSEN].append(candidates[best(scores, fair=True)])
            for method, among in rows.items():
                picked[method].append(candidates[among[best(scores[among])]])
        return picked


def best(scores: np.ndarray, fair: bool = False) -> int:
    """The row of scores (C, K) with the highest mean; if fair, of those that fall below the first row on none.

    A candidate whose figure is undefined (see `Figure.by_dataset`) is never chosen.

    Example:
        >>> scores = np.array([[0.5, 0.5], [0.9, 0.4], [0.6, 0.6]])
        >>> best(scores), best(scores, fair=True)
        (1, 2)
    """
    allowed = ~np.isnan(scores).any(axis=1) & ((scores >= scores[0]).all(axis=1) | (not fair))
    return int(np.argmax(np.where(allowed, scores.mean(axis=1), -np.inf)))
