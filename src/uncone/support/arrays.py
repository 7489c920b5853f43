"""Numpy in, numpy out; torch in, torch out.

Every public function of uncone that takes vectors accepts either kind and answers in the kind it was given. Inside, all
work is done on torch tensors, so that the same code runs on any device.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray | Tensor
ArrayT = TypeVar("ArrayT", np.ndarray, Tensor)
CHECKED = 65_536  # rows looked through at once
BLOCK = 2048  # rows held in float64 at once: 12 MiB for d = 768


def as_tensor(x: Array, dtype: torch.dtype | None = None) -> Tensor:
    """View an array as a tensor, sharing memory where possible.

    Raises:
        ValueError: if `x` is neither.
    """
    if isinstance(x, np.ndarray):
        with warnings.catch_warnings():  # memory-mapped features are read-only, and uncone never writes into its input
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            tensor = torch.from_numpy(x)
    elif isinstance(x, Tensor):
        tensor = x
    else:
        raise ValueError(f"expected a numpy array or a torch tensor, got {type(x).__name__}")
    return tensor if dtype is None else tensor.to(dtype)


def as_given(result: Tensor, given: ArrayT) -> ArrayT:
    """Return `result` in the kind (numpy or torch) of `given`."""
    if isinstance(given, np.ndarray):
        return result.detach().cpu().numpy()
    return result


def matrix(x: Array, name: str = "X", minimum_rows: int = 1, dtype: torch.dtype | None = None) -> Tensor:
    """View `x` as a tensor (n, d), refusing anything that is not a finite matrix with enough rows.

    Raises:
        ValueError: naming the shape, the number of rows or the first row that holds NaN or infinity.
    """
    tensor = as_tensor(x, dtype)
    if tensor.ndim != 2:
        raise ValueError(f"{name} must be a matrix (n, d), got shape {tuple(tensor.shape)}")
    if len(tensor) < minimum_rows:
        raise ValueError(f"{name} needs at least {minimum_rows} rows, got {len(tensor)}")
    for start in range(0, len(tensor), CHECKED):
        block = tensor[start : start + CHECKED]
        if torch.isfinite(block.sum()):  # one pass; the row is looked for only when something is wrong
            continue
        bad = ~torch.isfinite(block).all(1)
        if bad.any():
            row = start + int(bad.nonzero()[0])
            raise ValueError(f"{name} holds NaN or infinity, first in row {row}: leave such rows out")
    return tensor


@contextmanager
def one_thread() -> Iterator[None]:
    """Run tiny tensor work on one thread: starting a second costs more than it does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
