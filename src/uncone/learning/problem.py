"""What every learner, fixed method and comparison is given: vectors, what removals are fitted on, pairs and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import chain, compress, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uncone.data.corpora import Corpora, Corpus
from uncone.data.pair_sets import split_pairs
from uncone.data.pairs import ScoredPairs
from uncone.encoder import StoredEncoder
from uncone.learning.neighbours import MOST_PAIRS, neighbouring_sentences
from uncone.learning.recipe import ContrastSettings
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.support.arrays import Array
from uncone.support.sampling import draw
from uncone.support.terminal import step

Splits = tuple[ScoredPairs, ScoredPairs, ScoredPairs]  # training, validation and test pairs
Sentences = tuple[list[str], list[str]]  # that follow each other

VALIDATION_SHARE = 0.2  # of pairs of rows
MINIMUM_PAIRS = 10


class Problem:
    """What there is to learn from and to choose by. Each part is made when it is asked for, and not before.

    Args:
        vectors: raw ones of an encoder.
        spectra: what removals are fitted on.
        splits: gives the training, validation and test pairs; None if there are no scored pairs.
        kind: "words" or "sentences": what the texts of pairs are.
        seed: of whatever a recipe leaves to chance.
        data_dir: where the corpus of a contrast may be; see `uncone.data.sources`.
        trained_on: what splits the pairs, for evaluations to leave out what a removal has seen.
    """

    def __init__(
        self,
        vectors: Vectors,
        spectra: Spectra,
        splits: Callable[[], Splits] | None,
        kind: str = "words",
        seed: int = 0,
        data_dir: str | Path | None = None,
        trained_on: Mapping[str, Any] | None = None,
    ):
        self.vectors, self.spectra, self.kind, self.seed, self.data_dir = vectors, spectra, kind, seed, data_dir
        self.trained_on = trained_on
        self.texts: Iterable[str] | None = None  # in place of the corpus of a contrast
        self._splits = splits

    @classmethod
    def of(
        cls, vectors: Vectors, spectra: Spectra, data: Mapping[str, Any], seed: int, data_dir: str | Path | None = None
    ) -> Problem:
        """The problem of an encoder and a description of pairs (`uncone.data.pair_sets.split_pairs`).

        Pairs with a text that the encoder does not know are left out. Without `sets` there are no pairs at all.
        """
        if not data["sets"]:
            return cls(vectors, spectra, None, data["kind"], seed, data_dir)

        def splits() -> Splits:
            parts = split_pairs(data, data_dir)
            if data["kind"] == "words" and vectors.word_vectors == "corpus":  # which is read once for all of them
                words = chain.from_iterable((*part.text1, *part.text2) for part in parts)
                problem.vectors = replace(problem.vectors, at_once=tuple(dict.fromkeys(words)))
            train, validation, test = (covered(part, problem.vectors) for part in parts)
            return train, validation, test

        problem = cls(vectors, spectra, splits, data["kind"], seed, data_dir, data)
        return problem

    @classmethod
    def of_rows(
        cls,
        X: Array,
        pairs: Sequence[np.ndarray] | None = None,
        scores: np.ndarray | None = None,
        spectra: Spectra | None = None,
        seed: int = 0,
    ) -> Problem:
        """The problem of pairs of rows of a matrix; of scored pairs, a fifth is kept for validation.

        Args:
            X: (n, d) vectors.
            pairs: rows i and j, (m,) whole numbers each, m ≥ 10. Without scores they are rows that belong together, a
                query and its document for instance, of which label-free recipes learn; None takes rows in a row.
            scores: (m,) similarity of each pair, on any scale.
            spectra: what removals are fitted on; None takes all rows.
            seed: of the split, and as above.

        Raises:
            ValueError: for too few pairs, rows that `X` does not have, or scores that do not fit.
        """
        if pairs is not None:
            pairs = _row_numbers(len(X), pairs)
        if scores is None:
            together = None if pairs is None else (list(map(str, pairs[0])), list(map(str, pairs[1])))
            vectors = Vectors(StoredEncoder(X, pairs=together))
            return cls(vectors, spectra or Spectra(lambda: X), None, seed=seed)
        if pairs is None:
            raise ValueError("scores need the pairs that they are of: give two lists of row numbers, (i, j)")
        splits = _divided(_scored(pairs, scores), seed)
        vectors = Vectors(StoredEncoder(X, pairs=([], [])))
        return cls(vectors, spectra or Spectra(lambda: X), lambda: splits, seed=seed)

    @classmethod
    def of_pairs(
        cls, vectors: Vectors, spectra: Spectra, one: list[str], other: list[str], scores: np.ndarray, seed: int = 0
    ) -> Problem:
        """The problem of scored pairs of texts, words unless one of them has a blank in it; otherwise as `of_rows`.

        Pairs with a text that the encoder does not know are left out.
        """
        scored = ScoredPairs(tuple(one), tuple(other), scores, ("pairs",) * len(one))
        known = covered(scored, vectors)
        if len(known) < MINIMUM_PAIRS:
            raise ValueError(f"learning needs at least {MINIMUM_PAIRS} scored pairs of known texts, got {len(known)}")
        splits = _divided(known, seed)
        kind = "sentences" if any(len(text.split()) > 1 for text in (*one, *other)) else "words"
        return cls(vectors, spectra, lambda: splits, kind, seed)

    def of_vectors(self, vectors: Vectors) -> Problem:
        """The same problem for vectors that pool texts otherwise."""
        other = copy(self)
        other.vectors = vectors
        return other

    @property
    def has_pairs(self) -> bool:
        """Whether there are scored pairs."""
        return self._splits is not None

    @cached_property
    def splits(self) -> Splits:
        """Training, validation and test pairs."""
        if self._splits is None:
            raise ValueError(
                "there are no scored pairs to learn from or to choose by: name some with 'data.sets=[FILE]'; or take "
                "recipe=label_free, and one value for each setting of the methods"
            )
        return self._splits()

    @property
    def training(self) -> ScoredPairs:
        """Pairs to learn from."""
        return self.splits[0]

    @property
    def validation(self) -> ScoredPairs:
        """Pairs to choose by."""
        return self.splits[1]

    @property
    def test(self) -> ScoredPairs:
        """Pairs that nothing is learned from or chosen by."""
        return self.splits[2]

    def raw(self, texts: Sequence[str]) -> Tensor:
        """(n, d) raw vectors of texts of the pairs; a copy, as stored features cannot be written to."""
        read = self.vectors.raw_sentences if self.kind == "sentences" else self.vectors.raw_words
        with step(f"{self.kind.capitalize()} of the pairs", "learn"):
            return torch.tensor(read(texts))

    def read(self, vectors: Vectors, texts: Sequence[str]) -> np.ndarray:
        """(n, d) vectors of texts of the pairs."""
        return vectors.sentences(texts) if self.kind == "sentences" else vectors.words(texts)

    def neighbours(self, contrast: ContrastSettings, held_out: bool | None = None) -> Sentences:
        """First and second sentences that follow each other in the corpus of a contrast, as far as they are known.

        Of stored vectors, the names of rows that belong together (`StoredEncoder.pairs`).

        Args:
            contrast: of the recipe.
            held_out: True for those of the texts that choose a strength, False for those of the others, None for all.

        Raises:
            ValueError: if there are none, one part of the texts would be empty, or nothing says which rows of a matrix
                belong together.
        """
        encoder = self.vectors.encoder
        if isinstance(encoder, StoredEncoder):
            rows = encoder.pairs[: contrast.limit]
            if not len(rows):
                raise ValueError(NOT_TOGETHER)
            if held_out is not None:
                first = len(rows) - _kept(contrast, len(rows), "pairs of rows")
                rows = rows[first:] if held_out else rows[:first]
            drawn = draw(rows.tolist(), MOST_PAIRS, seed=0)
            return [encoder.name_of(row) for row, _ in drawn], [encoder.name_of(row) for _, row in drawn]
        texts: Iterable[str] = Corpora([Corpus(contrast.corpus, data_dir=self.data_dir)], contrast.limit)
        if self.texts is not None:
            texts = self.texts
        if held_out is not None:
            count = sum(1 for _ in texts)
            first = count - _kept(contrast, count, "texts")
            texts = islice(texts, first, None) if held_out else islice(texts, first)
        return known_neighbours(texts, self.vectors)


NOT_TOGETHER = (
    "the recipe learns from what stands together (contrast.weight above 0, or a list of strengths), and pairs with "
    "scores do not say which rows of a matrix do: take recipe='pairs', or leave the scores out for recipe='label_free'"
)


def _kept(contrast: ContrastSettings, count: int, what: str) -> int:
    """How many of so many texts choose the strength; a ValueError if all or none would."""
    kept = round(contrast.held_out * count)
    if not 0 < kept < count:
        raise ValueError(
            f"recipe.contrast.held_out={contrast.held_out} of {count} {what} leaves {kept} to choose the "
            "strength on: give more text, another share, or one strength"
        )
    return kept


def known_neighbours(texts: Iterable[str], vectors: Vectors) -> Sentences:
    """First and second sentences that follow each other in texts, of those that the encoder knows.

    Raises:
        ValueError: if there are none.
    """
    pairs = neighbouring_sentences(texts)
    first, second = ([pair[i] for pair in pairs] for i in (0, 1))
    known = vectors.encoder.known(first) & vectors.encoder.known(second)
    if not known.any():
        raise ValueError(
            "the texts to contrast hold no two known sentences in a row: give running text, several sentences in each"
        )
    return list(compress(first, known)), list(compress(second, known))


def covered(pairs: ScoredPairs, vectors: Vectors) -> ScoredPairs:
    """The pairs of two known texts.

    Raises:
        ValueError: if there is none.
    """
    rows = np.flatnonzero(vectors.known(pairs.text1) & vectors.known(pairs.text2))
    if not len(rows):
        raise ValueError(f"{vectors.encoder.name} knows the words of none of the {len(pairs)} pairs")
    return pairs.take(rows)


def _divided(pairs: ScoredPairs, seed: int) -> Splits:
    """Pairs to learn from, and a fifth to choose by, which no test is kept from."""
    train, validation = pairs.split((1 - VALIDATION_SHARE, VALIDATION_SHARE), seed)
    if len(validation) < 3 or np.ptp(validation.score) == 0:
        raise ValueError(f"the {len(validation)} validation pairs must be 3 or more with different scores: give more")
    return train, validation, validation


def _row_numbers(n: int, pairs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows i and j of a matrix of n, checked."""
    if len(pairs) != 2:
        raise ValueError(f"pairs must be two lists of row numbers, (i, j), got {len(pairs)} of them")
    i, j = (np.asarray(rows) for rows in pairs)
    if i.shape != j.shape or i.ndim != 1:
        raise ValueError(f"pairs must be two lists of one length, got {i.shape} and {j.shape}")
    if len(i) < MINIMUM_PAIRS:
        raise ValueError(f"learning needs at least {MINIMUM_PAIRS} pairs, got {len(i)}")
    for rows in (i, j):
        if rows.dtype.kind not in "iu":
            raise ValueError(f"pairs must hold row numbers, got {rows.dtype}")
        if rows.min() < 0 or rows.max() >= n:
            raise ValueError(f"pairs name row {rows.min() if rows.min() < 0 else rows.max()} of a matrix of {n} rows")
    return i, j


def _scored(pairs: tuple[np.ndarray, np.ndarray], scores: np.ndarray) -> ScoredPairs:
    """The pairs, with the numbers of their rows in place of texts."""
    i, j = pairs
    if np.shape(scores) != i.shape:
        raise ValueError(f"pairs and scores must be equally long, got {i.shape} and {np.shape(scores)}")
    return ScoredPairs(tuple(map(str, i)), tuple(map(str, j)), np.asarray(scores), ("pairs",) * len(i))
