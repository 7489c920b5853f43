"""Linear dimension: how many principal components vectors spread over.

`effective_dimension` is d(ε) of Cai, Huang, Bian and Church, "Isotropy in the Contextual Embedding Space: Clusters and
Manifolds" (ICLR 2021). `participation_ratio` is its smooth relative, of which IsoScore is a linear map. A curved
manifold of few dimensions can spread over many components: see `uncone.geometry.local_dimension`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from uncone.geometry.moments import MomentsMetric, covariance, moments
from uncone.support.arrays import Array, matrix


def effective_dimension(X: Array, share: float = 0.8) -> int:
    """d(ε): the least number of leading principal components that hold a share ε of the variance.

    Invariant to rotation, translation and scale.

    Args:
        X: (n, d), n ≥ 2.
        share: ε in (0, 1].

    Returns:
        A count in [1, min(n − 1, d)].

    Raises:
        ValueError: if `X` is not a finite matrix of at least two rows, its rows are all equal, or `share` is outside
            (0, 1].

    Example:
        >>> effective_dimension(torch.tensor([[3.0, 0.0, 5.0], [-3.0, 0.0, 5.0], [0.0, 1.0, 5.0], [0.0, -1.0, 5.0]]))
        1
    """
    return int(_effective_dimension(moments(matrix(X, minimum_rows=2)), _checked_share(share)))


def participation_ratio(X: Array) -> float:
    """(Σλ)² / Σλ² of the eigenvalues λ of the covariance: k if variance is equal along k directions and nil elsewhere.

    Computed from the trace and the Frobenius norm. Invariant to rotation, translation and scale.

    Args:
        X: (n, d), n ≥ 2.

    Returns:
        A value in [1, min(n − 1, d)].

    Raises:
        ValueError: if `X` is not a finite matrix of at least two rows, or its rows are all equal.

    Example:
        >>> participation_ratio(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        2.0
    """
    return float(participation(covariance(moments(matrix(X, minimum_rows=2)))))


class EffectiveDimension(MomentsMetric):
    """Streaming `effective_dimension`.

    Args:
        dim: d, the length of the vectors.
        share: ε in (0, 1].
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = EffectiveDimension(dim=2)
        >>> metric.update(torch.tensor([[3.0, 0.0], [-3.0, 0.0]]))
        >>> metric.update(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        >>> metric.compute()
        tensor(1)
    """

    def __init__(self, dim: int, share: float = 0.8, **kwargs: Any) -> None:
        super().__init__(dim, **kwargs)
        self.share = _checked_share(share)

    def compute(self) -> Tensor:
        """d(ε), an integer scalar."""
        return _effective_dimension(self.packed, self.share)


class ParticipationRatio(MomentsMetric):
    """Streaming `participation_ratio`.

    Args:
        dim: d, the length of the vectors.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = ParticipationRatio(dim=2)
        >>> metric.update(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        >>> metric.update(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        >>> metric.compute()
        tensor(2., dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """(Σλ)² / Σλ², a float64 scalar."""
        return participation(covariance(self.packed))


def participation(cov: Tensor) -> Tensor:
    """(Σλ)² / Σλ² of the eigenvalues of a covariance matrix (d, d), a scalar.

    Example:
        >>> participation(torch.eye(3))
        tensor(3.)
    """
    return cov.trace().square() / cov.square().sum()


def _effective_dimension(packed: Tensor, share: float) -> Tensor:
    eigenvalues = torch.linalg.eigvalsh(covariance(packed)).flip(0)  # (d,) descending
    held = eigenvalues.cumsum(0) / eigenvalues.sum()
    # Rounding must not ask for one component more where a share is met exactly, as 4 of 5 equal eigenvalues meet 0.8.
    return (held < share - 1e-9).sum() + 1


def _checked_share(share: float) -> float:
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    return share
