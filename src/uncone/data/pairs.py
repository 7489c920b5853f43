"""Pairs of words or sentences with the similarity that people gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


class NoPairsLeft(ValueError):
    """Nothing remains of a set after pairs were left out."""


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs of texts and their human scores, of one or several data sets.

    The scores stay as published; `scaled_score` is what training and pooling over data sets use.

    Attributes:
        score: (n,) float64, raw.
        dataset: n names, the data set (or the part of it) of each pair.
        ranges: lowest and highest score of each data set. Left out, they are taken from `score`; they then stay with
            the pairs through `take`, `split` and `concatenate`, so that a part of a data set is scaled as the whole.

    Raises:
        ValueError: if lengths differ, there is no pair, a text is empty, a score is NaN or infinite, or all scores of a
            data set are equal.

    Example:
        >>> pairs = ScoredPairs(("cup", "cup"), ("mug", "sky"), np.array([9.5, 0.5]), ("mine", "mine"))
        >>> len(pairs), pairs.ranges["mine"], pairs.scaled_score
        (2, (0.5, 9.5), array([ 1., -1.]))
    """

    text1: tuple[str, ...]
    text2: tuple[str, ...]
    score: np.ndarray
    dataset: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        score = np.array(self.score, dtype=np.float64)  # a copy, made read-only below
        lengths = {len(self.text1), len(self.text2), len(score), len(self.dataset)}
        if len(lengths) != 1:
            raise ValueError(f"text1, text2, score and dataset must be equally long, got lengths {sorted(lengths)}")
        if not len(score):
            raise ValueError("no pairs given")
        for i, (one, two) in enumerate(zip(self.text1, self.text2, strict=True)):
            if not one.strip() or not two.strip():
                raise ValueError(f"pair {i} is one-sided: {one!r} and {two!r}")
        bad = np.flatnonzero(~np.isfinite(score))
        if len(bad):
            i = bad[0]
            raise ValueError(f"the score of pair {i} ({self.text1[i]!r}, {self.text2[i]!r}) is {score[i]}, not finite")
        score.setflags(write=False)
        object.__setattr__(self, "score", score)
        names = np.array(self.dataset)
        observed = {
            name: (float(score[names == name].min()), float(score[names == name].max())) for name in set(self.dataset)
        }
        ranges = dict(self.ranges) or observed
        unknown = set(self.dataset) - set(ranges)
        if unknown:
            raise ValueError(f"ranges lack the data sets {', '.join(sorted(unknown))}; give all or none")
        for name, (low, high) in ranges.items():
            if not low < high:
                raise ValueError(f"every score of {name!r} is {low:g}: at least two different scores are needed")
        object.__setattr__(self, "ranges", ranges)

    def __len__(self) -> int:
        return len(self.score)

    @property
    def scaled_score(self) -> np.ndarray:
        """(n,) scores mapped linearly to [-1, 1], the ends of each data set's `ranges` to -1 and 1.

        This is the scaling of Liang et al. 2021 (arXiv 2104.05274), who take the lowest and highest score that occurs
        in the data set, not the ends of the scale that the raters saw.
        """
        low, high = np.array([self.ranges[name] for name in self.dataset]).T  # (n,) each
        return 2 * (self.score - low) / (high - low) - 1

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets, in order of appearance."""
        return tuple(dict.fromkeys(self.dataset))

    def take(self, rows: Sequence[int] | np.ndarray) -> ScoredPairs:
        """The pairs at these row numbers, with the ranges of the whole."""
        rows = np.asarray(rows, dtype=np.intp)
        text1, text2, dataset = (tuple(texts[i] for i in rows) for texts in (self.text1, self.text2, self.dataset))
        return ScoredPairs(text1, text2, self.score[rows], dataset, self.ranges)

    def of(self, dataset: str) -> ScoredPairs:
        """The pairs of one data set."""
        if dataset not in self.datasets:
            raise ValueError(f"no pairs of {dataset!r}; there are {', '.join(self.datasets)}")
        return self.take([i for i, name in enumerate(self.dataset) if name == dataset])

    def without(self, other: ScoredPairs) -> ScoredPairs:
        """The pairs that do not also stand in `other`, in either order and whatever the case.

        Used to leave out of a test what a model was trained on. The order of the two texts makes no difference to a
        cosine, so a pair that stands in `other` the other way round was trained on as well, though it may have been
        scored anew.

        Raises:
            NoPairsLeft: a ValueError, if no pair is left.
        """
        known = set(_keys(other))
        rows = [i for i, key in enumerate(_keys(self)) if key not in known]
        if not rows:
            raise NoPairsLeft(f"all {len(self)} pairs of {', '.join(self.datasets)} also stand in the other set")
        return self.take(rows)

    def split(self, fractions: Sequence[float], seed: int) -> tuple[ScoredPairs, ...]:
        """Split at random so that no pair stands in two parts, not even through another data set.

        Rows with the same two texts, in either order and whatever the case, go to the same part together. Each data
        set is divided in the given proportions, up to rounding and such shared pairs.

        Args:
            fractions: share of each part, positive, with sum 1; (0.8, 0.1, 0.1) for train, validation and test.

        Raises:
            ValueError: if fractions are not positive with sum 1, or leave a part empty.

        Example:
            >>> words = tuple("abcdefghij")
            >>> pairs = ScoredPairs(words, words[::-1], np.arange(10.0), ("mine",) * 10)
            >>> [len(part) for part in pairs.split((0.6, 0.4), seed=0)]  # five distinct pairs, each in both orders
            [6, 4]
        """
        if min(fractions, default=0) <= 0 or abs(sum(fractions) - 1) > 1e-9:
            raise ValueError(f"fractions must be positive and sum to 1, got {list(fractions)}")
        number: dict[tuple[str, str], int] = {}
        group = np.array([number.setdefault(key, len(number)) for key in _keys(self)])  # (n,)
        first = np.unique(group, return_index=True)[1]  # row of each group, which counts for the data set of that row
        dataset = np.array(self.dataset)[first]
        generator = np.random.default_rng(seed)
        part_of = np.empty(len(first), dtype=int)  # of each group
        for name in dict.fromkeys(dataset.tolist()):
            groups = generator.permutation(np.flatnonzero(dataset == name))
            cuts = np.rint(np.cumsum(fractions) * len(groups)).astype(int)
            for part, chosen in enumerate(np.split(groups, cuts[:-1])):
                part_of[chosen] = part
        parts = [np.flatnonzero(part_of[group] == part) for part in range(len(fractions))]
        for fraction, rows in zip(fractions, parts, strict=True):
            if not len(rows):
                names = ", ".join(dict.fromkeys(self.dataset))
                raise ValueError(
                    f"{names}: a share of {fraction} of {len(self)} pairs is empty: give more pairs, or other fractions"
                )
        return tuple(map(self.take, parts))


def concatenate(parts: Sequence[ScoredPairs]) -> ScoredPairs:
    """Put pairs of several data sets behind each other.

    Raises:
        ValueError: if there is nothing to concatenate, or two parts name the same data set with different ranges.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for part in parts:
        for name, ends in part.ranges.items():
            if ranges.setdefault(name, ends) != ends:
                raise ValueError(f"two data sets are both called {name!r}, with scores in {ranges[name]} and {ends}")
    return ScoredPairs(
        text1=sum((part.text1 for part in parts), ()),
        text2=sum((part.text2 for part in parts), ()),
        score=np.concatenate([part.score for part in parts]) if parts else np.empty(0),
        dataset=sum((part.dataset for part in parts), ()),
        ranges=ranges,
    )


def _keys(pairs: ScoredPairs) -> Iterator[tuple[str, str]]:
    """What makes two rows the same pair: both texts, whatever their order and case."""
    for one, two in zip(pairs.text1, pairs.text2, strict=True):
        one, two = one.casefold(), two.casefold()
        yield (one, two) if one <= two else (two, one)
