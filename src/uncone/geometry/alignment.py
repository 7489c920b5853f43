"""Alignment and uniformity: do vectors that belong together lie together, and do all of them fill the sphere?

Both are defined by Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity
on the Hypersphere" (ICML 2020), on unit vectors x̂, and lower is better for both:

    alignment  = E ‖x̂ − x̂⁺‖²                  over pairs that belong together,
    uniformity = log E exp(−t ‖x̂ − ŷ‖²), t = 2   over pairs of different vectors.

A single point is perfectly aligned (0) and not uniform at all (0); vectors spread evenly over a sphere of many
dimensions are as uniform as can be (about −2t). Neither depends on rotation or on the length of any vector.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uncone.support.arrays import Array, ArrayT, as_given, matrix, unit_blocks

_TILE = 2048  # rows of a block of the matrix of all pairs: 16 MiB in float32


def alignment(X: Array, Y: Array) -> float:
    """Mean squared distance, in [0, 4], between the directions of paired rows (n, d), none of them zero.

    0 where partners point the same way, 2 where they are orthogonal.

    Example:
        >>> alignment(torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
        1.0
    """
    first, second = matrix(X, "X"), matrix(Y, "Y")
    if first.shape != second.shape:
        raise ValueError(f"X and Y must be of one shape, got {tuple(first.shape)} and {tuple(second.shape)}")
    pairs = zip(unit_blocks(first), unit_blocks(second), strict=True)
    return float(torch.cat([(x - y).square().sum(1) for x, y in pairs]).mean())


def uniformity(X: Array, t: float = 2.0) -> float:
    """Logarithm, in [−4t, 0], of the mean Gaussian potential between the directions of rows (n, d), n ≥ 2, none zero.

    The pairs are never held at once, only blocks of them. Products are taken in the precision of `X`, sums in float64.
    `t` > 0 is how fast the potential exp(−t ‖x̂ − ŷ‖²) falls; 2 in the literature.

    Example:
        >>> round(uniformity(torch.tensor([[1.0, 0.0], [0.0, 1.0]])), 6)  # at squared distance 2
        -4.0
    """
    return float(_potentials(X, t).mean().log())


def uniformity_terms(X: ArrayT, t: float = 2.0) -> ArrayT:
    """What each vector contributes (n,), float64: their mean is the uniformity, their spread its sampling error.

    With h_i the mean potential of vector i and h̄ the mean of them, the terms are log h̄ + 2 (h_i / h̄ − 1). This is
    the first-order expansion of uniformity in the weights of the vectors (the factor 2, because a vector is on either
    side of its pairs), so that a bootstrap of the mean of the terms is one of uniformity that recomputes no pair.

    Example:
        >>> uniformity_terms(torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])).round(decimals=2)
        tensor([-0.1000, -0.1000, -3.1000], dtype=torch.float64)
    """
    potentials = _potentials(X, t)
    mean = potentials.mean()
    return as_given(mean.log() + 2 * (potentials / mean - 1), X)


def _potentials(X: Array, t: float) -> Tensor:
    """Mean potential (n,) of each vector with all others, float64."""
    if not t > 0:
        raise ValueError(f"t must be above 0, got {t}")
    vectors = matrix(X, minimum_rows=2)
    n = len(vectors)
    work = torch.float64 if vectors.dtype == torch.float64 else torch.float32
    units = torch.cat([block.to(work) for block in unit_blocks(vectors)])  # (n, d)
    sums = units.new_zeros(n, dtype=torch.float64)
    for i in range(0, n, _TILE):
        for j in range(i, n, _TILE):  # the matrix is symmetric: its upper triangle will do
            cosines = units[i : i + _TILE] @ units[j : j + _TILE].T  # (b, c)
            potentials = cosines.sub_(1).mul_(2 * t).clamp_(max=0).exp_()  # ‖x̂ − ŷ‖² = 2 − 2 cos
            if i == j:
                potentials.fill_diagonal_(0)
            else:
                sums[j : j + _TILE] += potentials.sum(0, dtype=torch.float64)
            sums[i : i + _TILE] += potentials.sum(1, dtype=torch.float64)
    return sums / (n - 1)
