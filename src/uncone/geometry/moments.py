"""Count, mean and scatter of a stream of vectors in float64, exactly mergeable.

Everything that depends on a covariance (IsoScore, dimensions, correlations with components) starts here. The three
statistics travel packed in one symmetric matrix,

    [[n,  μᵀ],
     [μ,  S ]]    S = Σ (x − μ)(x − μ)ᵀ,    shape (1 + d, 1 + d)

because `torchmetrics` reduces each state on its own, and merging two scatters needs both counts and both means. Merging
centred scatters, unlike adding up raw xxᵀ, loses no digits when the mean is far from the origin, as it is in a cone.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from uncone.geometry.rows import add_gram, row_blocks, rows_of
from uncone.support.arrays import Array

# Below this ratio of standard deviation to mean, variance is the rounding noise of equal float64 rows.
_ROUNDING = 1e-12


def moments(X: Tensor) -> Tensor:
    """Packed moments (1 + d, 1 + d) of the rows of `X` (n, d), n ≥ 1.

    Example:
        >>> moments(torch.tensor([[1.0, 0.0], [3.0, 0.0]])).tolist()
        [[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    """
    n, d = X.shape
    mean = X.mean(0, dtype=torch.float64)
    packed = X.new_zeros(1 + d, 1 + d, dtype=torch.float64)
    packed[0, 0] = n
    packed[0, 1:] = packed[1:, 0] = mean
    scatter = packed[1:, 1:]
    for block in row_blocks(X):
        add_gram(scatter, block - mean)
    return packed


def merge(stacked: Tensor) -> Tensor:
    """Merge packed moments (m, 1 + d, 1 + d) of m disjoint sets into those of their union (1 + d, 1 + d).

    The pairwise update of Chan, Golub and LeVeque (1979): S = S₁ + S₂ + δδᵀ n₁n₂/n with δ = μ₂ − μ₁.

    Example:
        >>> X = torch.randn(10, 3)
        >>> torch.allclose(merge(torch.stack([moments(X[:4]), moments(X[4:])])), moments(X))
        True
    """
    return reduce(_merge_two, stacked.unbind())


def _merge_two(a: Tensor, b: Tensor) -> Tensor:
    n_a, n_b = a[0, 0], b[0, 0]
    share = n_b / (n_a + n_b).clamp_min(1)  # two empty sets merge into an empty one
    shift = b[0, 1:] - a[0, 1:]
    merged = a + b  # counts and scatters add up; the means are set below
    merged[0, 1:] = merged[1:, 0] = a[0, 1:] + share * shift
    merged[1:, 1:] += n_a * share * torch.outer(shift, shift)
    return merged


def covariance(packed: Tensor, name: str = "X") -> Tensor:
    """Covariance matrix (d, d) S / n of packed moments.

    Raises:
        ValueError: if there are fewer than two rows, or all rows are equal, which has no directions to measure.

    Example:
        >>> covariance(moments(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))).tolist()
        [[1.0, 0.0], [0.0, 0.0]]
    """
    n, mean = int(packed[0, 0]), packed[0, 1:]
    if n < 2:
        raise ValueError(f"{name} needs at least 2 rows to have a variance, got {n}")
    result = packed[1:, 1:] / n
    if result.trace() <= _ROUNDING**2 * mean.square().sum():
        raise ValueError(f"{name} has no variance: all {n} rows are equal; give rows that differ")
    return result


class MomentsMetric(Metric):
    """Base of the measures that are functions of the moments: streams them, merges them across processes.

    Measures of one kind in a `torchmetrics.MetricCollection` form a compute group and share one pass over the data.

    Args:
        dim: d, the length of the vectors.
        kwargs: passed on to `torchmetrics.Metric`.
    """

    is_differentiable = False
    full_state_update = False
    packed: Tensor

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("packed", torch.zeros(1 + dim, 1 + dim, dtype=torch.float64), dist_reduce_fx=merge)

    def update(self, X: Array) -> None:
        """Add the vectors `X` (n, dim), n ≥ 1."""
        self.packed = _merge_two(self.packed, moments(rows_of(X, dim=len(self.packed) - 1)))
