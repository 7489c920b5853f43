"""What a survey keeps of a stream of vectors: sums of fixed size, whatever the corpus.

Beside the moments, it keeps one sum of unit vectors per word type, in float32: V × d × 4 bytes at most, and only types
that occur take up memory. From these sums follow S_intra, S_inter, the mean cosine, and all of them by frequency band.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from uncone.removal.spectrum import Spectrum
from uncone.support import distributed

TYPES_PER_BLOCK = 2048  # bounds the float64 copy of sums


class TypeSums:
    """Sums of unit vectors by word type, and the cosine similarities that follow from them.

    For unit vectors x̂ the mean cosine over pairs is (‖Σ x̂‖² − n) / (n (n − 1)), so no pair is ever formed.

    Args:
        n_types: V; type ids lie in [0, V).
        dimension: d.

    Example:
        >>> sums = TypeSums(n_types=3, dimension=2)
        >>> sums.add(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 2]))
        >>> sums.s_intra(), sums.s_inter(), round(sums.mean_cosine(), 4)
        (1.0, 0.0, 0.3333)
    """

    def __init__(self, n_types: int, dimension: int):
        self.sums = torch.zeros(n_types, dimension)  # pages of types that never occur are never touched
        self.counts = torch.zeros(n_types, dtype=torch.long)
        self.total = torch.zeros(dimension, dtype=torch.float64)
        self.squares = torch.zeros(dimension, dtype=torch.float64)

    def add(self, units: Tensor, types: Tensor) -> None:
        """Add unit vectors (t, d) of types (t,)."""
        self.sums.index_add_(0, types, units)
        self.counts += torch.bincount(types, minlength=len(self.counts))
        self.total += units.sum(0, dtype=torch.float64)
        self.squares += units.square().sum(0, dtype=torch.float64)

    def bring_together(self, to: int) -> None:
        """Sums over all processes, in the one numbered `to`; those of the others mean nothing afterwards."""
        distributed.add_up(self.counts)
        rows = self.counts.nonzero()[:, 0]  # the others are 0 everywhere, and there may be many
        self.sums[rows] = distributed.add_up(self.sums[rows], to)
        for total in (self.total, self.squares):
            distributed.add_up(total, to)

    @property
    def n(self) -> int:
        """Vectors seen."""
        return int(self.counts.sum())

    def mean_cosine(self) -> float | None:
        """Mean cosine over all pairs of vectors; None for fewer than two."""
        return float(self.contributions().sum()) if self.n > 1 else None

    def contributions(self) -> Tensor:
        """(d,) what each coordinate adds to the mean cosine: ((Σ x̂_j)² − Σ x̂_j²) / (n (n − 1))."""
        return (self.total.square() - self.squares) / (self.n * (self.n - 1))

    def s_intra(self) -> float | None:
        """Mean cosine between occurrences of a type, averaged over types that occur twice; None if none does."""
        total, number = 0.0, 0
        for sums, counts in self._blocks(self.counts >= 2):
            total += float(((sums.square().sum(1) - counts) / (counts * (counts - 1))).sum())
            number += len(counts)
        return total / number if number else None

    def s_inter(self) -> float | None:
        """Mean cosine over pairs of different types, one random occurrence each, in expectation over that choice.

        With m_t the mean unit vector of type t, of T types: (‖Σ m_t‖² − Σ ‖m_t‖²) / (T (T − 1)). None for one type.
        """
        mean, square, number = torch.zeros_like(self.total), 0.0, 0
        for sums, counts in self._blocks(self.counts >= 1):
            means = sums / counts[:, None]
            mean += means.sum(0)
            square += float(means.square().sum())
            number += len(counts)
        return (float(mean.square().sum()) - square) / (number * (number - 1)) if number > 1 else None

    def mean_cosine_of(self, chosen: Tensor) -> float | None:
        """Mean cosine over all pairs of vectors whose types are `chosen` (V,) bool; None for fewer than two vectors."""
        n = int(self.counts[chosen].sum())
        if n < 2:
            return None
        total = torch.stack([sums.sum(0) for sums, _ in self._blocks(chosen & (self.counts > 0))]).sum(0)
        return (float(total.square().sum()) - n) / (n * (n - 1))

    def _blocks(self, chosen: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Sums (b, d) and counts (b,) of the chosen types, in float64."""
        for rows in chosen.nonzero()[:, 0].split(TYPES_PER_BLOCK):
            yield self.sums[rows].double(), self.counts[rows].double()


class LayerSums:
    """All that is kept of the vectors of one layer under one removal.

    Args:
        n_types: V.
        mean: (d,) float32, the centre of the centred similarities: an estimate of the vectors' mean.
        spread: root mean square distance of the vectors to it, roughly.

    Attributes:
        spectrum: moments of the vectors.
        raw: sums of their unit vectors.
        centred: sums of the unit vectors of their differences to `mean`; the same object as `raw` where the mean is 0.
    """

    def __init__(self, n_types: int, mean: Tensor, spread: float):
        d = len(mean)
        self.mean = mean
        self.spectrum = Spectrum(d)
        self.raw = TypeSums(n_types, d)
        # a removal that centres leaves a mean of rounding errors: no need to keep the same sums twice
        self.centred = self.raw if float(mean.norm()) < 1e-4 * spread else TypeSums(n_types, d)
        self.norms = torch.zeros(n_types, 2, dtype=torch.float64)

    def add(self, X: Tensor, types: Tensor) -> None:
        """Add vectors (t, d) of types (t,)."""
        self.spectrum.update(X)
        norms = torch.linalg.vector_norm(X, dim=1)  # (t,)
        self.norms.index_add_(0, types, torch.stack([norms, norms.square()], dim=1).double())
        self.raw.add(X / norms[:, None].clamp_min(torch.finfo(X.dtype).tiny), types)
        if self.centred is not self.raw:
            self.centred.add(torch.nn.functional.normalize(X - self.mean, dim=1), types)

    def bring_together(self, to: int) -> None:
        """Sums over all processes, in the one numbered `to`; those of the others mean nothing afterwards."""
        self.spectrum = self.spectrum.gathered()
        self.raw.bring_together(to)
        if self.centred is not self.raw:
            self.centred.bring_together(to)
        distributed.add_up(self.norms, to)

    def norm_mean_std(self, chosen: Tensor | None = None) -> tuple[float, float]:
        """Mean and standard deviation of the norms, over all vectors or those whose types are `chosen` (V,) bool."""
        norms, counts = (
            (self.norms, self.raw.counts) if chosen is None else (self.norms[chosen], self.raw.counts[chosen])
        )
        mean, square = (norms.sum(0) / counts.sum()).tolist()
        return mean, max(0.0, square - mean**2) ** 0.5
