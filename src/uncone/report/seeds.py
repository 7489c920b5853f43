"""Results over several seeds: the mean and standard deviation of each figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from uncone.tasks.row import Headline, Row
from uncone.tasks.scoring import NotRun
from uncone.tasks.table import headlines


def over_seeds(rows: Sequence[Row], columns: Sequence[Headline]) -> dict[str, list[tuple[float, float, int]]]:
    """Mean, standard deviation (n − 1) and number of seeds of each figure, for each method.

    Args:
        rows: of one encoder, with several seeds.
        columns: the figures wanted; a figure that a method lacks has 0 seeds.

    Example:
        >>> figure = {"task": "t", "subset": "all", "metric": "spearman"}
        >>> rows = [Row(removal="a", **figure, seed=seed, value=value) for seed, value in ((0, 0.4), (1, 0.6))]
        >>> [(round(m, 2), round(s, 2), n) for m, s, n in over_seeds(rows, [Headline("t", "all", "spearman")])["a"]]
        [(0.5, 0.14, 2)]
    """
    table = {}
    for method in dict.fromkeys(row.method for row in rows):
        cells = []
        for column in columns:
            values = [row.value for row in rows if (row.method, row.headline) == (method, column)]
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            cells.append((float(np.mean(values)) if values else float("nan"), deviation, len(values)))
        table[method] = cells
    return table


def print_over_seeds(console: Console, rows: Sequence[Row], not_run: Sequence[NotRun]) -> None:
    """Print methods down and tasks across: mean ± standard deviation over seeds, ×100."""
    columns = headlines(rows)
    seeds = len({row.seed for row in rows})
    table = Table()
    table.add_column("method", no_wrap=True)
    for column in columns:
        table.add_column(f"{column.task}\n{column.subset}\n{column.metric}", justify="right", no_wrap=True)
    for method, cells in over_seeds(rows, columns).items():
        shown = [f"{100 * mean:.1f} ±{100 * deviation:.1f}" if n else "–" for mean, deviation, n in cells]
        table.add_row(method, *shown)
    console.print(table)
    console.print(f"×100, mean ± standard deviation over {seeds} seeds", highlight=False)
    for missing in not_run:
        console.print(f"[bold]not run:[/] {missing.task}: {missing.why}")
