"""What all files of vectors share: rows are corrected chunk by chunk, and refused where they are not numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from uncone.removal import Correction
from uncone.support.arrays import Array, ArrayT, as_tensor

CHUNK = 2**22  # bytes of the rows that are corrected at once, in float32


class Corrector:
    """Corrects the rows of one file, `chunk` of them at once; `progress` is told how many of `total` are done.

    Attributes:
        total: rows there are, None if unknown.
        dtype: of the last chunk, "" before the first.
    """

    def __init__(self, removal: Correction, progress: Callable[[int, int | None], None]):
        self.removal, self.progress = removal, progress
        self.rows, self.total, self.dtype = 0, None, ""  # type: int, int | None, str
        self.chunk = max(1, CHUNK // (4 * removal.dimension))

    def __call__(self, X: ArrayT) -> ArrayT:
        """Corrected rows (n, d), of the kind and dtype of `X`.

        Raises:
            ValueError: for another dimension, or a row that holds NaN or infinity or would after the correction.
        """
        self.dtype = str(as_tensor(X).dtype).removeprefix("torch.")
        Y = self.removal.apply(X)
        if (row := _first_bad(Y)) is not None:  # NaN and infinity before the correction are there after it, too
            why = f"does not fit into {self.dtype} after the correction: store it in a wider type"
            if _first_bad(X[row : row + 1]) is not None:
                why = "holds NaN or infinity: fill or drop it"
            raise ValueError(f"row {self.rows + row} {why}")
        self.rows += len(X)
        self.progress(self.rows, self.total)
        return Y


def _first_bad(X: Array) -> int | None:
    """The first row that holds NaN or infinity, None if there is none."""
    tensor = as_tensor(X)
    if torch.isfinite(tensor.sum(dtype=torch.float64)):
        return None
    bad = ~torch.isfinite(tensor).all(1)
    return int(bad.nonzero()[0]) if bad.any() else None


def chosen(column: str | None, candidates: list[str], source: Path) -> str:
    """The column that holds the vectors: the one asked for, or the only one; a ValueError names what there is."""
    there = ", ".join(candidates) or "nothing of the kind"
    if column is None and len(candidates) == 1:
        return candidates[0]
    if column is None:
        raise ValueError(f"which vectors of {source}? It has {there}: set column=NAME")
    if column not in candidates:
        raise ValueError(f"{source} has no vectors of float numbers called {column!r}; it has {there}")
    return column
