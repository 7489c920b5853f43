"""collect.py: gather every run below a folder into one table."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from uncone.report.collected import BEST_HEAD, best_lines, counts, left, number, write_tables
from uncone.runs import collection
from uncone.support.terminal import headed, make_console


def collect(folder: str | Path) -> collection.Collection:
    """Write results.csv, results.md and results.html into a folder, for all runs below it, and print the outcome.

    Raises:
        ValueError: if there is no run.
    """
    folder = Path(folder)
    collected = collection.collect(folder)
    paths = write_tables(folder, collected)
    console = make_console()
    if lines := best_lines(collected, intervals=False):
        table = Table(title="×100, mean ± standard deviation over seeds", title_justify="left")
        for head in BEST_HEAD:
            table.add_column(head, overflow="fold")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    for run, status, why in left(collected):
        console.print(headed(f"{status}:", f"{run}: {why}"))
    written = ", ".join(path.name for path in paths)
    console.print(f"{number(collected)}: {counts(collected)} Written to {folder}: {written}", highlight=False)
    return collected
