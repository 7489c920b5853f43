"""Linear dimension: how many principal components vectors spread over, all of it read off their spectrum.

`effective_dimension` is d(ε) of Cai, Huang, Bian and Church, "Isotropy in the Contextual Embedding Space: Clusters and
Manifolds" (ICLR 2021). `participation_ratio` is its smooth relative, and IsoScore (Rudman et al., Findings of ACL 2022)
a linear map of that. All are invariant to rotation, translation and scale. A curved manifold of few dimensions can
spread over many components: see `uncone.geometry.local_dimension`.
"""

from __future__ import annotations

from uncone.removal.spectrum import Spectrum
from uncone.support.arrays import Array

# Below this ratio of standard deviation to mean, variance is the rounding noise of equal float64 rows.
_ROUNDING = 1e-12


def effective_dimension(X: Array | Spectrum, share: float = 0.8) -> int:
    """d(ε): the least number of leading principal components that hold a share ε in (0, 1] of the variance.

    `X` is (n, d), n ≥ 2, or its spectrum; the answer lies in [1, min(n − 1, d)]. A ValueError if all rows are equal, or
    `share` is outside (0, 1].

    Example:
        >>> import torch
        >>> effective_dimension(torch.tensor([[3.0, 0.0, 5.0], [-3.0, 0.0, 5.0], [0.0, 1.0, 5.0], [0.0, -1.0, 5.0]]))
        1
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    held = spectrum_of(X).explained_variance.cumsum(0)
    # Rounding must not ask for one component more where a share is met exactly, as 4 of 5 equal eigenvalues meet 0.8.
    return int((held < share - 1e-9).sum()) + 1


def participation_ratio(X: Array | Spectrum) -> float:
    """(Σλ)² / Σλ² of the eigenvalues λ of the covariance: k if variance is equal along k directions and nil elsewhere.

    From the trace and the Frobenius norm, so no eigenvalue is computed. `X` is (n, d), n ≥ 2, or its spectrum; the
    answer lies in [1, min(n − 1, d)]. A ValueError if all rows are equal.

    Example:
        >>> import torch
        >>> participation_ratio(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        2.0
    """
    covariance = spectrum_of(X).covariance
    return float(covariance.trace().square() / covariance.square().sum())


def isoscore(X: Array | Spectrum) -> float:
    """IsoScore: the share of the space's dimensions that vectors use evenly, (participation ratio − 1) / (d − 1).

    `X` is (n, d), n ≥ 2 and d ≥ 2, or its spectrum. 0: all variance is along one direction, 1: it is equal along all. A
    ValueError if all rows are equal, or d is 1.

    Example:
        >>> import torch
        >>> isoscore(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        1.0
    """
    spectrum = spectrum_of(X)
    d = len(spectrum.mean)
    if d < 2:
        raise ValueError("IsoScore compares directions and needs vectors of length d ≥ 2, got d = 1")
    return (participation_ratio(spectrum) - 1) / (d - 1)


def spectrum_of(X: Array | Spectrum, name: str = "X") -> Spectrum:
    """The spectrum of `X` (n, d), n ≥ 2, or `X` itself if it is one.

    A ValueError if all rows are equal, which leaves no direction to measure.
    """
    spectrum = X if isinstance(X, Spectrum) else Spectrum.fit(X)
    if spectrum.covariance.trace() <= _ROUNDING**2 * spectrum.mean.square().sum():
        raise ValueError(f"{name} has no variance: all {spectrum.rows} rows are equal; give rows that differ")
    return spectrum
