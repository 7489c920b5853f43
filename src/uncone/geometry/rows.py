"""Rows of a matrix by the block, so that no float64 copy of the whole is held."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 2048  # rows held in float64 at once: 12 MiB for d = 768


def row_blocks(X: Tensor) -> Iterator[Tensor]:
    """Yield the rows of `X` (n, d) in float64, `BLOCK` at a time."""
    for block in X.split(BLOCK):
        yield block.double()


def unit_blocks(X: Tensor) -> Iterator[Tensor]:
    """Yield the rows of `X` (n, d) scaled to length 1, in float64, `BLOCK` at a time.

    A ValueError naming the first zero row.
    """
    for number, block in enumerate(row_blocks(X)):
        norms = torch.linalg.vector_norm(block, dim=1, keepdim=True)  # (b, 1)
        zero = (norms == 0).nonzero()
        if len(zero):
            row = number * BLOCK + int(zero[0, 0])
            raise ValueError(f"row {row} of X is a zero vector, which has no cosine; leave such rows out")
        yield block / norms
