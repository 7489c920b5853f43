"""Results as a person reads them at the end of a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.console import Console

from uncone.geometry.measures import MEASURES
from uncone.tasks.row import Row
from uncone.tasks.scoring import NotRun
from uncone.tasks.table import headlines, rich_table

PROBED = ("mean_cosine", "log10_isotropy", "isoscore", "lid", "frequency_pc1")  # what a table of a probe shows
ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}  # which way isotropy lies
Outcome = Literal["helps", "hurts", "helps some tasks and hurts others", "changes nothing for sure"]


def print_results(console: Console, rows: Sequence[Row], not_run: Sequence[NotRun]) -> None:
    """Print the table of results, and below it what could not be run and why."""
    if rows:
        console.print(rich_table(rows, columns_per_table=_columns_that_fit(console.width, rows)))
    for missing in not_run:
        where = " ".join(part for part in (missing.task, missing.subset, missing.removal) if part)
        console.print(f"[bold]not run:[/] {where}: {missing.why}")


def _columns_that_fit(width: int, rows: Sequence[Row]) -> int:
    """How many figures fit beside each other, none cut off; a cell has 13 characters at most: ▼° 100.0 ±10.0."""
    columns = headlines(rows)
    if not columns:
        return 1
    widest = max(13, *(len(name) for column in columns for name in column)) + 3  # with its padding and border
    methods = max(len(row.method) for row in rows) + 4
    return max(1, (width - methods) // widest)


def geometry_table(geometry: Sequence[Row]) -> str:
    """A Markdown table of the probe: a row for each removal among the rows of geometry."""
    value = {(row.removal, row.metric): row.value for row in geometry}
    titles = [f"{MEASURES[name].title}{ARROWS[MEASURES[name].direction]}" for name in PROBED]
    lines = [f"| probe | {' | '.join(titles)} |", f"| --- |{' ---: |' * len(PROBED)}"]
    for removal in dict.fromkeys(row.removal for row in geometry):
        lines.append(f"| {removal} | {' | '.join(f'{value[removal, name]:.2f}' for name in PROBED)} |")
    return "\n".join(lines)


def verdict(rows: Sequence[Row], geometry: Sequence[Row], removal: str = "learned") -> str:
    """One sentence: what a removal did for this encoder, and how sure that is.

    A gain counts if its p-value lies below 0.05, after correction for all methods compared (`p_holm`).
    """
    parts = [
        f"{row.task} {100 * gain:+.1f}" + ("" if row.is_sure else " (not significant)")
        for row, gain in _gains(rows, removal)
    ]
    cosine = {row.removal: row.value for row in geometry if row.metric == "mean_cosine"}
    encoder = f"{rows[0].encoder} (layers {rows[0].layers})" if rows else "this encoder"
    return (
        f"On {encoder} the {removal} removal {outcome(rows, removal)}: {', '.join(parts)} points over raw; "
        f"the mean cosine of the probe goes from {cosine['none']:.2f} to {cosine[removal]:.2f}."
    )


def outcome(rows: Sequence[Row], removal: str = "learned") -> Outcome:
    """What a removal did for the headline figures, counting significant differences only."""
    sure = [gain for row, gain in _gains(rows, removal) if row.is_sure]
    helped, hurt = any(gain > 0 for gain in sure), any(gain < 0 for gain in sure)
    if helped and hurt:
        return "helps some tasks and hurts others"
    return "helps" if helped else "hurts" if hurt else "changes nothing for sure"


def _gains(rows: Sequence[Row], removal: str) -> list[tuple[Row, float]]:
    """The rows of the headline figures in which there is a difference from raw vectors, and that difference."""
    of_removal = {row.headline: row for row in rows if row.method == removal}
    found = [of_removal[headline] for headline in headlines(rows) if headline in of_removal]
    return [(row, row.gain) for row in found if row.gain is not None]
