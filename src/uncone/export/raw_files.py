"""Files that hold a matrix as plain bytes, row after row: .npy and .safetensors.

Only the bytes of the matrix change. What stands before and behind it is copied, so the headers stay as they are.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from uncone.export.corrector import CHUNK, Corrector, chosen

BFLOAT16 = "<i2"  # numpy lacks it, and holds its bytes as these
SAFETENSORS_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": BFLOAT16}


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
    _rewrite(source, target, matrix.offset, matrix.shape, matrix.dtype, correct)


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
    offset = 8 + length + entry["data_offsets"][0]
    _rewrite(source, target, offset, entry["shape"], SAFETENSORS_TYPES[entry["dtype"]], correct)


def _rewrite(
    source: Path, target: Path, offset: int, shape: tuple[int, int], dtype: np.dtype | str, correct: Corrector
) -> None:
    """Copy a file, correcting the matrix that begins at a byte of it.

    A memory map would count, until it is closed, as the memory that it does not take.
    """
    correct.total, d = shape
    with source.open("rb") as file, target.open("wb") as copy:
        for start in range(0, offset, CHUNK):
            copy.write(file.read(min(CHUNK, offset - start)))
        for start in range(0, shape[0], correct.chunk):
            n = min(correct.chunk, shape[0] - start)
            _corrected(np.fromfile(file, dtype, n * d).reshape(n, d), correct).tofile(copy)
        shutil.copyfileobj(file, copy, CHUNK)


def _corrected(rows: np.ndarray, correct: Corrector) -> np.ndarray:
    if rows.dtype == BFLOAT16:
        return correct(torch.from_numpy(rows).view(torch.bfloat16)).view(torch.int16).numpy()
    return correct(rows.astype(rows.dtype.newbyteorder("="), copy=False)).astype(rows.dtype, copy=False)
