"""Cosine similarities: how narrow the cone is, over all vectors, inside word types and between them.

None of them forms a pair. For unit vectors x̂ the mean cosine over all n(n − 1) ordered pairs of distinct vectors is

    (‖Σ x̂‖² − n) / (n (n − 1)),

so that sums of unit vectors are all that a stream has to keep. `s_intra` and `s_inter` are S_intra and S_inter of Cai,
Huang, Bian and Church, "Isotropy in the Contextual Embedding Space: Clusters and Manifolds" (ICLR 2021). All measures
here lie in [−1, 1], are invariant to rotation and to the length of every vector, and depend on where the origin is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor

from uncone.support import distributed
from uncone.support.arrays import BLOCK, Array, as_tensor, matrix, unit_blocks

TYPES_PER_BLOCK = 2048  # bounds the float64 copy of sums


def mean_cosine(X: Array) -> float:
    """Mean cosine over all pairs of distinct rows of `X` (n, d), n ≥ 2, none of them zero; in [−1/(n − 1), 1].

    Example:
        >>> mean_cosine(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]))  # one pair of three is parallel
        0.3333333333333333
    """
    vectors = matrix(X, minimum_rows=2)
    return type_sums(vectors, torch.zeros(len(vectors), dtype=torch.long)).mean_cosine()


def s_intra(X: Array, types: Array) -> float:
    """S_intra: the mean cosine over pairs of occurrences of a word type, averaged over the types that occur twice.

    1 means that context makes no difference. `X` is (n, d) without zero rows, `types` (n,) integers. A ValueError if no
    type occurs twice, or `types` does not fit.

    Example:
        >>> s_intra(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), torch.tensor([7, 7, 3]))
        1.0
    """
    sums = type_sums(X, types)
    value = sums.s_intra()
    if math.isnan(value):
        raise ValueError(f"no type occurs twice (of {len(sums.counts)} types), so S_intra has no pair; give more text")
    return value


def s_inter(X: Array, types: Array) -> float:
    """S_inter: the mean cosine over pairs of word types, each represented by one random occurrence, in expectation.

    `X` is (n, d) without zero rows, `types` (n,) integers. A ValueError if there is only one type, or `types` does not
    fit.

    Example:
        >>> s_inter(torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]]), torch.tensor([7, 7, 3]))
        0.5
    """
    value = type_sums(X, types).s_inter()
    if math.isnan(value):
        raise ValueError("S_inter compares different types and needs at least 2 of them, got 1")
    return value


class TypeSums:
    """Sums of unit vectors by word type, streamed and mergeable, and the cosine similarities that follow from them.

    Type ids lie in [0, n_types). The sums by type, n_types × dimension numbers, are kept in `dtype`; a survey, which
    has many of them, makes do with float32. With `by_type` False no vector shares its type with another, and only what
    does not need sums by type is kept: similarities of all, and not of some types.

    Example:
        >>> sums = TypeSums(n_types=3, dimension=2)
        >>> sums.update(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 2]))
        >>> sums.s_intra(), sums.s_inter(), round(sums.mean_cosine(), 4)
        (1.0, 0.0, 0.3333)
    """

    def __init__(
        self,
        n_types: int,
        dimension: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        by_type: bool = True,
    ):
        self.by_type = by_type
        # pages of types that never occur are never touched
        self.sums = torch.zeros(n_types if by_type else 0, dimension, dtype=dtype, device=device)
        self.counts = torch.zeros(n_types, dtype=torch.long, device=device)
        self.total = torch.zeros(dimension, dtype=torch.float64, device=device)
        self.squares = torch.zeros(dimension, dtype=torch.float64, device=device)

    def update(self, units: Tensor, types: Tensor) -> None:
        """Add unit vectors (t, d), of the type of the sums, of word types (t,)."""
        if self.by_type:
            self.sums.index_add_(0, types, units)
        self.counts += torch.bincount(types, minlength=len(self.counts))
        self.total += units.sum(0, dtype=torch.float64)
        self.squares += units.square().sum(0, dtype=torch.float64)

    def merge(self, other: TypeSums) -> Self:
        """Add the vectors that other sums, of the same shape, have seen; returns itself."""
        self.sums += other.sums
        self.counts += other.counts
        self.total += other.total
        self.squares += other.squares
        return self

    def bring_together(self, to: int) -> None:
        """Sums over all processes, in main memory of the one numbered `to`; those of the others mean nothing then."""
        for name in ("sums", "counts", "total", "squares"):
            setattr(self, name, getattr(self, name).cpu())
        distributed.add_up(self.counts)
        rows = self.counts.nonzero()[:, 0]  # the others are 0 everywhere, and there may be many
        if self.by_type:
            self.sums[rows] = distributed.add_up(self.sums[rows], to)
        for total in (self.total, self.squares):
            distributed.add_up(total, to)

    @property
    def n(self) -> int:
        """Vectors seen."""
        return int(self.counts.sum())

    def mean_cosine(self, chosen: Tensor | None = None) -> float:
        """Mean cosine over all pairs of vectors, or of those whose types are `chosen` (V,) bool; NaN without a pair."""
        if chosen is None:
            return float(self.contributions().sum())
        n = int(self.counts[chosen].sum())
        if n < 2:
            return math.nan
        total = torch.stack([sums.sum(0) for sums, _ in self._blocks(chosen & (self.counts > 0))]).sum(0)
        return (float(total.square().sum()) - n) / (n * (n - 1))

    def contributions(self) -> Tensor:
        """(d,) what each coordinate adds to the mean cosine: ((Σ x̂_j)² − Σ x̂_j²) / (n (n − 1)); NaN for n < 2."""
        return (self.total.square() - self.squares) / (self.n * (self.n - 1) or math.nan)

    def s_intra(self) -> float:
        """Mean cosine between occurrences of a type, averaged over types that occur twice; NaN if none does."""
        total, number = 0.0, 0
        for sums, counts in self._blocks(self.counts >= 2):
            total += float(((sums.square().sum(1) - counts) / (counts * (counts - 1))).sum())
            number += len(counts)
        return total / number if number else math.nan

    def s_inter(self) -> float:
        """Mean cosine over pairs of different types, one random occurrence each, in expectation over that choice.

        With m_t the mean unit vector of type t, of T types: (‖Σ m_t‖² − Σ ‖m_t‖²) / (T (T − 1)). NaN for one type.
        """
        if not self.by_type:
            return self.mean_cosine()
        mean, square, number = torch.zeros_like(self.total), 0.0, 0
        for sums, counts in self._blocks(self.counts >= 1):
            means = sums / counts[:, None]
            mean += means.sum(0)
            square += float(means.square().sum())
            number += len(counts)
        return (float(mean.square().sum()) - square) / (number * (number - 1)) if number > 1 else math.nan

    def _blocks(self, chosen: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Sums (b, d) and counts (b,) of the chosen types, in float64."""
        for rows in chosen.nonzero()[:, 0].split(TYPES_PER_BLOCK):
            yield self.sums[rows].double(), self.counts[rows].double()


def type_sums(X: Array, types: Array) -> TypeSums:
    """Sums in float64 of the directions of `X` (n, d), n ≥ 2, by the types (n,) that occur, whatever their ids.

    A ValueError if a row is zero, or `types` are not n integers.
    """
    vectors, ids = matrix(X, minimum_rows=2), as_tensor(types)
    if ids.shape != (len(vectors),) or ids.is_floating_point() or ids.is_complex():
        raise ValueError(
            f"types must be {len(vectors)} integers, one a row of X, got {tuple(ids.shape)} of {ids.dtype}"
        )
    present, index = torch.unique(ids.to(vectors.device, torch.long), return_inverse=True)
    sums = TypeSums(len(present), vectors.shape[1], torch.float64, vectors.device)
    for units, part in zip(unit_blocks(vectors), index.split(BLOCK), strict=True):
        sums.update(units, part)
    return sums
