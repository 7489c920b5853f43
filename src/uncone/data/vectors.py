"""Where files hold vectors: a matrix of plain bytes in .npy and .safetensors, else a column of lists of numbers.

The latter in .parquet and in data sets: folders that `save_to_disk` of the library `datasets` has written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safetensors import safe_open

from uncone.support.files import reading

BFLOAT16 = "<i2"  # numpy lacks it, and holds its bytes as these
ROWS_PER_BLOCK = 4096  # read at once
KINDS = ".npy, .safetensors or .parquet file, or a folder written by a data set's save_to_disk"
READ_BUFFER = 2**20  # bytes of a column read at once
PARQUET, STREAM = "a .parquet file", "a file of a data set"
STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"

_SAFETENSORS_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": BFLOAT16}


class Plain(NamedTuple):
    """A matrix of plain bytes, row after row: where in its file it begins, its shape (n, d) and type."""

    offset: int
    shape: tuple[int, int]
    dtype: np.dtype


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


def find_npy(source: Path, column: str | None = None) -> Plain:
    """The matrix of an .npy file, which has no columns; a ValueError if it holds anything else."""
    if column is not None:
        raise ValueError(f"an .npy file holds one matrix: leave out column={column}")
    with reading(source, "an .npy file of numbers"):
        matrix = np.lib.format.open_memmap(source, mode="r")
        if matrix.offset + matrix.nbytes != source.stat().st_size:
            raise ValueError(f"{matrix.dtype} {matrix.shape} is less than it holds")
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or matrix.dtype.itemsize > 8:
        raise ValueError(f"{source} holds {matrix.dtype} {matrix.shape}: expected a matrix (n, d) of float16, 32 or 64")
    if not matrix.flags.c_contiguous:
        raise ValueError(f"{source} is stored column by column: save np.ascontiguousarray of it first")
    return Plain(matrix.offset, matrix.shape, matrix.dtype)


def safetensors_header(source: Path) -> tuple[int, dict[str, Any]]:
    """Where the tensors of a .safetensors file begin, and its header: shape, dtype and data_offsets of each by name."""
    with reading(source, "a .safetensors file"):
        with safe_open(source, "numpy"):  # checks the header against the size of the file
            pass
        with source.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            return 8 + length, json.loads(file.read(length))


def find_safetensors(source: Path, column: str | None) -> tuple[str, Plain]:
    """Name and place of one matrix of a .safetensors file."""
    begin, header = safetensors_header(source)
    header.pop("__metadata__", None)
    fits = [name for name, entry in header.items() if len(entry["shape"]) == 2 and entry["dtype"] in _SAFETENSORS_TYPES]
    name = chosen(column, fits, source)
    rows, d = header[name]["shape"]
    dtype = np.dtype(_SAFETENSORS_TYPES[header[name]["dtype"]])
    return name, Plain(begin + header[name]["data_offsets"][0], (rows, d), dtype)


def open_parquet(source: Path) -> pq.ParquetFile:
    """A .parquet file, looked into."""
    with reading(source, PARQUET):
        file = pq.ParquetFile(source, buffer_size=READ_BUFFER, pre_buffer=False)
        next(file.iter_batches(1, use_threads=False), None)  # raises where describing damaged columns ends the process
    return file


def checked(source: Path, what: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches of a file, each looked through before anything is done with it."""
    with reading(source, what):
        for batch in batches:
            batch.validate(full=True)
            yield batch


def is_dataset(folder: Path) -> bool:
    """Whether a folder was written by `Dataset.save_to_disk` or `DatasetDict.save_to_disk`."""
    return any((folder / name).is_file() for name in (STATE, SPLITS))


def splits_of(folder: Path) -> list[str]:
    """Names of the parts of a data set, which are folders in its own; none if it has no parts."""
    if not (folder / SPLITS).is_file():
        return []
    with reading(folder / SPLITS, "the parts of a data set"):
        return [_inside(name) for name in json.loads((folder / SPLITS).read_text(encoding="utf-8"))["splits"]]


def streams_of(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """What a data set without parts says of its state, and the names of its files."""
    with reading(folder / STATE, "what a data set consists of"):
        state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return state, [_inside(entry["filename"]) for entry in state["_data_files"]]


def open_stream(source: Path) -> tuple[pa.NativeFile, pa.RecordBatchReader]:
    """One file of a data set, to be closed by whoever asked, and the record batches in it."""
    with reading(source, STREAM):
        file = pa.OSFile(str(source))
        return file, pa.ipc.open_stream(file)


def _inside(name: str) -> str:
    """A name of a file or folder, if it does not lead out of the folder that it stands in."""
    if Path(name).name != name or name == "..":
        raise ValueError(f"the data set names {name!r}, which leads out of its folder")
    return name


def vector_column(column: str | None, schema: pa.Schema, source: Path) -> str:
    """The column of lists of float numbers that is asked for, or the only one."""
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    lists = [field for field in schema if any(is_kind(field.type) for is_kind in is_list)]
    return chosen(column, [field.name for field in lists if pa.types.is_floating(field.type.value_type)], source)


def rows_of(lists: Any, column: str, before: int) -> np.ndarray:
    """The lists of a column as rows (n, d); a ValueError names the row, `before` others having come before."""
    lengths = pc.fill_null(pc.list_value_length(lists), -1).to_numpy(zero_copy_only=False)
    d = int(lengths.max(initial=0))
    if (lengths != d).any():
        row = int(np.argmax(lengths != d))
        said = "no vector" if lengths[row] < 0 else f"{lengths[row]} numbers where others have {d}"
        raise ValueError(f"row {before + row} of column {column!r} has {said}")
    values = lists.flatten()
    if values.null_count:
        row = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False))) // d
        raise ValueError(f"row {before + row} of column {column!r} lacks a number")
    return values.to_numpy().reshape(len(lists), d)


def open_vectors(source: Path, column: str | None = None) -> np.ndarray:
    """The vectors of a file or a data set, (n, d) float16, float32 or float64, read-only and memory-mapped.

    Plain bytes that numpy can use as they lie are mapped. All others (.parquet, a data set, bfloat16, foreign byte
    order) are unpacked, block by block, into a file without a name, which takes up disk as long as this process lives;
    bfloat16 becomes float32.

    Args:
        source: an .npy, .safetensors or .parquet file, or the folder of a data set, in which all parts count.
        column: the tensor or the column that holds the vectors; None takes the only one.

    Raises:
        ValueError: for a file that cannot be read, of no known kind, or without vectors.
    """
    if source.suffix in (".npy", ".safetensors") and source.is_file():
        found = find_npy(source, column) if source.suffix == ".npy" else find_safetensors(source, column)[1]
        if not found.shape[0]:
            raise ValueError(f"{source} holds no vectors")
        mapped = np.memmap(source, found.dtype, "r", found.offset, found.shape)
        if found.dtype.isnative and found.dtype != BFLOAT16:
            return mapped
        if found.dtype != BFLOAT16:
            return _unpacked(source, _in_blocks(mapped))
        # the upper half of a float32
        return _unpacked(source, ((rows.astype("<u4") << 16).view("<f4") for rows in _in_blocks(mapped.view("<u2"))))
    if source.suffix == ".parquet" and source.is_file():
        with open_parquet(source) as file:
            name = vector_column(column, file.schema_arrow, source)
            batches = checked(source, PARQUET, file.iter_batches(ROWS_PER_BLOCK, columns=[name], use_threads=False))
            return _unpacked(source, _lists(source, batches, name))
    if source.is_dir() and is_dataset(source):
        return _unpacked(source, _of_dataset(source, column))
    if not source.exists():
        raise ValueError(f"there are no vectors at {source} (looked for {source.resolve()})")
    raise ValueError(f"{source} holds no vectors that are read: name a {KINDS}")


def _in_blocks(matrix: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(matrix), ROWS_PER_BLOCK):
        yield matrix[start : start + ROWS_PER_BLOCK]


def _lists(source: Path, batches: Iterable[pa.RecordBatch], name: str) -> Iterator[np.ndarray]:
    rows = 0
    for batch in batches:
        with reading(source, "rows of vectors"):
            block = rows_of(batch.column(batch.schema.get_field_index(name)), name, rows)
        rows += len(block)
        yield block


def _of_dataset(folder: Path, column: str | None) -> Iterator[np.ndarray]:
    if splits := splits_of(folder):
        for split in splits:
            yield from _of_dataset(folder / split, column)
        return
    for name in streams_of(folder)[1]:
        file, reader = open_stream(folder / name)
        with file:
            yield from _lists(
                folder, checked(folder / name, STREAM, reader), vector_column(column, reader.schema, folder)
            )


def _unpacked(source: Path, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Blocks (b, d) of rows in a file without a name, memory-mapped."""
    shape, dtype = None, np.dtype("<f4")
    with TemporaryFile() as file:
        for block in blocks:
            if shape is not None and block.shape[1] != shape[1]:
                raise ValueError(f"{source} has vectors of {shape[1]} and of {block.shape[1]} numbers")
            dtype = block.dtype.newbyteorder("=")
            shape = (len(block) + (shape[0] if shape else 0), block.shape[1])
            file.write(block.astype(dtype, copy=False).tobytes())
        if shape is None or not shape[0]:
            raise ValueError(f"{source} holds no vectors")
        file.flush()
        return np.memmap(file, dtype, "r", shape=shape)
