"""The page of a run that compared removals: run.html, which opens without a network.

It says first what matters most, then shows what happens to random texts, what the map does, every task, and what to
type next.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from uncone.geometry.calibration import Calibration
from uncone.geometry.measures import MEASURES
from uncone.removal import Correction
from uncone.report.figures import FIGURES, RAW
from uncone.report.page import rendered
from uncone.report.tables import about_thresholds, gain_cell, threshold_lines
from uncone.report.verdict import changes, judgements
from uncone.support.files import write
from uncone.tasks.row import GEOMETRY, Row
from uncone.tasks.scoring import NotRun
from uncone.tasks.table import SUBSETS, arrange, headlines, legend, title

PAGE = "run.html"
PICTURES = {  # those of the folder figures/ that the page shows: what they are, for who does not see them too
    "weights": "How much of each component goes: 1 takes it out, 0 leaves it, below 0 amplifies it",
    "frequency_raw": "Raw tokens on their two leading components; colour is how frequent they are",
    "frequency_learned": "The same tokens after the removal",
    "components": "Scores over the number of components",
}


def write_run(
    folder: Path,
    kind: str,
    told: Sequence[str],
    rows: Sequence[Row],
    removals: Mapping[str, Correction],
    calibrations: Mapping[str, Calibration],
    commands: Sequence[tuple[str, str]],
    not_run: Sequence[NotRun] = (),
) -> Path:
    """Write run.html into the folder of a run, whose pictures it holds; returns its path.

    Args:
        folder: of the run.
        kind: of the run, as the page calls it.
        told: what was found, the sentence that matters most first.
        rows: of tasks and geometry.
        removals: that were compared, by method, the one that the page is about first.
        calibrations: by method, raw vectors among them.
        commands: what to run next, each after what it does.
        not_run: what was asked for and could not be had.
    """
    tasks = [row for row in rows if row.task != GEOMETRY]
    judged = judgements(tasks)
    ordered = sorted(judged, key=lambda name: name not in removals)  # what the page is about first
    columns, lines = arrange(tasks) if tasks else ([], {})
    contents = {
        "title": told[0],
        "kind": kind,
        "told": told[1:],
        "effects": [removal.describe() for removal in removals.values()],
        "pictures": _pictures(folder / FIGURES),
        "judged": [{"told": judged[name], "lines": _task_lines(tasks, name)} for name in ordered],
        "methods": {"head": [" ".join(title(tasks, column)) for column in columns], "lines": lines},
        "legend": legend(tasks),
        "geometry": _geometry_lines([row for row in rows if row.task == GEOMETRY]),
        "calibrations": calibrations,
        "about": about_thresholds(calibrations) if calibrations else "",
        "thresholds": threshold_lines(calibrations),
        "commands": [{"what": what, "command": command} for what, command in commands],
        "not_run": [f"{each.what}: {each.why}" for each in not_run],
    }
    data = {
        "calibrations": {name: of.to_json() for name, of in calibrations.items()},
        "shown": next((name for name in removals if name in calibrations), RAW),
    }
    path = folder / PAGE
    write(path, rendered("run.html", contents, data))
    return path


def _pictures(folder: Path) -> list[dict[str, str]]:
    """Those that are there, as the page embeds them."""
    found = [(folder / f"{name}.png", caption) for name, caption in PICTURES.items()]
    return [
        {"caption": caption, "source": f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"}
        for path, caption in found
        if path.is_file()
    ]


def _task_lines(rows: Sequence[Row], method: str) -> list[list[str]]:
    """The head, and for each task the headline figure raw and after a removal, and what became of it."""
    lines = [["used for", "task", "metric ×100", "raw", method, "gain", ""]]
    became = {change.task: change for change in changes(rows, method)}
    for column in headlines(rows):
        of = [row for row in rows if (row.method, row.headline) == (method, column) and row.gain is not None]
        if not of:
            continue
        change = became[column.task]
        subset = "" if column.subset in (*SUBSETS, column.task) else f" {column.subset}"
        value, gain = (100 * float(np.mean([getattr(row, name) for row in of])) for name in ("value", "gain"))
        gained = gain_cell(of[0]) if len(of) == 1 else f"{gain:+.1f}"  # over seeds, the mean
        verdict = ("better" if change.gain > 0 else "worse") if change.is_sure else "may be chance"
        figures = f"{value - gain:.1f}", f"{value:.1f}", gained
        lines.append([change.use, column.task + subset, column.metric, *figures, verdict])
    return lines


def _geometry_lines(rows: Sequence[Row]) -> list[list[str]]:
    """The head, and for each measure its value under every removal, and what it says."""
    value = {(row.removal, row.metric): row.value for row in rows}
    removals = list(dict.fromkeys(row.removal for row in rows))
    metrics = dict.fromkeys(row.metric for row in rows)
    lines = [
        [MEASURES[name].title, *(f"{value[removal, name]:.3g}" for removal in removals), MEASURES[name].text]
        for name in metrics
        if MEASURES[name].text
    ]
    return [["measure", *removals, ""], *lines] if lines else []
