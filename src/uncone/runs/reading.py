"""Read a run back from its folder: its results, and the curves of its training."""

from __future__ import annotations

import csv
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from uncone.support.files import reading
from uncone.tasks.row import Row

JOB = "job.json"  # what a job of a sweep says of itself; see uncone.commands.jobs
CHECKPOINTS, LAST, BEST = "checkpoints", "last.ckpt", "best.ckpt"  # the folder of them, and the two there are
VALIDATION = "val/spearman"
MOST = 1 << 28  # bytes of a text file of a run


class _Plain(yaml.SafeLoader):
    """YAML without aliases, of which a few lines can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases, which no run writes")
        return super().compose_node(parent, index)


def read_settings(folder: str | Path) -> dict[str, Any]:
    """The config.yaml of a run, which may come from anyone, as plain values.

    Raises:
        ValueError: if there is none, or it is no plain YAML with all values written out.
    """
    path = Path(folder) / "config.yaml"
    text = read_text(path)
    with reading(path.resolve(), "plain YAML"):
        found = yaml.load(text, _Plain)
        json.dumps(found)  # knows no dates, no bytes
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"{path.resolve()} does not hold settings by name")
    if "${" in text:
        raise ValueError(f"{path.resolve()} refers to other values with ${{…}}: a run writes its values out")
    return found


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a file that may come from anyone: a plain file, of a bounded size.

    Raises:
        ValueError: naming the file.
    """
    if not path.is_file():
        raise ValueError(f"no {path.name} in {path.parent.resolve()}: that is no folder of a finished run")
    if path.stat().st_size > most:
        raise ValueError(f"{path.resolve()} has {path.stat().st_size} bytes, and no run writes more than {most}")
    with reading(path.resolve(), "UTF-8 text"):
        return path.read_text(encoding="utf-8")


def last_checkpoint(folder: str | Path) -> Path:
    """Where a training run keeps its last epoch, there already or not."""
    return Path(folder) / CHECKPOINTS / LAST


def read_job(folder: Path) -> dict[str, Any]:
    """What job.json says; nothing for a folder without one."""
    if not (folder / JOB).is_file():
        return {}
    with reading(folder / JOB, "what a job says of itself"):
        return {**json.loads(read_text(folder / JOB))}


def read_results(folder: str | Path) -> list[Row]:
    """Rows of a run's results.json.

    A ValueError if the folder has none, or it holds something else than rows.
    """
    path = Path(folder) / "results.json"
    if not path.is_file():
        raise ValueError(f"no results.json in {Path(folder).resolve()}: the run has not finished")
    with reading(path.resolve(), "results"):
        return [Row.from_json(found) for found in json.loads(read_text(path))]


def read_curve(folder: str | Path, metric: str = VALIDATION) -> list[tuple[int, float]]:
    """Epochs and values of a metric in a run's metrics.csv files, in order; a resumed run's later files win.

    A line that a killed process did not finish is left out. Without such a metric, the list is empty.
    """
    curve: dict[int, float] = {}
    with reading(folder, "a run with curves"):
        files = Path(folder).glob("metrics/version_*/metrics.csv")
        for path in sorted(files, key=lambda path: int(path.parent.name[8:])):
            whole, _, _ = read_text(path).rpartition("\n")
            for row in csv.DictReader(whole.splitlines(), quoting=csv.QUOTE_NONE):
                with suppress(ValueError):
                    epoch, value = int(row.get("epoch") or ""), float(row.get(metric) or "")
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
