"""Files that hold a matrix as plain bytes, row after row: .npy and .safetensors.

Only the bytes of the matrix change. What stands before and behind it is copied, so the headers stay as they are.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

if TYPE_CHECKING:
    from uncone.export.vectors import Corrector

CHUNK = 2**22  # bytes of one chunk in the precision that it is corrected in
BFLOAT16 = "BF16"
SAFETENSORS_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", BFLOAT16: BFLOAT16}


@dataclass(frozen=True)
class Layout:
    """Where a matrix lies in a file.

    Attributes:
        offset: bytes before it.
        rows: n.
        columns: d.
        dtype: numpy's name of its type with the byte order, or BFLOAT16, which numpy lacks.
    """

    offset: int
    rows: int
    columns: int
    dtype: str

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.columns * (2 if self.dtype == BFLOAT16 else np.dtype(self.dtype).itemsize)


def correct_npy(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct the matrix of an .npy file; see `StoredVectors`."""
    if column is not None:
        raise ValueError(f"an .npy file holds one matrix: leave out column={column}")
    try:
        matrix = np.load(source, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{source} is no readable .npy file of numbers: {error}") from error
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or matrix.dtype.itemsize > 8:
        raise ValueError(
            f"{source} holds {matrix.dtype} of shape {matrix.shape}: expected a matrix (n, d) of float16, 32 or 64"
        )
    if not matrix.flags.c_contiguous:
        raise ValueError(f"{source} is stored column by column: save np.ascontiguousarray of it first")
    n, d = matrix.shape
    _rewrite(source, target, Layout(matrix.offset, n, d, matrix.dtype.str), correct)


def correct_safetensors(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one tensor of a .safetensors file; see `StoredVectors`."""
    try:
        with safe_open(source, "numpy"):  # checks the header against the size of the file
            pass
    except SafetensorError as error:
        raise ValueError(f"{source} is no readable .safetensors file: {error}") from error
    with source.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    fits = [name for name, entry in header.items() if len(entry["shape"]) == 2 and entry["dtype"] in SAFETENSORS_TYPES]
    entry = header[chosen(column, fits, source)]
    n, d = entry["shape"]
    layout = Layout(8 + length + entry["data_offsets"][0], n, d, SAFETENSORS_TYPES[entry["dtype"]])
    _rewrite(source, target, layout, correct)


def chosen(column: str | None, candidates: list[str], source: Path) -> str:
    """The column that holds the vectors: the one asked for, or the only one there is.

    Raises:
        ValueError: if there is none, or several, or not the one asked for; names what there is.
    """
    there = ", ".join(candidates) or "nothing of the kind"
    if column is None and len(candidates) == 1:
        return candidates[0]
    if column is None:
        raise ValueError(f"which vectors of {source}? It has {there}: set column=NAME")
    if column not in candidates:
        raise ValueError(f"{source} has no vectors of float numbers called {column!r}; it has {there}")
    return column


def rows_per_chunk(columns: int) -> int:
    """Rows of a chunk that is corrected in float32."""
    return max(1, CHUNK // (4 * max(columns, 1)))


def _rewrite(source: Path, target: Path, layout: Layout, correct: Corrector) -> None:
    if not layout.columns:
        raise ValueError(f"{source} holds vectors of 0 dimensions")
    correct.total = layout.rows
    with source.open("rb") as file, target.open("wb") as copy:
        _copy(file, copy, layout.offset)
        step = rows_per_chunk(layout.columns)
        for start in range(0, layout.rows, step):
            data = bytearray(min(step, layout.rows - start) * layout.row_bytes)
            if file.readinto(data) != len(data):
                raise ValueError(f"{source} ends in the middle of its matrix: it is cut off")
            copy.write(_encoded(correct(_decoded(data, layout.dtype).view(-1, layout.columns)), layout.dtype).data)
        shutil.copyfileobj(file, copy, CHUNK)


def _copy(file: BufferedReader, copy: BufferedWriter, count: int) -> None:
    while count:
        data = file.read(min(count, CHUNK))
        if not data:
            raise ValueError(f"{file.name} ends before its matrix: it is cut off")
        copy.write(data)
        count -= len(data)


def _decoded(data: bytearray, dtype: str) -> Tensor:
    if dtype == BFLOAT16:
        return torch.frombuffer(data, dtype=torch.bfloat16)
    return torch.from_numpy(np.frombuffer(data, dtype).astype(np.dtype(dtype).newbyteorder("="), copy=False))


def _encoded(vectors: Tensor, dtype: str) -> np.ndarray:
    if dtype == BFLOAT16:
        return vectors.contiguous().view(torch.int16).numpy()
    return np.ascontiguousarray(vectors.numpy(), dtype)
