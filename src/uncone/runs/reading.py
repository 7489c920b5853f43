"""Read runs back: the history of an offline W&B run, and the results of a run folder."""

from __future__ import annotations

import csv
import json
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from uncone.tasks.row import Row

# A .wandb file is a log of protocol buffers in LevelDB's log format: seven bytes of magic, then blocks of 32 KiB, in
# them records with a header of checksum (4 bytes), length (2) and kind (1: whole, 2: first part, 3: middle, 4: last).
_MAGIC, _BLOCK, _HEADER = b":W&B", 32_768, 7
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

JOB = "job.json"  # what a job of a sweep says of itself; see uncone.commands.jobs
VALIDATION = "val/spearman"


@dataclass(frozen=True)
class OfflineRun:
    """What an offline W&B run has logged.

    Attributes:
        id: run id, which a resumed run keeps.
        config: its config.
        history: one dict of metrics for each logged step.
    """

    id: str
    config: dict[str, Any]
    history: list[dict[str, Any]]

    def best(self, metric: str, mode: Literal["max", "min"] = "max") -> tuple[float, int]:
        """Best value of a metric and the epoch (or, without one, the step) at which it was logged.

        Raises:
            ValueError: if the metric was never logged; names those that were.
        """
        found = [(row[metric], int(row.get("epoch", row.get("_step", 0)))) for row in self.history if metric in row]
        if not found:
            logged = sorted({key for row in self.history for key in row if not key.startswith("_")})
            raise ValueError(f"metric {metric!r} was not logged; there are {', '.join(logged)}")
        return max(found, key=lambda item: item[0]) if mode == "max" else min(found, key=lambda item: item[0])


def read_offline_run(path: str | Path) -> OfflineRun:
    """Read an offline W&B run.

    Args:
        path: a `.wandb` file, or a folder that holds exactly one somewhere below (such as a run's output folder).

    Raises:
        ValueError: if there is none, or several, or the file is damaged before its end. A last record that a killed
            process did not finish is left out.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.rglob("*.wandb"))
    if len(files) != 1:
        raise ValueError(f"expected one .wandb file in {path.resolve()}, found {len(files)}")
    from wandb.proto.wandb_internal_pb2 import Record

    identity = ""
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    for data in _records(files[0].read_bytes()):
        record = Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            identity = record.run.run_id
            config |= {
                item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.run.config.update
            }
        elif kind == "history":
            history.append(
                {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            )
    return OfflineRun(identity, config, history)


def _records(data: bytes) -> Iterator[bytes]:
    if data[:4] != _MAGIC:
        raise ValueError("not a .wandb file: its first bytes are not ':W&B'")
    position, parts = _HEADER, b""
    while position + _HEADER <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _HEADER:  # the end of a block is padded with zeros
            position += left
            continue
        checksum, length, kind = struct.unpack("<IHB", data[position : position + _HEADER])
        if kind == 0 and length == 0:
            return
        body = data[position + _HEADER : position + _HEADER + length]
        if len(body) < length:
            return  # cut off while writing
        if kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST) or not _checksum_fits(checksum, kind, body):
            raise ValueError(f"damaged .wandb file: a record at byte {position} does not fit its checksum")
        parts = body if kind in (_WHOLE, _FIRST) else parts + body
        if kind in (_WHOLE, _LAST):
            yield parts
        position += _HEADER + length


def _checksum_fits(checksum: int, kind: int, body: bytes) -> bool:
    return zlib.crc32(bytes([kind]) + body) & 0xFFFFFFFF == checksum


def read_results(folder: str | Path) -> list[Row]:
    """Rows of a run's results.json.

    Raises:
        ValueError: if the folder has none, or it holds something else than rows.
    """
    path = Path(folder) / "results.json"
    if not path.is_file():
        raise ValueError(f"no results.json in {Path(folder).resolve()}: the run has not finished")
    try:
        return [Row.from_json(found) for found in json.loads(path.read_text())]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path.resolve()} does not hold results: {error}") from error


def read_curve(folder: str | Path, metric: str = VALIDATION) -> list[tuple[int, float]]:
    """Epochs and values of a metric in a run's metrics.csv files, in order; a resumed run's later files win.

    A line that a killed process did not finish is left out. Without such a metric, the list is empty.
    """
    files = sorted(Path(folder).glob("metrics/version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
    curve: dict[int, float] = {}
    for path in files:
        whole, _, _ = path.read_text().rpartition("\n")
        for row in csv.DictReader(whole.splitlines()):
            try:
                epoch, value = int(row.get("epoch") or ""), float(row.get(metric) or "")
            except ValueError:
                continue
            curve[epoch] = value
    return sorted(curve.items())


def validation_score(folder: str | Path, keep: str = "best") -> float | None:
    """Score on validation pairs of the epoch that a training run kept; None for a run without one.

    Args:
        folder: of the run.
        keep: "best" or "last", as in `recipe.optimizer.keep`.
    """
    values = [value for _, value in read_curve(folder) if not math.isnan(value)]
    if not values:
        return None
    return max(values) if keep == "best" else values[-1]
