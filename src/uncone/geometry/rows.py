"""Rows of a matrix, checked and taken by the block, so that no float64 copy of the whole is held."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from uncone.support.arrays import Array, matrix

# Rows held in float64 at once: 12 MiB for d = 768.
BLOCK = 2048

# Columns of a product computed at once: wide enough for full speed, narrow enough to skip most of the lower triangle.
_STRIP = 128


def rows_of(X: Array, dim: int) -> Tensor:
    """The vectors (n, dim), n ≥ 1, of one update of a metric whose states were made for that dimension.

    Raises:
        ValueError: if `X` is not a finite matrix with `dim` columns.

    Example:
        >>> rows_of(torch.zeros(2, 3), dim=3).shape
        torch.Size([2, 3])
    """
    vectors = matrix(X, minimum_rows=1)
    if vectors.shape[1] != dim:
        raise ValueError(f"X must have the dim={dim} columns the metric was made for, got shape {tuple(vectors.shape)}")
    return vectors


def row_blocks(X: Tensor) -> Iterator[Tensor]:
    """Yield the rows of `X` (n, d) in float64, `BLOCK` at a time.

    Example:
        >>> [len(block) for block in row_blocks(torch.zeros(5000, 3))]
        [2048, 2048, 904]
    """
    for block in X.split(BLOCK):
        yield block.double()


def add_gram(total: Tensor, block: Tensor) -> None:
    """Add bᵀb of a block b (·, d) to `total` (d, d), symmetric. A strip of the upper triangle at a time, half the work.

    Example:
        >>> total = torch.zeros(2, 2)
        >>> add_gram(total, torch.tensor([[1.0, 2.0]]))
        >>> total.tolist()
        [[1.0, 2.0], [2.0, 4.0]]
    """
    d = len(total)
    for start in range(0, d, _STRIP):
        stop = start + _STRIP
        strip = block[:, start:stop].T @ block[:, start:]  # (strip, d − start)
        total[start:stop, start:] += strip
        total[stop:, start:stop] += strip[:, _STRIP:].T


def unit_blocks(X: Tensor) -> Iterator[Tensor]:
    """Yield the rows of `X` (n, d) scaled to length 1, in float64, `BLOCK` at a time.

    Raises:
        ValueError: naming the first zero row.

    Example:
        >>> next(unit_blocks(torch.tensor([[3.0, 4.0]]))).tolist()
        [[0.6, 0.8]]
    """
    for number, block in enumerate(row_blocks(X)):
        norms = torch.linalg.vector_norm(block, dim=1, keepdim=True)  # (b, 1)
        zero = (norms == 0).nonzero()
        if len(zero):
            raise zero_vector(number * BLOCK + int(zero[0, 0]))
        yield block / norms


def zero_vector(row: int) -> ValueError:
    """The error for a row that has no direction.

    Example:
        >>> print(zero_vector(3))
        row 3 of X is a zero vector, which has no cosine; leave such rows out
    """
    return ValueError(f"row {row} of X is a zero vector, which has no cosine; leave such rows out")
