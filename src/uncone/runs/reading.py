"""Read a run back from its folder: its results, and the curves of its training."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

from uncone.tasks.row import Row

JOB = "job.json"  # what a job of a sweep says of itself; see uncone.commands.jobs
VALIDATION = "val/spearman"


def read_results(folder: str | Path) -> list[Row]:
    """Rows of a run's results.json.

    A ValueError if the folder has none, or it holds something else than rows.
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
