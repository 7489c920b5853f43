"""The outcome of many runs as one table: results.csv, results.md and results.html."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from uncone.report.page import rendered
from uncone.runs.collection import FIGURE, NOT_FELT, SYSTEM, Collection, Status, best
from uncone.support.files import write
from uncone.tasks.row import GEOMETRY
from uncone.tasks.statistics import LOWER_IS_BETTER

LEGEND = (
    "×100, mean ± standard deviation over seeds [95 % bootstrap interval over items, its ends averaged over seeds]. "
    "Bold: best of its column."
)
CHOSEN = (
    "The best of many looks better than it is: it was found by its score on these very items. "
    "What was chosen on validation pairs is an honest choice among the learned removals."
)
ON_PAGE = ("mean_cosine", "isoscore", "frequency_pc1")  # geometry that stands beside the scores; alone, all of it does
LOWER = (*LOWER_IS_BETTER, "mean_cosine", "frequency_pc1")
CELL = ["mean", "std", "seeds", "low", "high", "is_best"]
BEST_HEAD = ["encoder", "figure", "raw", "best", "of", "by validation", "of"]


def write_tables(folder: Path, collection: Collection) -> list[Path]:
    """Write results.csv, results.md and results.html into the folder that was collected; returns their paths."""
    texts = {
        folder / "results.csv": as_csv(collection),
        folder / "results.md": as_markdown(collection),
        folder / "results.html": rendered("collected.html", page_contents(collection, folder.resolve().name)),
    }
    for path, text in texts.items():
        write(path, text)
    return list(texts)


def page_contents(collection: Collection, name: str) -> dict[str, Any]:
    """What the page shows: tables to sort, heat maps over layers, parallel coordinates."""
    found = collection.figures()
    is_score = found["task"] != GEOMETRY
    found = found[is_score | found["metric"].isin(ON_PAGE) | (not is_score.any())]
    scores_first = found.sort_values("task", key=lambda task: task == GEOMETRY, kind="stable")
    figures = [
        {"name": name, "percent": task != GEOMETRY, "lower": metric in LOWER}
        for task, name, metric in scores_first[FIGURE].drop_duplicates().itertuples(index=False)
    ]
    lines = []
    for (settings, *system), of_system in found.groupby(SYSTEM, sort=False):
        known = of_system["validation"].dropna()
        cells = of_system.set_index("figure")[CELL].astype(object)
        cells = cells.where(cells.notna(), None).to_dict("index")
        lines.append(
            {
                "settings": settings,
                "system": system,
                "validation": known.iloc[0] if len(known) else None,
                "cells": [cells.get(figure["name"]) for figure in figures],
            }
        )
    return {
        "title": f"Results of {name}",
        "lead": f"{number(collection)}: {counts(collection)}",
        "chosen": CHOSEN,
        "settings": collection.settings,
        "figures": figures,
        "lines": lines,
        "best": {"head": BEST_HEAD, "lines": best_lines(collection)},
        "left": left(collection),
    }


def as_csv(collection: Collection) -> str:
    """Every result row of every run, unrounded, with the settings that differ between the runs."""
    rows = collection.rows()
    rows["candidate"] = rows["candidate"].map(json.dumps, na_action="ignore")
    return rows.to_csv(index=False, lineterminator="\n")


def as_markdown(collection: Collection) -> str:
    """What finished, the headline figures, the best for each encoder, and what did not finish and why."""
    parts = [f"# Results of {number(collection)}", counts(collection)]
    scores = _scores(collection)
    if len(scores):
        names = list(dict.fromkeys(scores["figure"]))
        lines = []
        for (settings, *system), of_system in scores.groupby(SYSTEM, sort=False):
            cells = {line["figure"]: figure(line) for line in of_system.to_dict("records")}
            cells |= {name: f"**{cells[name]}**" for name in of_system["figure"][of_system["is_best"]]}
            lines.append([*settings, *system, *(cells.get(name, "–") for name in names)])
        parts += [_markdown([*collection.settings, "encoder", "layers", "pooling", "removal", *names], lines), LEGEND]
        parts += ["## Best for each encoder", _markdown(BEST_HEAD, best_lines(collection)), CHOSEN]
    if unfinished := left(collection):
        parts += ["## Not finished", _markdown(["run", "status", "why"], unfinished)]
    return "\n\n".join(parts) + "\n"


def number(collection: Collection) -> str:
    """How many runs there are, in words."""
    return f"{len(collection.runs)} run{'s' * (len(collection.runs) != 1)}"


def counts(collection: Collection) -> str:
    """How many runs finished, failed and are unfinished, in words."""
    found = Counter(run.status for run in collection.runs)
    return ", ".join(f"{found[status]} {status}" for status in get_args(Status) if found[status]) + "."


def best_lines(collection: Collection, intervals: bool = True) -> list[list[str]]:
    """For each encoder and figure: raw, the best of all, and the learned removal chosen on validation."""
    result = []
    for (name, encoder), lines in _scores(collection).groupby(["figure", "encoder"], sort=False):
        line = [encoder, name, figure(best(lines[lines["method"] == "none"]), intervals)]
        for chosen in (best(lines), best(lines, by="validation")):
            line += [figure(chosen, intervals), described(collection, chosen)]
        result.append(line)
    return sorted(result, key=lambda line: line[0])


def left(collection: Collection) -> list[list[str]]:
    """Name, status and reason of every run without results."""
    return [[run.name, run.status, run.why or ""] for run in collection.runs if run.status != "finished"]


def figure(line: Mapping[str, Any] | None, interval: bool = True) -> str:
    """Mean ± standard deviation over seeds [interval], ×100.

    Example:
        >>> figure({"mean": 0.412, "std": 0.01, "low": 0.35, "high": 0.47})
        '41.2 ±1.0 [35.0, 47.0]'
    """
    if line is None:
        return "–"
    text = f"{100 * line['mean']:.1f}"
    if not pd.isna(line["std"]):
        text += f" ±{100 * line['std']:.1f}"
    if not interval or pd.isna(line["low"]) or pd.isna(line["high"]):
        return text
    return f"{text} [{100 * line['low']:.1f}, {100 * line['high']:.1f}]"


def described(collection: Collection, line: Mapping[str, Any] | None) -> str:
    """A system in a few words: its removal, layers, and the settings that vary."""
    if line is None:
        return "–"
    pairs = zip(collection.settings, line["settings"], strict=True)
    settings = [f"{key}={value}" for key, value in pairs if value != NOT_FELT]
    pooling = [f"pooling {line['pooling']}"] if "encoder.pooling" in collection.varying else []
    return ", ".join([line["method"], f"layers {line['layers']}", *pooling, *settings])


def _scores(collection: Collection) -> pd.DataFrame:
    figures = collection.figures()
    return figures[figures["task"] != GEOMETRY]


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    escaped = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)
