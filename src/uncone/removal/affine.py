"""The one object behind every affine correction: a centre, orthonormal components, and a gain for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from uncone.removal.base import Correction, check_orthonormal, extent

CENTRE_TOLERANCE = (
    1e-3  # of the length of either centre, that a second centre may lie outside of what a first removal leaves
)


@dataclass(frozen=True, eq=False, repr=False)
class Removal(Correction):
    """The affine map e' = (e − c)(I − U diag(w) Uᵀ).

    A weight w_i = 1 removes component i, 0 keeps it, a negative weight amplifies it; the gain is g_i = 1 − w_i.
    Directions outside U pass unchanged, and the centre is not added back. Make one with a constructor of
    `uncone.removal`, or by training. A saved one corrects vectors e (n, d) anywhere, with numpy and safetensors alone:

        r = safetensors.numpy.load_file("removal.safetensors")
        x = e - r["centre"]
        x = x + (x @ r["components"] * (r["gains"] - 1)) @ r["components"].T

    Attributes:
        centre: (d,) c; zeros for an uncentred map.
        components: (d, k) U, orthonormal columns.
        gains: (k,) g = 1 − w.
        query_centre: (d,), c of queries where they have their own; see `of_queries`.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or U is not orthonormal.

    Example:
        >>> U = torch.tensor([[1.0], [0.0]])
        >>> removal = Removal(centre=torch.zeros(2), components=U, gains=torch.zeros(1), method="first axis")
        >>> removal.apply(torch.tensor([[3.0, 4.0]]))
        tensor([[0., 4.]])
    """

    centre: Tensor
    components: Tensor
    gains: Tensor
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, str] = field(default_factory=dict)
    query_centre: Tensor | None = None

    kind: ClassVar[str] = "affine"
    tensors: ClassVar[tuple[str, ...]] = ("centre", "components", "gains", "query_centre")

    def __post_init__(self) -> None:
        self._own_tensors()
        d, k = self.components.shape if self.components.ndim == 2 else (-1, -1)
        centres = [self.centre] if self.query_centre is None else [self.centre, self.query_centre]
        if any(each.shape != (d,) for each in centres) or self.gains.shape != (k,) or k > d:
            raise self._misfit("(d,), (d, k) and (k,) with k ≤ d")
        check_orthonormal(self.components, torch.ones(k))

    @property
    def dimension(self) -> int:
        """d, the dimension of the vectors it applies to."""
        return len(self.centre)

    @property
    def rank(self) -> int:
        """Dimensions that corrected vectors span: d less one for each gain of 0."""
        return self.dimension - int((self.gains == 0).sum())

    def _correct(self, X: Tensor) -> Tensor:
        c, U, g = (part.to(X.device, X.dtype) for part in (self.centre, self.components, self.gains))
        centred = X - c
        if not U.shape[1]:
            return centred
        if 2 * U.shape[1] < self.dimension:  # two thin products; beyond half the dimension, one square one is cheaper
            return centred + (centred @ U * (g - 1)) @ U.T
        return centred @ self._matrix(X.dtype).to(X.device, X.dtype)

    def _matrix(self, precision: torch.dtype) -> Tensor:
        """(d, d) float64, I − U diag(w) Uᵀ, with U and w as they are in float32 (what files hold) or float64."""
        if precision not in self._matrices:
            U, g = (part.to(precision).double() for part in (self.components, self.gains))
            identity = torch.eye(self.dimension, dtype=torch.float64, device=U.device)
            self._matrices[precision] = identity + (U * (g - 1)) @ U.T
        return self._matrices[precision]

    @property
    def matrix(self) -> Tensor:
        """(d, d) float64, I − U diag(w) Uᵀ, of the numbers that files hold."""
        return self._matrix(torch.float32)

    @cached_property
    def _matrices(self) -> dict[torch.dtype, Tensor]:
        return {}

    def fold(self) -> tuple[Tensor, Tensor]:
        """The same map as one matrix and one bias.

        Returns:
            W (d, d) and b (d,) float32 with e' = W e + b; W is symmetric.
        """
        W = self.matrix
        return W.float(), (-W @ self.centre.float().double()).float()

    def then(self, second: Removal) -> Removal:
        """This removal and a second one of what it leaves, as one removal named after the second.

        Of the rows (e − c₁) W₁ a cosine after W₂ sees W₁ W₂² W₁ = V S² Vᵀ alone: the gains S along V give the same
        cosines and lengths, the vectors themselves up to a rotation.

        Raises:
            ValueError: if the second centre does not lie among what the first leaves.
        """
        first = self._matrix(torch.float64)
        V, gains, _ = torch.linalg.svd(first @ second._matrix(torch.float64))
        c = second.centre.double()
        shift = torch.linalg.pinv(first, hermitian=True) @ c
        if (first @ shift - c).norm() > CENTRE_TOLERANCE * max(c.norm(), self.centre.norm()):
            raise ValueError(f"the centre of {second.method} lies outside of what {self.method} leaves")
        return replace(second, centre=self.centre.double() + shift, components=V, gains=gains)

    def describe(self) -> str:
        """One line a person can read."""
        kind = self._centred()
        does = "reweighs" if (self.gains > 1).any() else "removes"
        count = f"{does} {len(self.gains)} of {self.dimension} components, " if len(self.gains) else ""
        return f"{self._described()}: {kind}, {count}{extent(self.weights)}{self._owner()}"
