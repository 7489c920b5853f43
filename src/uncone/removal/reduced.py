"""Fewer dimensions: what an affine removal leaves, as k numbers a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from uncone.removal.affine import Removal
from uncone.removal.base import Correction, capped
from uncone.removal.spectrum import Spectrum, eigenbasis

TIE = 1e-3  # weight of the raw moments: large enough to order directions that are alike after whitening, and no others


@dataclass(frozen=True, eq=False, repr=False)
class ReducedRemoval(Correction):
    """e' = (e − c) M: vectors (n, d) in, (n, k) out. `reduced` makes one.

    Attributes:
        centre: (d,) c.
        matrix: (d, k) M, k ≤ d.
        query_centre: (d,), c of queries where they have their own.

    Raises:
        ValueError: if shapes do not fit, or a number is not finite.
    """

    centre: Tensor
    matrix: Tensor
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, str] = field(default_factory=dict)
    query_centre: Tensor | None = None

    kind: ClassVar[str] = "reduced"
    tensors: ClassVar[tuple[str, ...]] = ("centre", "matrix", "query_centre")

    def __post_init__(self) -> None:
        self._own_tensors()
        d, k = self.matrix.shape if self.matrix.ndim == 2 else (-1, -1)
        centres = [self.centre] if self.query_centre is None else [self.centre, self.query_centre]
        if any(each.shape != (d,) for each in centres) or not 1 <= k <= d:
            raise self._misfit("(d,) and (d, k) with 1 ≤ k ≤ d")

    @property
    def dimension(self) -> int:
        """d, the dimension of the vectors it applies to."""
        return len(self.centre)

    @property
    def output_dimension(self) -> int:
        """k, the numbers of a corrected vector."""
        return self.matrix.shape[1]

    def _correct(self, X: Tensor) -> Tensor:
        return (X - self.centre.to(X.device, X.dtype)) @ self.matrix.to(X.device, X.dtype)

    def fold(self) -> tuple[Tensor, Tensor]:
        """W (k, d) and b (k,) float32 with e' = W e + b."""
        W = self.matrix.double().T
        return W.float(), (-W @ self.centre.double()).float()

    def describe(self) -> str:
        """One line a person can read."""
        size = f"{self.dimension} dimensions to {self.output_dimension}"
        return f"{self._described()}: {self._centred()}, {size}{self._owner()}"


def reduced(removal: Correction, dimensions: int, spectrum: Spectrum | None = None) -> ReducedRemoval:
    """The same removal with vectors of `dimensions` numbers: what it leaves, in k directions.

    A removal maps e to e' = (e − c)(I − U diag(w) Uᵀ), which spans its rank r: d less one for each gain of 0. The k
    directions are the leading eigenvectors of the second moment of e' about 0, those in which the corrected vectors are
    longest; for a centred removal these are their principal components. Of all k directions they keep inner products
    best (Eckart & Young 1936). Directions that are alike after the correction, as all are after whitening, come in the
    order of the raw vectors. So:

    - k = r is a rotation: cosines, lengths and distances are those of the removal, for any vector;
    - k < r drops the r − k directions with the least of the vectors, and depends on the spectrum;
    - the first j of the k numbers are the vector of `reduced(removal, j, spectrum)`.

    Args:
        removal: an affine one.
        dimensions: k, 1 ≤ k ≤ r.
        spectrum: of raw vectors; None where k = r, which needs none.

    Raises:
        ValueError: for a removal that is not one affine map, k beyond the rank, or no spectrum where k needs one.

    Example:
        >>> X = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 9.0, 3.0])
        >>> centred = Removal(X.mean(0), torch.zeros(3, 0), torch.zeros(0), "centre")
        >>> reduced(centred, 2, Spectrum.fit(X)).apply(X).std(0).round()
        tensor([9., 3.])
    """
    if not isinstance(removal, Removal):
        raise ValueError(f"fewer dimensions need one affine map, and this removal is {removal.kind}: leave them out")
    capped(dimensions, removal.rank, "dimensions")
    if spectrum is None and dimensions < removal.rank:
        raise ValueError(f"dimensions={dimensions} of the {removal.rank} that this removal leaves: give a spectrum too")
    M = removal.matrix
    Q = torch.linalg.eigh(M @ M)[1][:, removal.dimension - removal.rank :]  # (d, r), what M spans
    if spectrum is None:
        raw = torch.eye(removal.dimension, dtype=torch.float64)
    else:
        offset = spectrum.mean - removal.centre.double()
        raw = spectrum.covariance + torch.outer(offset, offset)
    moments = [Q.T @ each @ Q for each in (M @ raw @ M, raw)]  # corrected and raw, in that span
    relative, tie = (each / each.trace().clamp_min(torch.finfo(torch.float64).tiny) for each in moments)
    directions = Q @ eigenbasis(relative + TIE * tie)[1][:, :dimensions]
    settings = {**removal.settings, "dimensions": dimensions}
    made = removal.method, settings, removal.encoder, removal.query_centre
    return ReducedRemoval(removal.centre, M @ directions, *made)
