"""Result rows as a table to read: methods down, one headline figure per task across.

A cell is the value ×100, ± half the width of its 95 % interval. Where the rows hold gains over a reference, a mark
tells whether the difference is more than noise: ▲ better, ▼ worse (p < 0.05), ≈ neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from uncone.tasks.scoring import Row

LEGEND = "×100, ± half the 95 % interval; against the reference: ▲ better, ▼ worse (p < 0.05), ≈ no clear difference"

_SIGNIFICANT = 0.05
# The subset that speaks for a task: the first of these that it has, or else its first one.
_SUBSETS = ("all", "macro", "total")


class Headline(NamedTuple):
    """Which figure of a task makes a column."""

    task: str
    subset: str
    metric: str


class _Cell(NamedTuple):
    value: float
    text: str


_MISSING = _Cell(math.nan, "–")


def headlines(rows: Sequence[Row]) -> list[Headline]:
    """The usual figure of each task: the metric that it names first, over all its items or its macro average.

    A task of which nothing but its coverage could be measured has none.

    Args:
        rows: from `uncone.tasks.evaluate`.

    Example:
        >>> row = {"task": "ws353", "subset": "ws353", "metric": "spearman", "removal": "none", "value": 0.7}
        >>> headlines([row])
        [Headline(task='ws353', subset='ws353', metric='spearman')]
    """
    chosen = []
    measured = [row for row in rows if row["metric"] != "coverage"]
    for task in dict.fromkeys(row["task"] for row in measured):
        of_task = [row for row in measured if row["task"] == task]
        subset = _first_of(_SUBSETS, [row["subset"] for row in of_task])
        metric = next(row["metric"] for row in of_task if row["subset"] == subset)
        chosen.append(Headline(task, subset, metric))
    return chosen


def rich_table(rows: Sequence[Row], columns: Sequence[Headline] | None = None, columns_per_table: int = 5) -> Group:
    """A table for the terminal; the best value of each column is bold.

    Args:
        rows: from `uncone.tasks.evaluate`.
        columns: the figures wanted; None takes `headlines`.
        columns_per_table: more columns than this continue in a further table below; 5 fit into 100
            characters, 4 into 80.

    Raises:
        ValueError: if there is no figure to show, or no row has one of the columns.
    """
    columns, methods, cells = _arrange(rows, columns)
    tables = []
    for part in np.array_split(np.arange(len(columns)), math.ceil(len(columns) / columns_per_table)):
        shown = [columns[i] for i in part]
        table = Table()
        table.add_column("method", no_wrap=True)
        for column in shown:
            table.add_column(f"{column.task}\n{column.subset}\n{column.metric}", justify="right", no_wrap=True)
        best = {column: max(cells[m, column].value for m in methods if (m, column) in cells) for column in shown}
        for method in methods:
            line = []
            for column in shown:
                cell = cells.get((method, column), _MISSING)
                line.append(Text(cell.text, style="bold" if cell.value == best[column] else ""))
            table.add_row(method, *line)
        tables.append(table)
    return Group(*tables, LEGEND)


def markdown_table(rows: Sequence[Row], columns: Sequence[Headline] | None = None) -> str:
    """The same table as Markdown.

    Args:
        rows: from `uncone.tasks.evaluate`.
        columns: the figures wanted; None takes `headlines`.

    Raises:
        ValueError: if there is no figure to show, or no row has one of the columns.

    Example:
        >>> row = {"task": "ws353", "subset": "ws353", "metric": "spearman", "removal": "none", "value": 0.7}
        >>> print(markdown_table([row | {"ci_low": 0.65, "ci_high": 0.74}]).splitlines()[2])
        | none | 70.0 ±4.5 |
    """
    columns, methods, cells = _arrange(rows, columns)
    lines = [["method", *(f"{column.task} {column.subset} {column.metric}" for column in columns)]]
    lines.append(["---", *("---:" for _ in columns)])
    for method in methods:
        lines.append([method, *(cells.get((method, column), _MISSING).text for column in columns)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{LEGEND}\n"


def _arrange(
    rows: Sequence[Row], columns: Sequence[Headline] | None
) -> tuple[list[Headline], list[str], dict[tuple[str, Headline], _Cell]]:
    """Columns, methods, and the cell of each method and column that has one."""
    columns = list(columns) if columns is not None else headlines(rows)
    if not columns:
        raise ValueError("there is no figure to show among the result rows")
    names = _method_names(rows)
    by_key = {(name, row["task"], row["subset"], row["metric"]): row for name, row in zip(names, rows, strict=True)}
    methods = list(dict.fromkeys(names))
    cells = {}
    for column in columns:
        for method in methods:
            row = by_key.get((method, *column))
            if row is not None:
                gain = by_key.get((method, column.task, column.subset, f"{column.metric}_gain"))
                cells[method, column] = _Cell(row["value"], _cell_text(row, gain))
        if not any((method, column) in cells for method in methods):
            known = ", ".join("/".join(headline) for headline in headlines(rows))
            raise ValueError(f"no result row has {'/'.join(column)}; there are, for instance, {known}")
    return columns, methods, cells


def _method_names(rows: Sequence[Row]) -> list[str]:
    """The method of each row: its removal, after whatever else differs between the rows."""
    differing = [key for key in ("encoder", "layers", "pooling") if len({str(row.get(key)) for row in rows}) > 1]
    seeds = ["seed"] if len({row.get("seed") for row in rows}) > 1 else []
    return [" ".join(str(row.get(key)) for key in [*differing, "removal", *seeds]) for row in rows]


def _cell_text(row: Row, gain: Row | None) -> str:
    text = f"{100 * row['value']:.1f}"
    if row["ci_low"] is not None:
        text += f" ±{50 * (row['ci_high'] - row['ci_low']):.1f}"
    if gain is None:
        return text
    if gain["p_value"] >= _SIGNIFICANT:
        return f"≈ {text}"
    return f"{'▲' if gain['value'] > 0 else '▼'} {text}"


def _first_of(preferred: Sequence[str], present: Sequence[str]) -> str:
    return next((name for name in preferred if name in present), present[0])
