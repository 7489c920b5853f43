"""Files that hold vectors, rewritten with their rows corrected chunk by chunk; all else in them stays as it is.

A matrix of plain bytes, row after row, in .npy and .safetensors: only these bytes change, and what stands before and
behind them is copied. A column of lists in .parquet and in Hugging Face data sets on disk: other columns, types and
metadata stay.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from safetensors import safe_open

from uncone.removal import Correction
from uncone.support.arrays import Array, ArrayT, as_tensor
from uncone.support.files import reading

CHUNK = 2**22  # bytes of the rows that are corrected at once, in float32
READ_BUFFER = 2**20  # bytes of a column read at once
CHUNKS_PER_GROUP = 4  # of a .parquet file; many small row groups make a file slow to open
BFLOAT16 = "<i2"  # numpy lacks it, and holds its bytes as these
SAFETENSORS_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": BFLOAT16}
PARQUET, STREAM = "a .parquet file", "a file of a data set"
STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"


class Corrector:
    """Corrects the rows of one `source`, `chunk` of them at once; `progress` is told how many of `total` are done.

    Attributes:
        total: rows there are, None if unknown.
        dtype: of the last chunk, "" before the first.
    """

    def __init__(self, removal: Correction, source: Path, progress: Callable[[int, int | None], None]):
        self.removal, self.source, self.progress = removal, source, progress
        self.rows, self.total, self.dtype = 0, None, ""  # type: int, int | None, str
        self.chunk = max(1, CHUNK // (4 * removal.dimension))

    def __call__(self, X: ArrayT) -> ArrayT:
        """Corrected rows (n, d), of the kind and dtype of `X`.

        Raises:
            ValueError: for another dimension, or a row that holds NaN or infinity or would after the correction.
        """
        self.dtype = str(as_tensor(X).dtype).removeprefix("torch.")
        with reading(self.source, f"vectors of {self.removal.dimension} dimensions"):
            Y = self.removal.apply(X)
        if (row := _first_bad(Y)) is not None:  # NaN and infinity before the correction are there after it, too
            why = f"does not fit into {self.dtype} after the correction: store it in a wider type"
            if _first_bad(X[row : row + 1]) is not None:
                why = "holds NaN or infinity: fill or drop it"
            raise ValueError(f"{self.source}: row {self.rows + row} {why}")
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


def correct_npy(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct the matrix of an .npy file; see `StoredVectors`."""
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
    _rewrite(source, target, matrix.offset, matrix.shape, matrix.dtype, correct)


def correct_safetensors(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one tensor of a .safetensors file; see `StoredVectors`."""
    with reading(source, "a .safetensors file"):
        with safe_open(source, "numpy"):  # checks the header against the size of the file
            pass
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
            _corrected_rows(np.fromfile(file, dtype, n * d).reshape(n, d), correct).tofile(copy)
        shutil.copyfileobj(file, copy, CHUNK)


def _corrected_rows(rows: np.ndarray, correct: Corrector) -> np.ndarray:
    if rows.dtype == BFLOAT16:
        return correct(torch.from_numpy(rows).view(torch.bfloat16)).view(torch.int16).numpy()
    return correct(rows.astype(rows.dtype.newbyteorder("="), copy=False)).astype(rows.dtype, copy=False)


def correct_parquet(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one column of a .parquet file; see `StoredVectors`.

    Row groups of more than four chunks are written as several.
    """
    with reading(source, PARQUET):
        file = pq.ParquetFile(source, buffer_size=READ_BUFFER, pre_buffer=False)
        next(file.iter_batches(1, use_threads=False), None)  # raises where describing damaged columns ends the process
    with file:
        schema = file.schema_arrow
        name = _vector_column(column, schema, source)
        correct.total = file.metadata.num_rows
        writer = pq.ParquetWriter(
            target,
            schema,
            compression=_codec(file.metadata, name),
            use_dictionary=[field.name for field in schema if not pa.types.is_nested(field.type)],
        )
        with writer:
            for group in range(file.metadata.num_row_groups):
                batches = _read(
                    source, PARQUET, file.iter_batches(correct.chunk, row_groups=[group], use_threads=False)
                )
                while chunks := [_corrected(batch, name, correct) for batch in islice(batches, CHUNKS_PER_GROUP)]:
                    writer.write_table(pa.Table.from_batches(chunks, schema))


def _read(source: Path, what: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    with reading(source, what):
        for batch in batches:
            batch.validate(full=True)
            yield batch


def is_dataset(folder: Path) -> bool:
    """Whether a folder was written by `Dataset.save_to_disk` or `DatasetDict.save_to_disk`."""
    return any((folder / name).is_file() for name in (STATE, SPLITS))


def correct_dataset(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one column of a data set on disk, in all its splits; see `StoredVectors`."""
    target.mkdir()
    if (source / SPLITS).is_file():
        shutil.copyfile(source / SPLITS, target / SPLITS)
        with reading(source / SPLITS, "the parts of a data set"):
            splits = [_inside(name) for name in json.loads((source / SPLITS).read_text(encoding="utf-8"))["splits"]]
        for split in splits:
            correct_dataset(source / split, target / split, column, correct)
        return
    with reading(source / STATE, "what a data set consists of"):
        state: dict[str, Any] = json.loads((source / STATE).read_text(encoding="utf-8"))
        files = [_inside(entry["filename"]) for entry in state["_data_files"]]
    for name in files:
        _correct_stream(source / name, target / name, column, correct)
    # Under the old fingerprint, `datasets` would take results that it has cached for the raw vectors.
    state["_fingerprint"] = uuid.uuid4().hex[:16]
    (target / STATE).write_text(json.dumps(state, indent=2, sort_keys=True), encoding="utf-8")
    shutil.copyfile(source / INFO, target / INFO)


def _correct_stream(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """One file of a data set: a stream of record batches."""
    with reading(source, STREAM):
        file = pa.OSFile(str(source))
    with file:
        with reading(source, STREAM):
            reader = pa.ipc.open_stream(file)
        name = _vector_column(column, reader.schema, source)
        with pa.OSFile(str(target), "wb") as copy, pa.ipc.new_stream(copy, reader.schema) as writer:
            for batch in _read(source, STREAM, reader):
                for start in range(0, len(batch), correct.chunk):
                    writer.write_batch(_corrected(batch.slice(start, correct.chunk), name, correct))


def _inside(name: str) -> str:
    """A name of a file or folder, if it does not lead out of the folder that it stands in."""
    if Path(name).name != name or name == "..":
        raise ValueError(f"the data set names {name!r}, which leads out of its folder")
    return name


def _vector_column(column: str | None, schema: pa.Schema, source: Path) -> str:
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    lists = [field for field in schema if any(is_kind(field.type) for is_kind in is_list)]
    return chosen(column, [field.name for field in lists if pa.types.is_floating(field.type.value_type)], source)


def _codec(metadata: pq.FileMetaData, column: str) -> str:
    """The compression of a column in the first row group."""
    columns = metadata.row_group(0).to_dict()["columns"] if metadata.num_row_groups else []
    codec = {part["path_in_schema"].partition(".")[0]: part["compression"] for part in columns}
    return codec.get(column, "NONE").replace("UNCOMPRESSED", "NONE")


def _corrected(batch: pa.RecordBatch, column: str, correct: Corrector) -> pa.RecordBatch:
    index = batch.schema.get_field_index(column)
    field = batch.schema.field(index)
    with reading(correct.source, "rows of vectors"):
        matrix = _matrix(batch.column(index), column, correct.rows)
    vectors = correct(matrix)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    return batch.set_column(index, field, lists.cast(field.type))


def _matrix(lists: Any, column: str, before: int) -> np.ndarray:
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


# (source, target, column or None, what corrects a chunk) -> nothing; writes the target
Format = Callable[[Path, Path, str | None, Corrector], None]
FORMATS: dict[str, Format] = {".npy": correct_npy, ".parquet": correct_parquet, ".safetensors": correct_safetensors}
DATASET = "a folder written by a data set's save_to_disk"


def format_of(source: Path, target: Path) -> Format:
    """What corrects files of the kind of `source`; a ValueError if there is none, or `target` is of another kind."""
    if not source.exists():
        raise ValueError(f"there is no {source}: input names {', '.join(FORMATS)} files, or {DATASET}")
    if source.is_dir():
        if not is_dataset(source):
            raise ValueError(f"{source} is not {DATASET}")
        return correct_dataset
    if source.suffix not in FORMATS:
        raise ValueError(f"{source} is of no known kind: input is one of {', '.join(FORMATS)}, or {DATASET}")
    if target.suffix != source.suffix:
        raise ValueError(f"output={target} must end in {source.suffix}, as the input does: nothing is converted")
    return FORMATS[source.suffix]
