"""Nested choice of a removal: each split chooses on one part of the data what is then tested on another.

A split tests on one fold of the word pairs and on the testing half of one division of the sentences; each fold meets
several divisions, as halves of few sentences differ by chance. It chooses by the other folds, each scored by removals
that have not learned from it either, and by the choosing half of the sentences. A removal is eligible if it scores
below raw vectors on neither words nor sentences; of these, raw vectors among them, the one with the highest mean of
both figures is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from uncone.advice.figures import Figure, Items
from uncone.advice.folds import Folds, halves
from uncone.data.pairs import ScoredPairs

RAW = "none"


@dataclass(frozen=True)
class Candidate:
    """A removal at one setting, and the cosines it gives to all pairs.

    Attributes:
        method: its name; "none" for raw vectors.
        settings: in words.
        words: (U, n) cosines of word pairs, from U fits: 1 for a removal that learns from no pairs, else one for every
            two folds that a fit leaves out, in the order of `fit_of`.
        sentences: (U, m) cosines of sentence pairs.
    """

    method: str
    settings: str
    words: np.ndarray
    sentences: np.ndarray


def fit_of(folds: int) -> np.ndarray:
    """(K, K) number of the fit that learned from neither of two folds; on the diagonal, not from the one.

    Example:
        >>> fit_of(3)
        array([[0, 1, 2],
               [1, 3, 4],
               [2, 4, 5]])
    """
    first, second = np.triu_indices(folds)
    number = np.zeros((folds, folds), dtype=int)
    number[first, second] = number[second, first] = np.arange(len(first))
    return number


@dataclass(frozen=True)
class Scores:
    """Figures of candidates on the part that is chosen by, (C,) each."""

    words: np.ndarray
    sentences: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(C,) mean of both."""
        return (self.words + self.sentences) / 2

    def best(self, raw: int | None, among: Sequence[int] | None = None) -> int:
        """The candidate with the highest mean that falls below `raw` on neither figure; None asks for no such thing.

        A candidate whose figure is undefined, because it gives the same cosine to all pairs, is never chosen.
        """
        rows = np.arange(len(self.words)) if among is None else np.array(among)
        mean = np.where(np.isnan(self.mean), -np.inf, self.mean)
        if raw is not None:
            eligible = (self.words >= self.words[raw]) & (self.sentences >= self.sentences[raw])
            mean = np.where(eligible, mean, -np.inf)
        return int(rows[np.argmax(mean[rows])])


class Design:
    """The pairs of a study, and how they are divided.

    Args:
        words: n word pairs, which removals are learned from, chosen by and tested on.
        sentences: m sentence pairs, which removals are chosen by and tested on.
        folds: K, of the word pairs.
        divisions: of the sentences, for each fold.
        seed: of folds and divisions.
    """

    def __init__(self, words: ScoredPairs, sentences: ScoredPairs, folds: int, divisions: int, seed: int):
        self.words, self.sentences = words, sentences
        self.folds = Folds.of(words, folds, seed)
        self.halves = halves(sentences, folds * divisions, seed)
        self._fit_of = fit_of(folds)

    @property
    def splits(self) -> range:
        """Numbers of the splits; split s tests fold s mod K."""
        return range(len(self.halves))

    @cached_property
    def tested(self) -> tuple[Figure, Figure]:
        """Figures of words and sentences over the testing parts of all splits; a cell is a split."""
        folds = np.array(self.splits)[:, None] % self.folds.count
        return (
            Figure(self.words, Items.where(self.folds.fold == folds)),
            Figure(self.sentences, Items.where(self.halves == 1)),
        )

    @cached_property
    def chosen_by(self) -> list[tuple[Figure, Figure]]:
        """For each split, figures over the parts that it chooses by; cell b is what fits without fold b say."""
        figures = []
        for split in self.splits:
            fold = split % self.folds.count
            rows = np.flatnonzero(self.folds.training(fold))
            half = np.tile(self.halves[split] == 0, (self.folds.count, 1))
            half[fold] = False
            figures.append(
                (
                    Figure(self.words, Items(rows, self.folds.fold[rows])),
                    Figure(self.sentences, Items.where(half)),
                )
            )
        return figures

    @cached_property
    def in_the_end(self) -> tuple[Figure, Figure]:
        """Figures over all pairs, by which the removal is chosen that is handed out; cell f is the fit without f."""
        everywhere = np.ones((self.folds.count, len(self.sentences)), dtype=bool)
        return (
            Figure(self.words, Items(np.arange(len(self.words)), self.folds.fold)),
            Figure(self.sentences, Items.where(everywhere)),
        )

    def scores(self, candidates: Sequence[Candidate], split: int | None = None) -> Scores:
        """Figures of candidates on what a split chooses by; None for all pairs."""
        words, sentences = self.in_the_end if split is None else self.chosen_by[split]
        return Scores(
            words.values(np.stack([self._predicted(each.words, words.items, split) for each in candidates])),
            sentences.values(
                np.stack([self._predicted(each.sentences, sentences.items, split) for each in candidates])
            ),
        )

    def predictions(self, chosen: Sequence[Candidate]) -> tuple[np.ndarray, np.ndarray]:
        """Cosines of the tested words and sentences, each under the candidate that its split has chosen."""
        words, sentences = self.tested
        found = (np.empty(len(words.items.pair)), np.empty(len(sentences.items.pair)))
        for split, candidate in enumerate(chosen):
            for figure, cosines, into in zip(self.tested, (candidate.words, candidate.sentences), found, strict=True):
                rows = figure.items.cell == split
                into[rows] = self._predicted(cosines, figure.items, None)[rows]
        return found

    def _predicted(self, cosines: np.ndarray, items: Items, split: int | None) -> np.ndarray:
        """(N,) cosines of items from the fits (U, n) that left out the fold of the item's cell and of the split."""
        if len(cosines) == 1:
            return cosines[0, items.pair]
        folds = items.cell % self.folds.count  # a cell is a fold, or a split
        return cosines[self._fit_of[folds, folds if split is None else split % self.folds.count], items.pair]


def choose(design: Design, candidates: Sequence[Candidate], methods: Sequence[str]) -> dict[str, list[int]]:
    """What each split chooses: among all candidates ("chosen"), and for each method among its settings.

    Returns:
        Numbers of candidates, one a split. The first candidate must be raw vectors.
    """
    by_method = {method: [i for i, each in enumerate(candidates) if each.method == method] for method in methods}
    picked: dict[str, list[int]] = {"chosen": [], **{method: [] for method in methods}}
    for split in design.splits:
        scores = design.scores(candidates, split)
        picked["chosen"].append(scores.best(raw=0))
        for method, among in by_method.items():
            picked[method].append(scores.best(None, among))
    return picked
