"""Isotropy: how evenly vectors use the directions of their space, by the partition-function ratio I(V).

I(V) is that of Mu and Viswanath (ICLR 2018), with the eigenvectors that Arora et al. (TACL 2016) suggest as directions.
It sees the mean as well as the spread, and falls off exponentially with the norm of the vectors; IsoScore, in
`uncone.geometry.dimension`, sees only the spread, and not its scale.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from uncone.removal.spectrum import Spectrum
from uncone.support.arrays import BLOCK, Array, matrix, row_blocks

Signs = Literal["both", "as_computed"]


def isotropy(X: Array, signs: Signs = "both") -> float:
    """I(V) = min_u F(u) / max_u F(u) with F(u) = Σ_j exp(uᵀ x_j), over the eigenvectors u of XᵀX, not centred.

    In [0, 1], 1 is isotropic. Computed in float64 with log-sum-exp. Invariant to rotation and to the order of rows
    (where eigenvalues differ: a repeated eigenvalue leaves its eigenvectors undetermined). Not invariant to scale or to
    translation: scaled-up vectors are less isotropic, so bring vectors of different encoders to a common length.

    Args:
        X: (n, d), n ≥ 2.
        signs: an eigenvector has no sign of its own, but F(u) and F(−u) differ. "both" takes u and −u, which makes I(V)
            well defined; "as_computed" takes the sign that LAPACK returns, as published figures do.

    Example:
        >>> isotropy(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        1.0
    """
    return 10.0 ** log10_isotropy(X, signs)


def log10_isotropy(X: Array, signs: Signs = "both", spectrum: Spectrum | None = None) -> float:
    """The decimal logarithm of I(V), which stays finite where I(V) underflows, below 1e-308. See `isotropy`.

    `spectrum` is that of `X`, if it is at hand.

    Example:
        >>> round(log10_isotropy(torch.tensor([[5000.0, 0.0], [5000.0, 1.0]])))
        -4343
    """
    vectors = matrix(X, minimum_rows=2)
    once = torch.ones(1, len(vectors), dtype=torch.float64, device=vectors.device)
    return float(resampled_log10_isotropy(vectors, once, signs, spectrum))


def resampled_log10_isotropy(
    X: Tensor, weights: Tensor, signs: Signs = "both", spectrum: Spectrum | None = None
) -> Tensor:
    """log10 of I(V), (r,), of vectors (n, d) weighted in F by each row of weights (r, n), along the same directions."""
    if signs not in ("both", "as_computed"):
        raise ValueError(f'signs must be "both" or "as_computed", got {signs!r}')
    moment = (Spectrum.fit(X) if spectrum is None else spectrum).second_moment.to(X.device)
    directions = torch.linalg.eigh(moment).eigenvectors
    if signs == "both":
        directions = torch.cat([directions, -directions], dim=1)  # (d, m)
    largest = directions.new_full((directions.shape[1],), -torch.inf)
    sums = directions.new_zeros(len(weights), len(largest))  # F(u) / exp(largest), block by block
    for block, counted in zip(row_blocks(X), weights.split(BLOCK, dim=1), strict=True):
        exponents = block @ directions  # (b, m)
        before, largest = largest, torch.maximum(largest, exponents.max(0).values)
        sums = sums * (before - largest).exp() + counted @ (exponents - largest).exp()
    log_f = sums.log() + largest
    return (log_f.min(1).values - log_f.max(1).values) / math.log(10)
