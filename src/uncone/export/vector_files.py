"""Files that hold vectors, rewritten with their rows corrected chunk by chunk; all else in them stays as it is.

A matrix of plain bytes, in .npy and .safetensors: only these bytes change, and what the header says of them; all that
stands before and behind them is copied. A column of lists, in .parquet and in data sets: other columns, types and
metadata stay. A removal with fewer dimensions makes the rows shorter, and what is said of their length.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from uncone.data.vectors import (
    BFLOAT16,
    INFO,
    PARQUET,
    SPLITS,
    STATE,
    STREAM,
    Plain,
    checked,
    find_npy,
    find_safetensors,
    is_dataset,
    open_parquet,
    open_stream,
    rows_of,
    safetensors_header,
    splits_of,
    streams_of,
    vector_column,
)
from uncone.removal import Correction
from uncone.support.arrays import Array, ArrayT, as_tensor
from uncone.support.files import reading

CHUNK = 2**22  # bytes of the rows that are corrected at once, in float32
CHUNKS_PER_GROUP = 4  # of a .parquet file; many small row groups make a file slow to open
HUGGING_FACE = b"huggingface"  # of a schema's metadata, what `datasets` says of its columns


class Corrector:
    """Corrects the rows of one `source`, `chunk` of them at once; `progress` is told how many of `total` are done.

    Attributes:
        total: rows there are, None if unknown.
        dtype: of the last chunk, "" before the first.
        width: numbers of a corrected row.
    """

    def __init__(self, removal: Correction, source: Path, progress: Callable[[int, int | None], None]):
        self.removal, self.source, self.progress = removal, source, progress
        self.width = removal.output_dimension
        self.rows, self.total, self.dtype = 0, None, ""  # type: int, int | None, str
        self.chunk = max(1, CHUNK // (4 * removal.dimension))

    def __call__(self, X: ArrayT) -> ArrayT:
        """Corrected rows (n, width), of the kind and dtype of `X` (n, d).

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


def correct_npy(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct the matrix of an .npy file; see `StoredVectors`."""
    found = find_npy(source, column)
    said = {"descr": np.lib.format.dtype_to_descr(found.dtype), "fortran_order": False}
    head = BytesIO()
    np.lib.format.write_array_header_1_0(head, {**said, "shape": (found.shape[0], correct.width)})
    _rewrite(source, target, head.getvalue(), found.offset, found, correct)


def correct_safetensors(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one tensor of a .safetensors file; see `StoredVectors`."""
    name, found = find_safetensors(source, column)
    begin, header = safetensors_header(source)
    end = header[name]["data_offsets"][1]
    shift = found.shape[0] * (correct.width - found.shape[1]) * found.dtype.itemsize
    header[name]["shape"][1] = correct.width
    header[name]["data_offsets"][1] += shift
    for key, entry in header.items():
        if key not in (name, "__metadata__") and entry["data_offsets"][0] >= end:
            entry["data_offsets"] = [offset + shift for offset in entry["data_offsets"]]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    _rewrite(source, target, len(text).to_bytes(8, "little") + text, begin, found, correct)


def _rewrite(source: Path, target: Path, head: bytes, begin: int, found: Plain, correct: Corrector) -> None:
    """Write a new head in place of the first `begin` bytes; copy the others, correcting the matrix among them.

    A memory map would count, until it is closed, as the memory that it does not take.
    """
    correct.total, d = found.shape
    with source.open("rb") as file, target.open("wb") as copy:
        copy.write(head)
        file.seek(begin)
        for start in range(begin, found.offset, CHUNK):
            copy.write(file.read(min(CHUNK, found.offset - start)))
        for start in range(0, correct.total, correct.chunk):
            n = min(correct.chunk, correct.total - start)
            _corrected_rows(np.fromfile(file, found.dtype, n * d).reshape(n, d), correct).tofile(copy)
        shutil.copyfileobj(file, copy, CHUNK)


def _corrected_rows(rows: np.ndarray, correct: Corrector) -> np.ndarray:
    if rows.dtype == BFLOAT16:
        return correct(torch.from_numpy(rows).view(torch.bfloat16)).view(torch.int16).numpy()
    return correct(rows.astype(rows.dtype.newbyteorder("="), copy=False)).astype(rows.dtype, copy=False)


def correct_parquet(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one column of a .parquet file; see `StoredVectors`.

    Row groups of more than four chunks are written as several.
    """
    with open_parquet(source) as file:
        name = vector_column(column, file.schema_arrow, source)
        schema = _narrowed(file.schema_arrow, name, correct)
        correct.total = file.metadata.num_rows
        writer = pq.ParquetWriter(
            target,
            schema,
            compression=_codec(file.metadata, name),
            use_dictionary=[field.name for field in schema if not pa.types.is_nested(field.type)],
        )
        with writer:
            for group in range(file.metadata.num_row_groups):
                read = file.iter_batches(correct.chunk, row_groups=[group], use_threads=False)
                batches = checked(source, PARQUET, read)
                while chunks := [
                    _corrected(batch, name, schema, correct) for batch in islice(batches, CHUNKS_PER_GROUP)
                ]:
                    writer.write_table(pa.Table.from_batches(chunks, schema))


def correct_dataset(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one column of a data set on disk, in all its splits; see `StoredVectors`."""
    target.mkdir()
    if splits := splits_of(source):
        shutil.copyfile(source / SPLITS, target / SPLITS)
        for split in splits:
            correct_dataset(source / split, target / split, column, correct)
        return
    state, files = streams_of(source)
    for name in files:
        column = _correct_stream(source / name, target / name, column, correct)
    # Under the old fingerprint, `datasets` would take results that it has cached for the raw vectors.
    state["_fingerprint"] = uuid.uuid4().hex[:16]
    (target / STATE).write_text(json.dumps(state, indent=2, sort_keys=True), encoding="utf-8")
    with reading(source / INFO, "what a data set is"):
        info: dict[str, Any] = json.loads((source / INFO).read_text(encoding="utf-8"))
        _shorten(info, column, correct)
    (target / INFO).write_text(json.dumps(info, indent=2, sort_keys=True), encoding="utf-8")


def _correct_stream(source: Path, target: Path, column: str | None, correct: Corrector) -> str:
    """One file of a data set: a stream of record batches. Returns the name of the column that was corrected."""
    file, reader = open_stream(source)
    with file:
        name = vector_column(column, reader.schema, source)
        schema = _narrowed(reader.schema, name, correct)
        with pa.OSFile(str(target), "wb") as copy, pa.ipc.new_stream(copy, schema) as writer:
            for batch in checked(source, STREAM, reader):
                for start in range(0, len(batch), correct.chunk):
                    writer.write_batch(_corrected(batch.slice(start, correct.chunk), name, schema, correct))
    return name


def _narrowed(schema: pa.Schema, column: str, correct: Corrector) -> pa.Schema:
    """The schema of corrected rows: lists of a fixed length may get shorter."""
    index = schema.get_field_index(column)
    field = schema.field(index)
    if pa.types.is_fixed_size_list(field.type):
        schema = schema.set(index, field.with_type(pa.list_(field.type.value_field, correct.width)))
    said = dict(schema.metadata or {})
    if HUGGING_FACE in said:
        with reading(correct.source, "what a data set says of its columns"):
            described = json.loads(said[HUGGING_FACE])
            _shorten(described.get("info", {}), column, correct)
            said[HUGGING_FACE] = json.dumps(described).encode()
    return schema.with_metadata(said or None)


def _shorten(info: dict[str, Any], column: str | None, correct: Corrector) -> None:
    """Let what `datasets` says of a column tell the length of its corrected rows, where it tells one."""
    feature = (info.get("features") or {}).get(column)
    if isinstance(feature, dict) and feature.get("length", -1) != -1:
        feature["length"] = correct.width


def _codec(metadata: pq.FileMetaData, column: str) -> str:
    """The compression of a column in the first row group."""
    columns = metadata.row_group(0).to_dict()["columns"] if metadata.num_row_groups else []
    codec = {part["path_in_schema"].partition(".")[0]: part["compression"] for part in columns}
    return codec.get(column, "NONE").replace("UNCOMPRESSED", "NONE")


def _corrected(batch: pa.RecordBatch, column: str, schema: pa.Schema, correct: Corrector) -> pa.RecordBatch:
    """A batch with its column of vectors corrected, of the schema that `_narrowed` gave."""
    index = schema.get_field_index(column)
    field = schema.field(index)
    with reading(correct.source, "rows of vectors"):
        matrix = rows_of(batch.column(index), column, correct.rows)
    vectors = correct(matrix)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    return batch.set_column(index, field, lists.cast(field.type)).replace_schema_metadata(schema.metadata)


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
