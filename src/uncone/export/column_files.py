"""Files that hold vectors in a column of lists: .parquet, and Hugging Face data sets on disk.

All other columns, the types and the metadata stay as they are.
"""

from __future__ import annotations

import json
import uuid
from itertools import islice
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from uncone.export.corrector import Corrector, chosen

READ_BUFFER = 2**20  # bytes of a column read at once
CHUNKS_PER_GROUP = 4  # of a .parquet file; many small row groups make a file slow to open
STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"


def correct_parquet(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one column of a .parquet file; see `StoredVectors`.

    Row groups of more than four chunks are written as several.
    """
    try:
        file = pq.ParquetFile(source, buffer_size=READ_BUFFER, pre_buffer=False)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{source} is no readable .parquet file: {error}") from error
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
                batches = file.iter_batches(correct.chunk, row_groups=[group], use_threads=False)
                while chunks := [_corrected(batch, name, correct) for batch in islice(batches, CHUNKS_PER_GROUP)]:
                    writer.write_table(pa.Table.from_batches(chunks, schema))


def is_dataset(folder: Path) -> bool:
    """Whether a folder was written by `Dataset.save_to_disk` or `DatasetDict.save_to_disk`."""
    return any((folder / name).is_file() for name in (STATE, SPLITS))


def correct_dataset(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """Correct one column of a data set on disk, in all its splits; see `StoredVectors`."""
    target.mkdir()
    if (source / SPLITS).is_file():
        copyfile(source / SPLITS, target / SPLITS)
        for split in json.loads((source / SPLITS).read_text(encoding="utf-8"))["splits"]:
            correct_dataset(source / _inside(split), target / _inside(split), column, correct)
        return
    state: dict[str, Any] = json.loads((source / STATE).read_text(encoding="utf-8"))
    for entry in state["_data_files"]:
        _correct_stream(source / _inside(entry["filename"]), target / entry["filename"], column, correct)
    # Under the old fingerprint, `datasets` would take results that it has cached for the raw vectors.
    state["_fingerprint"] = uuid.uuid4().hex[:16]
    (target / STATE).write_text(json.dumps(state, indent=2, sort_keys=True), encoding="utf-8")
    copyfile(source / INFO, target / INFO)


def _correct_stream(source: Path, target: Path, column: str | None, correct: Corrector) -> None:
    """One file of a data set: a stream of record batches."""
    try:
        with pa.OSFile(str(source)) as file, pa.ipc.open_stream(file) as reader:
            name = _vector_column(column, reader.schema, source)
            with pa.OSFile(str(target), "wb") as copy, pa.ipc.new_stream(copy, reader.schema) as writer:
                for batch in reader:
                    for start in range(0, len(batch), correct.chunk):
                        writer.write_batch(_corrected(batch.slice(start, correct.chunk), name, correct))
    except pa.ArrowInvalid as error:
        raise ValueError(f"{source} is no readable file of a data set: {error}") from error


def _inside(name: str) -> str:
    """A name of a file or folder, if it does not lead out of the folder that it stands in."""
    if Path(name).name != name:
        raise ValueError(f"the data set names {name!r}, which leads out of its folder")
    return name


def _vector_column(column: str | None, schema: pa.Schema, source: Path) -> str:
    return chosen(column, [field.name for field in schema if _holds_vectors(field.type)], source)


def _holds_vectors(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return is_list and pa.types.is_floating(kind.value_type)


def _codec(metadata: pq.FileMetaData, column: str) -> str:
    """The compression of a column in the first row group."""
    columns = metadata.row_group(0).to_dict()["columns"] if metadata.num_row_groups else []
    codec = {part["path_in_schema"].partition(".")[0]: part["compression"] for part in columns}
    return codec.get(column, "NONE").replace("UNCOMPRESSED", "NONE")


def _corrected(batch: pa.RecordBatch, column: str, correct: Corrector) -> pa.RecordBatch:
    index = batch.schema.get_field_index(column)
    field = batch.schema.field(index)
    vectors = correct(_matrix(batch.column(index), column, correct.rows))
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
