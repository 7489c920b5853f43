"""Isotropy: how evenly vectors use the directions of their space.

Two answers. `isotropy` is the partition-function ratio I(V) of Mu and Viswanath (ICLR 2018), with the eigenvectors that
Arora et al. (TACL 2016) suggest as directions. It sees the mean as well as the spread, and falls off exponentially with
the norm of the vectors. `isoscore` (Rudman et al., Findings of ACL 2022) sees only the spread, and not its scale.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from uncone.geometry.collected import CollectedMetric
from uncone.geometry.dimension import participation
from uncone.geometry.moments import MomentsMetric, covariance, moments
from uncone.geometry.rows import add_gram, row_blocks
from uncone.support.arrays import Array, matrix

Signs = Literal["both", "as_computed"]


def log10_isotropy(X: Array, signs: Signs = "both") -> float:
    """The decimal logarithm of I(V), which stays finite where I(V) itself underflows. See `isotropy`.

    Whoever wants both computes this one and raises 10 to it, which is all that `isotropy` does.

    Args:
        X: (n, d), n ≥ 2.
        signs: as `isotropy`.

    Returns:
        A value ≤ 0; 0 is isotropic.

    Raises:
        ValueError: as `isotropy`.

    Example:
        >>> round(log10_isotropy(torch.tensor([[5000.0, 0.0], [5000.0, 1.0]])))
        -4343
    """
    if signs not in ("both", "as_computed"):
        raise ValueError(f'signs must be "both" or "as_computed", got {signs!r}')
    vectors = matrix(X, minimum_rows=2)
    second_moment = vectors.new_zeros(vectors.shape[1], vectors.shape[1], dtype=torch.float64)
    for block in row_blocks(vectors):
        add_gram(second_moment, block)
    log_f = _log_partition(vectors, torch.linalg.eigh(second_moment).eigenvectors)  # (2, d)
    if signs == "as_computed":
        log_f = log_f[0]
    return float(log_f.min() - log_f.max()) / math.log(10)


def isotropy(X: Array, signs: Signs = "both") -> float:
    """I(V) = min_u F(u) / max_u F(u) with F(u) = Σ_j exp(uᵀ x_j), over the eigenvectors u of XᵀX, not centred.

    Computed in float64 with log-sum-exp. Invariant to rotation and to the order of rows (where eigenvalues differ: a
    repeated eigenvalue leaves its eigenvectors undetermined). Not invariant to scale or to translation: scaled-up
    vectors are less isotropic, so compare encoders after bringing their vectors to a common length.

    Args:
        X: (n, d), n ≥ 2.
        signs: an eigenvector has no sign of its own, but F(u) and F(−u) differ. "both" takes u and −u, which makes I(V)
            well defined; "as_computed" takes the sign that LAPACK returns, as published figures do.

    Returns:
        A value in [0, 1]; 1 is isotropic. 0 where it underflows, below 1e-308: use `log10_isotropy` there.

    Raises:
        ValueError: if `X` is not a finite matrix of at least two rows, or `signs` is unknown.

    Example:
        >>> isotropy(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        1.0
    """
    return 10.0 ** log10_isotropy(X, signs)


def isoscore(X: Array) -> float:
    """IsoScore: the share of the space's dimensions that the vectors use evenly.

    In closed form ((Σλ)² / Σλ² − 1) / (d − 1) on the eigenvalues λ of the covariance: the participation ratio mapped
    linearly to [0, 1]. The sums are the trace and the squared Frobenius norm, so no eigenvalue is computed. Invariant
    to rotation, translation and scale.

    Args:
        X: (n, d), n ≥ 2 and d ≥ 2.

    Returns:
        A value in [0, 1]: 0 if all variance is along one direction, 1 if it is equal along all, k/d or so along k.

    Raises:
        ValueError: if `X` is not a finite matrix of at least two rows and columns, or its rows are all equal.

    Example:
        >>> isoscore(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        1.0
    """
    return float(_isoscore(moments(matrix(X, minimum_rows=2))))


class Isotropy(CollectedMetric):
    """Streaming `isotropy`. The eigenvectors depend on all vectors and F on each, so all vectors are kept.

    Args:
        signs: as `isotropy`.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = Isotropy()
        >>> metric.update(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        >>> metric.update(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        >>> metric.compute()
        tensor(1., dtype=torch.float64)
    """

    def __init__(self, signs: Signs = "both", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.signs = signs

    def compute(self) -> Tensor:
        """I(V), a float64 scalar."""
        return torch.tensor(isotropy(self.collected(), self.signs), dtype=torch.float64)


class Log10Isotropy(Isotropy):
    """Streaming `log10_isotropy`: the one to log, since loggers store float32, in which I(V) underflows at 1e-45.

    Args:
        signs: as `isotropy`.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = Log10Isotropy()
        >>> metric.update(torch.tensor([[5000.0, 0.0], [5000.0, 1.0]]))
        >>> metric.compute().round()
        tensor(-4343., dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Decimal logarithm of I(V), a float64 scalar."""
        return torch.tensor(log10_isotropy(self.collected(), self.signs), dtype=torch.float64)


class IsoScore(MomentsMetric):
    """Streaming `isoscore`.

    Args:
        dim: d, the length of the vectors.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = IsoScore(dim=2)
        >>> metric.update(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        >>> metric.update(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        >>> metric.compute()
        tensor(1., dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """IsoScore, a float64 scalar."""
        return _isoscore(self.packed)


def _log_partition(X: Tensor, directions: Tensor) -> Tensor:
    """The logarithms of F(u) and F(−u) over the rows (n, d) for each column u of `directions` (d, m), shape (2, m)."""
    log_f = directions.new_full((2, directions.shape[1]), -torch.inf)
    for block in row_blocks(X):
        exponents = block @ directions  # (b, m)
        log_f[0] = torch.logaddexp(log_f[0], exponents.logsumexp(0))
        log_f[1] = torch.logaddexp(log_f[1], exponents.neg_().logsumexp(0))
    return log_f


def _isoscore(packed: Tensor) -> Tensor:
    cov = covariance(packed)
    d = len(cov)
    if d < 2:
        raise ValueError("IsoScore compares directions and needs vectors of length d ≥ 2, got d = 1")
    return (participation(cov) - 1) / (d - 1)
