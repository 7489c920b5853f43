"""Mean, eigenvalues and principal components of a stream of vectors."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from uncone.support import distributed
from uncone.support.arrays import Array, as_tensor, matrix

ROWS_PER_BLOCK = 16_384  # bounds the float64 copy of a chunk
_NO_WEIGHT = "all weights are 0: no row would count"


class Spectrum:
    """First and second moments of vectors, streamed in float64, and their eigenbasis.

    Moments are centred as they arrive (Chan, Golub & LeVeque 1983), so that a large mean costs no precision; parts made
    on shards or processes merge exactly. Rows may carry weights, for instance word probabilities (Zipfian statistics).
    Memory is d², never n².

    Attributes:
        weight: Σ p, the number of rows when unweighted.
        mean: (d,) float64, μ = Σ p e / Σ p.
        scatter: (d, d) float64, Σ p (e − μ)(e − μ)ᵀ.
        rows: rows seen, whatever their weight; bounds the rank.

    Example:
        >>> X = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 2.0, 1.0])
        >>> Spectrum.fit(X).eigenvalues.sqrt().round()
        tensor([3., 2., 1.], dtype=torch.float64)
    """

    def __init__(self, dimension: int):
        self.weight = 0.0
        self.rows = 0
        self.mean = torch.zeros(dimension, dtype=torch.float64)
        self.scatter = torch.zeros(dimension, dimension, dtype=torch.float64)

    @classmethod
    def fit(cls, X: Array, weights: Array | None = None) -> Self:
        """Spectrum of the rows of `X` (n, d), n ≥ 2, finite; `weights` (n,) are non-negative and not all 0."""
        tensor = matrix(X, minimum_rows=2)
        return cls(tensor.shape[1]).update(tensor, weights)

    @classmethod
    def fit_divided(cls, X: Array, weights: Array | None = None) -> Self:
        """`fit`, to which each of several processes, given the same rows, contributes its share of them.

        One row has a mean, and no components.
        """
        tensor = matrix(X)
        p = None if weights is None else _checked_weights(weights, len(tensor))
        if p is not None and not p.any():
            raise ValueError(_NO_WEIGHT)
        rows = distributed.share_of_rows(len(tensor))
        part = cls(tensor.shape[1])
        part._add(tensor[rows], None if p is None else p[rows])
        return part.gathered()

    def gathered(self) -> Self:
        """The spectra of all processes merged in the order of their ranks: in all of them the same, to the bit."""
        if distributed.processes() == 1:
            return self
        d = len(self.mean)
        counts = torch.tensor([self.weight, self.rows], dtype=torch.float64)
        whole = type(self)(d)
        for packed in distributed.gather_tensors(torch.cat([counts, self.mean, self.scatter.flatten()])):
            part = Spectrum(d)
            part.weight, part.rows = float(packed[0]), int(packed[1])
            part.mean, part.scatter = packed[2 : 2 + d], packed[2 + d :].reshape(d, d)
            whole.merge(part)
        return whole

    def update(self, chunk: Array, weights: Array | None = None) -> Self:
        """Add rows (n, d), with weights (n,) if given; returns itself."""
        X = matrix(chunk, "chunk")
        if X.shape[1] != len(self.mean):
            raise ValueError(f"this spectrum holds vectors of {len(self.mean)} dimensions, the chunk has {X.shape[1]}")
        p = None if weights is None else _checked_weights(weights, len(X))
        if p is not None and not p.any() and self.weight == 0:
            raise ValueError(_NO_WEIGHT)
        self._add(X, p)
        return self

    def _add(self, chunk: Tensor, weights: Tensor | None) -> None:
        for start in range(0, len(chunk), ROWS_PER_BLOCK):
            X = chunk[start : start + ROWS_PER_BLOCK].to(torch.float64)
            p = None if weights is None else weights[start : start + ROWS_PER_BLOCK].to(X.device)
            weight = float(len(X)) if p is None else float(p.sum())
            if weight == 0:
                continue
            mean = X.mean(0) if p is None else p @ X / weight  # (d,)
            centred = X - mean
            scatter = centred.T @ (centred if p is None else centred * p[:, None])  # (d, d)
            self._merge(weight, len(X), mean.cpu(), scatter.cpu())

    def merge(self, other: Spectrum) -> Self:
        """Add the rows that another spectrum has seen; returns itself."""
        if len(other.mean) != len(self.mean):
            raise ValueError(f"cannot merge spectra of {len(self.mean)} and {len(other.mean)} dimensions")
        if other.weight:
            self._merge(other.weight, other.rows, other.mean, other.scatter)
        return self

    def _merge(self, weight: float, rows: int, mean: Tensor, scatter: Tensor) -> None:
        total = self.weight + weight
        shift = mean - self.mean
        self.scatter = self.scatter + scatter + torch.outer(shift, shift) * (self.weight * weight / total)
        self.mean = self.mean + shift * (weight / total)
        self.weight, self.rows = total, self.rows + rows
        for name in ("_centred", "uncentred"):
            self.__dict__.pop(name, None)

    @staticmethod
    def blend(first: Spectrum, second: Spectrum, share: float) -> Spectrum:
        """Moments between two spectra: those of a mixture that draws from `first` with probability `share`."""
        if not 0 <= share <= 1:
            raise ValueError(f"share must lie in [0, 1], got {share}")
        mixture = Spectrum(len(first.mean))
        for part, mass in ((first, share), (second, 1 - share)):
            if mass:
                mixture._merge(mass, part.rows, part.mean, part.scatter * (mass / part.weight))
        return mixture

    def mapped(self, W: Tensor, b: Tensor) -> Spectrum:
        """Moments of the vectors W e + b, for W (d, d) and b (d,)."""
        W, mapped = W.double(), Spectrum(len(self.mean))
        mapped._merge(self.weight, self.rows, W @ self.mean + b.double(), W @ self.scatter @ W.T)
        return mapped

    @property
    def covariance(self) -> Tensor:
        """(d, d) float64, Σ p (e − μ)(e − μ)ᵀ / Σ p."""
        if self.rows < 2:
            raise ValueError(f"a spectrum needs at least 2 rows, this one has seen {self.rows}")
        return self.scatter / self.weight

    @property
    def second_moment(self) -> Tensor:
        """(d, d) float64, Σ p e eᵀ / Σ p: the covariance about the origin."""
        return self.covariance + torch.outer(self.mean, self.mean)

    @property
    def eigenvalues(self) -> Tensor:
        """(d,) float64 eigenvalues λ of the covariance, descending, not negative."""
        return self._centred[0]

    @property
    def components(self) -> Tensor:
        """(d, d) float64 principal components U, one a column, in the order of `eigenvalues`.

        Each is signed so that its largest coordinate is positive; the sign has no other meaning.
        """
        return self._centred[1]

    @cached_property
    def uncentred(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (d,), descending, and eigenvectors (d, d), one a column, of the second moment; float64."""
        return eigenbasis(self.second_moment)

    @property
    def rank(self) -> int:
        """Number of eigenvalues of the covariance above rounding error."""
        threshold = self.eigenvalues[0] * len(self.mean) * torch.finfo(torch.float32).eps
        return min(int((self.eigenvalues > threshold).sum()), max(0, self.rows - 1))

    @property
    def explained_variance(self) -> Tensor:
        """(d,) share of the variance along each component, summing to 1."""
        return self.eigenvalues / self.eigenvalues.sum()

    @cached_property
    def _centred(self) -> tuple[Tensor, Tensor]:
        return eigenbasis(self.covariance)


def _checked_weights(weights: Array, n: int) -> Tensor:
    """Weights (n,) in float64."""
    p = as_tensor(weights).to(torch.float64)
    if p.shape != (n,) or not torch.isfinite(p).all() or (p < 0).any():
        raise ValueError(f"weights must be {n} finite non-negative numbers, one a row, got shape {tuple(p.shape)}")
    return p


def eigenbasis(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, descending and clamped at 0, and eigenvectors as columns, each with its largest coordinate
    positive."""
    values, vectors = torch.linalg.eigh(symmetric)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))  # (1, d)
    return values, vectors * largest.sign()
