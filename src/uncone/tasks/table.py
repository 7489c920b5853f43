"""Result rows as a table to read: methods down, one headline figure per task across, tasks of one use side by side.

A cell is the value ×100, ± half the width of its 95 % interval. Where the rows hold gains over a reference, a mark
tells whether the difference is more than noise: ▲ better, ▼ worse (p < 0.05), ≈ neither. The best value of a column is
bold, and ° marks those that are not significantly worse. P-values are corrected after Holm: the comparisons of one
column with the reference are one family, those with its best another.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from uncone.tasks.row import COVERAGE, SIGNIFICANT, Headline, Row, by_use
from uncone.tasks.statistics import LOWER_IS_BETTER

LEGEND = (
    "×100, ± half the 95 % interval. Against the reference: ▲ better, ▼ worse, ≈ no clear difference. Bold: best of "
    "its column; ° not clearly worse than the best. Clear: p < 0.05, corrected after Holm within each column"
)

# The subset that speaks for a task: the first of these that it has, or else its first one.
SUBSETS = ("all", "macro", "total")


class Cell(NamedTuple):
    """A figure to read, and whether it is the best of its column."""

    text: str
    best: bool = False


def headlines(rows: Sequence[Row]) -> list[Headline]:
    """The usual figure of each task: the metric that it names first, over all its items or its macro average.

    Tasks are in the order of their uses (`USES`), those of none last.

    A task of which nothing but its coverage could be measured has no figure.

    Example:
        >>> headlines([Row(task="ws353", subset="ws353", metric="spearman", removal="none", value=0.7)])
        [Headline(task='ws353', subset='ws353', metric='spearman')]
    """
    chosen = []
    measured = sorted((row for row in rows if row.metric != COVERAGE), key=by_use)
    for task in dict.fromkeys(row.task for row in measured):
        of_task = [row for row in measured if row.task == task]
        present = [row.subset for row in of_task]
        subset = next((name for name in SUBSETS if name in present), present[0])
        chosen.append(of_task[present.index(subset)].headline)
    return chosen


def title(rows: Sequence[Row], column: Headline) -> list[str]:
    """What stands over a figure, part by part: what its task stands for, if that is known, and task, subset, metric."""
    use = next((row.use for row in rows if row.task == column.task), None)
    return [*([f"{use}:"] if use else []), *column]


def legend(rows: Sequence[Row]) -> str:
    """What the marks of a table are."""
    family = max(Counter(row.headline for row in rows if row.p_holm is not None).values(), default=0)
    if not family or len({row.seed for row in rows}) > 1:
        return f"{LEGEND}."
    return f"{LEGEND}, here of {family}: a difference may be clear among few comparisons and not among many."


def rich_table(rows: Sequence[Row], columns: Sequence[Headline] | None = None, columns_per_table: int = 5) -> Group:
    """A table for the terminal, of the figures in `columns`; None takes `headlines`.

    More columns than `columns_per_table` continue in a further table below; 5 fit into 100 characters, 4 into 80. A
    ValueError if there is no figure to show, or no row has one of the columns.
    """
    columns, lines = arrange(rows, columns)
    tables = []
    for part in np.array_split(np.arange(len(columns)), math.ceil(len(columns) / columns_per_table)):
        table = Table()
        table.add_column("method", no_wrap=True)
        for i in part:
            table.add_column("\n".join(title(rows, columns[i])), justify="right", no_wrap=True)
        for method, cells in lines.items():
            table.add_row(method, *(Text(cells[i].text, style="bold" if cells[i].best else "") for i in part))
        tables.append(table)
    return Group(*tables, legend(rows))


def markdown_table(rows: Sequence[Row], columns: Sequence[Headline] | None = None) -> str:
    """The same table as Markdown.

    Example:
        >>> figure = {"task": "ws353", "subset": "ws353", "metric": "spearman"}
        >>> row = Row(removal="none", **figure, value=0.7, low=0.65, high=0.74)
        >>> print(markdown_table([row]).splitlines()[2])
        | none | **70.0 ±4.5** |
    """
    columns, lines = arrange(rows, columns)
    table = [["method", *(" ".join(title(rows, column)) for column in columns)], ["---", *("---:" for _ in columns)]]
    for method, cells in lines.items():
        table.append([method, *(f"**{cell.text}**" if cell.best else cell.text for cell in cells)])
    return "".join(f"| {' | '.join(line)} |\n" for line in table) + f"\n{legend(rows)}\n"


def arrange(
    rows: Sequence[Row], columns: Sequence[Headline] | None = None
) -> tuple[list[Headline], dict[str, list[Cell]]]:
    """Columns, and the line of each method: see `rich_table`."""
    columns = list(columns) if columns is not None else headlines(rows)
    if not columns:
        raise ValueError("there is no figure to show among the result rows")
    differing = [
        key
        for key in ("encoder", "layers", "pooling", "seed")
        if len({getattr(row, key) for row in rows if key not in (row.candidate or {})}) > 1
    ]
    names = [_method_name(row, differing) for row in rows]
    by_key = {(name, row.headline): row for name, row in zip(names, rows, strict=True)}
    lines: dict[str, list[Cell]] = {name: [] for name in names}
    for column in columns:
        of_column = {method: by_key.get((method, column)) for method in lines}
        sign = -1 if column.metric in LOWER_IS_BETTER else 1
        scores = [sign * row.value for row in of_column.values() if row is not None]
        if not scores:
            known = ", ".join("/".join(headline) for headline in headlines(rows))
            raise ValueError(f"no result row has {'/'.join(column)}; there are, for instance, {known}")
        best = max(scores)
        for method, row in of_column.items():
            if row is None:
                lines[method].append(Cell("–"))
                continue
            is_best = sign * row.value == best
            mark = _mark(row, sign)
            # rows of several evaluations were each compared with the best of their own only
            if not is_best and not {*differing} - {"pooling"} and (row.p_best or 0) >= SIGNIFICANT:
                mark += "°"
            lines[method].append(Cell(f"{mark} {_value(row)}".strip(), is_best))
    return columns, lines


def _method_name(row: Row, differing: Sequence[str]) -> str:
    """The method of a row, between whatever else differs between the rows."""
    before = [str(getattr(row, key)) for key in differing if key != "seed"]
    return " ".join([*before, row.method, *([str(row.seed)] if "seed" in differing else [])])


def _value(row: Row) -> str:
    text = f"{100 * row.value:.1f}"
    if row.low is not None and row.high is not None:
        text += f" ±{50 * (row.high - row.low):.1f}"
    return text


def _mark(row: Row, sign: int) -> str:
    """Whether a gain is more than noise; nothing where that was not tested."""
    if row.gain is None or row.p_holm is None:
        return ""
    if not row.is_sure:
        return "≈"
    return "▲" if sign * row.gain > 0 else "▼"
