"""Results as a person reads them at the end of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.console import Console

from uncone.tasks.scoring import ROW_KEYS, SIGNIFICANT, NotRun, Row
from uncone.tasks.table import Headline, headlines, rich_table

GEOMETRY_TASK = "geometry"
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
    methods = max(len(str(row["removal"])) for row in rows) + 4
    return max(1, (width - methods) // widest)


def geometry_rows(like: Mapping[str, Any], measures: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Result rows for geometry measured before and after.

    Args:
        like: a row to take encoder, layers, pooling and seed from.
        measures: removal to measure to value.
    """
    return [
        {
            **dict.fromkeys(ROW_KEYS),
            **{key: like[key] for key in ("encoder", "layers", "pooling", "seed")},
            "removal": removal,
            "task": GEOMETRY_TASK,
            "subset": str(like["layers"]),
            "metric": metric,
            "value": value,
        }
        for removal, values in measures.items()
        for metric, value in values.items()
    ]


def verdict(rows: Sequence[Row], geometry: Sequence[Mapping[str, Any]], removal: str = "learned") -> str:
    """One sentence: what a removal did for this encoder, and how sure that is.

    A gain counts if its p-value lies below 0.05, after correction for all methods compared (`p_holm`).
    """
    parts = []
    for headline, gain in _gains(rows, removal):
        parts.append(f"{headline.task} {100 * gain['value']:+.1f}" + ("" if _is_sure(gain) else " (not significant)"))
    cosine = {row["removal"]: row["value"] for row in geometry if row["metric"] == "mean_cosine"}
    encoder = f"{rows[0]['encoder']} (layers {rows[0]['layers']})" if rows else "this encoder"
    return (
        f"On {encoder} the {removal} removal {outcome(rows, removal)}: {', '.join(parts)} points over raw; "
        f"the mean cosine of the probe goes from {cosine['none']:.2f} to {cosine[removal]:.2f}."
    )


def outcome(rows: Sequence[Row], removal: str = "learned") -> Outcome:
    """What a removal did for the headline figures, counting significant differences only."""
    sure = [gain["value"] for _, gain in _gains(rows, removal) if _is_sure(gain)]
    helped, hurt = any(value > 0 for value in sure), any(value < 0 for value in sure)
    if helped and hurt:
        return "helps some tasks and hurts others"
    return "helps" if helped else "hurts" if hurt else "changes nothing for sure"


def _gains(rows: Sequence[Row], removal: str) -> list[tuple[Headline, Row]]:
    """The headline figures for which there is a difference from raw vectors, and that difference."""
    gains = {
        Headline(row["task"], row["subset"], row["metric"].removesuffix("_gain")): row
        for row in rows
        if row["removal"] == removal and row["metric"].endswith("_gain")
    }
    return [(headline, gains[headline]) for headline in headlines(rows) if headline in gains]


def _is_sure(gain: Row) -> bool:
    return gain["p_holm"] is not None and gain["p_holm"] < SIGNIFICANT
