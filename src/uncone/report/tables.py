"""Results as a person reads them at the end of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.console import Console

from uncone.tasks.scoring import NotRun, Row
from uncone.tasks.table import Headline, headlines, rich_table

GEOMETRY_TASK = "geometry"
SIGNIFICANT = 0.05
Outcome = Literal["helps", "hurts", "helps some tasks and hurts others", "changes nothing for sure"]


def print_results(console: Console, rows: Sequence[Row], not_run: Sequence[NotRun]) -> None:
    """Print the table of results, and below it what could not be run and why."""
    if rows:
        console.print(rich_table(rows))
    for missing in not_run:
        where = " ".join(part for part in (missing.task, missing.subset, missing.removal) if part)
        console.print(f"[bold]not run:[/] {where}: {missing.why}")


def geometry_rows(like: Mapping[str, Any], measures: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Result rows for geometry measured before and after.

    Args:
        like: a row to take encoder, layers, pooling and seed from.
        measures: removal to measure to value.
    """
    return [
        {
            **{key: like[key] for key in ("encoder", "layers", "pooling")},
            "removal": removal,
            "task": GEOMETRY_TASK,
            "subset": str(like["layers"]),
            "metric": metric,
            "value": value,
            "ci_low": None,
            "ci_high": None,
            "n": None,
            "seed": like["seed"],
            "p_value": None,
        }
        for removal, values in measures.items()
        for metric, value in values.items()
    ]


def verdict(rows: Sequence[Row], geometry: Sequence[Mapping[str, Any]], removal: str = "learned") -> str:
    """One sentence: what a removal did for this encoder, and how sure that is.

    A gain counts if its paired bootstrap p-value lies below 0.05.
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
    return gain["p_value"] is not None and gain["p_value"] < SIGNIFICANT
