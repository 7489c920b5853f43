"""The outcome of many runs as one table: results.csv, results.md and results.html."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from uncone.geometry.measures import MEASURES
from uncone.report.page import rendered
from uncone.runs.collection import NOT_FELT, Collection, Line, Status, best
from uncone.support.files import write
from uncone.tasks.row import GEOMETRY, Row
from uncone.tasks.statistics import LOWER_IS_BETTER

LEGEND = (
    "×100, mean ± standard deviation over seeds [95 % bootstrap interval over items, its ends averaged over seeds]. "
    "Bold: best of its column."
)
PAGE_LEGEND = (
    "Scores ×100, mean ± standard deviation over seeds. Bold: best of its column. Rest the pointer on a figure for the "
    "unrounded one and its 95 % bootstrap interval over items, whose ends are averaged over seeds."
)
CHOSEN = (
    "The best of many looks better than it is: it was found by its score on these very items. "
    "What was chosen on validation pairs is an honest choice among the learned removals."
)
ON_PAGE = ("mean_cosine", "isoscore", "frequency_pc1")  # geometry that stands beside the scores; alone, all of it does
LOWER = (*LOWER_IS_BETTER, *(name for name, measure in MEASURES.items() if measure.direction == "lower"))
CELL = ("mean", "std", "seeds", "low", "high")
BEST_HEAD = ["encoder", "figure", "raw", "best", "of", "by validation", "of"]


def write_tables(folder: Path, collection: Collection) -> list[Path]:
    """Write results.csv, results.md and results.html into the folder that was collected; returns their paths."""
    texts = {
        "csv": as_csv(collection),
        "md": as_markdown(collection),
        "html": as_page(collection, folder.resolve().name),
    }
    paths = [folder / f"results.{ending}" for ending in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write(path, text)
    return paths


def as_page(collection: Collection, name: str) -> str:
    """One HTML file that opens without a network: tables to sort, heat maps over layers, parallel coordinates."""
    return rendered("collected.html", ("common.js", "collected.js"), page_contents(collection, name))


def page_contents(collection: Collection, name: str) -> dict[str, Any]:
    """What the page embeds."""
    columns = collection.headlines()
    columns += [column for column in collection.geometry() if column.metric in ON_PAGE or not columns]
    found = {column: {(line.settings, line.system): line for line in collection.lines(column)} for column in columns}
    lines = []
    for key in dict.fromkeys(key for lines_of in found.values() for key in lines_of):
        of_key = [found[column].get(key) for column in columns]
        validation = next((line.validation for line in of_key if line and line.validation is not None), None)
        cells = [line and {name: getattr(line, name) for name in CELL} for line in of_key]
        lines.append({"settings": key[0], "system": key[1], "validation": validation, "cells": cells})
    figures = []
    for column in columns:
        is_geometry = column.task == GEOMETRY
        top = None if is_geometry else best(list(found[column].values()))
        figures.append(
            {
                "name": f"{column.task} {column.metric}" if is_geometry else " ".join(column),
                "percent": not is_geometry,
                "lower": column.metric in LOWER,
                "best": top and top.mean,
            }
        )
    return {
        "title": f"Results of {name}",
        "lead": f"{number(collection)}: {counts(collection)}",
        "made": f"Made with uncone {version('uncone')}. This file holds all it shows and opens without a network.",
        "legend": PAGE_LEGEND,
        "chosen": CHOSEN,
        "settings": collection.settings,
        "figures": figures,
        "lines": lines,
        "best": {"head": BEST_HEAD, "lines": best_lines(collection)},
        "left": left(collection),
    }


def as_csv(collection: Collection) -> str:
    """Every result row of every run, unrounded, with the settings that differ between the runs."""
    file = io.StringIO()
    keys = [field.name for field in fields(Row)]
    writer = csv.DictWriter(file, ["run", *collection.settings, "validation", *keys], lineterminator="\n")
    writer.writeheader()
    for row in collection.rows():
        writer.writerow(row | {"candidate": row["candidate"] and json.dumps(row["candidate"])})
    return file.getvalue()


def as_markdown(collection: Collection) -> str:
    """What finished, the headline figures, the best for each encoder, and what did not finish and why."""
    parts = [f"# Results of {number(collection)}", counts(collection)]
    if head_and_lines := table(collection):
        parts += [_markdown(*head_and_lines), LEGEND]
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


def table(collection: Collection) -> tuple[list[str], list[list[str]]] | None:
    """Head and lines of the headline figures: systems down, figures across; None if there is none."""
    columns = collection.headlines()
    if not columns:
        return None
    figures = {column: {(line.settings, line.system): line for line in collection.lines(column)} for column in columns}
    tops = {column: best(list(lines.values())) for column, lines in figures.items()}
    keys = list(dict.fromkeys(key for lines in figures.values() for key in lines))
    head = [*collection.settings, "encoder", "layers", "pooling", "removal", *map(" ".join, columns)]
    lines = []
    for key in keys:
        cells = [_cell(figures[column].get(key), tops[column]) for column in columns]
        lines.append([*key[0], *key[1], *cells])
    return head, lines


def best_lines(collection: Collection, intervals: bool = True) -> list[list[str]]:
    """For each encoder and figure: raw, the best of all, and the learned removal chosen on validation."""
    result = []
    for column in collection.headlines():
        lines = collection.lines(column)
        for encoder in dict.fromkeys(line.system[0] for line in lines):
            of_encoder = [line for line in lines if line.system[0] == encoder]
            raw = best([line for line in of_encoder if line.system[-1] == "none"])
            top, chosen = best(of_encoder), best(of_encoder, by_validation=True)
            cells = [text for line in (top, chosen) for text in (figure(line, intervals), name(collection, line))]
            result.append([encoder, " ".join(column), figure(raw, intervals), *cells])
    return sorted(result, key=lambda line: line[0])


def left(collection: Collection) -> list[list[str]]:
    """Name, status and reason of every run without results."""
    return [[run.name, run.status, run.why or ""] for run in collection.runs if run.status != "finished"]


def figure(line: Line | None, interval: bool = True) -> str:
    """Mean ± standard deviation over seeds [interval], ×100.

    Example:
        >>> from uncone.tasks.table import Headline
        >>> figure(Line((), (), Headline("lee", "all", "spearman"), 0.412, 0.01, 3, 0.35, 0.47, None))
        '41.2 ±1.0 [35.0, 47.0]'
    """
    if line is None:
        return "–"
    text = f"{100 * line.mean:.1f}"
    if line.std is not None:
        text += f" ±{100 * line.std:.1f}"
    if not interval or line.low is None or line.high is None:
        return text
    return f"{text} [{100 * line.low:.1f}, {100 * line.high:.1f}]"


def name(collection: Collection, line: Line | None) -> str:
    """A system in a few words: its removal, layers, and the settings that vary."""
    if line is None:
        return "–"
    pairs = zip(collection.settings, line.settings, strict=True)
    settings = [f"{key}={value}" for key, value in pairs if value != NOT_FELT]
    pooling = [f"pooling {line.system[2]}"] if "encoder.pooling" in collection.varying else []
    return ", ".join([line.system[3], f"layers {line.system[1]}", *pooling, *settings])


def _cell(line: Line | None, top: Line | None) -> str:
    text = figure(line)
    return f"**{text}**" if line is not None and top is not None and line.mean == top.mean else text


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in rows)


def _escaped(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")
