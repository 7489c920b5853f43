"""Results as a person reads them at the end of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from uncone.tasks.scoring import ROW_KEYS, SIGNIFICANT, NotRun, Row
from uncone.tasks.table import headlines, rich_table

GEOMETRY_TASK = "geometry"


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


def verdict(rows: Sequence[Row], geometry: Sequence[Mapping[str, Any]]) -> str:
    """One sentence: what the learned removal did for this encoder, and how sure that is.

    A gain counts if its p-value lies below 0.05, after correction for all methods compared (`p_holm`).
    """
    parts, helped, hurt = [], 0, 0
    for headline in headlines(rows):
        gain = next(
            (
                row
                for row in rows
                if row["removal"] == "learned"
                and (row["task"], row["subset"], row["metric"])
                == (headline.task, headline.subset, f"{headline.metric}_gain")
            ),
            None,
        )
        if gain is None:
            continue
        sure = gain["p_holm"] is not None and gain["p_holm"] < SIGNIFICANT
        helped += sure and gain["value"] > 0
        hurt += sure and gain["value"] < 0
        parts.append(f"{headline.task} {100 * gain['value']:+.1f}" + ("" if sure else " (not significant)"))
    if helped and hurt:
        outcome = "helps some tasks and hurts others"
    else:
        outcome = "helps" if helped else "hurts" if hurt else "changes nothing for sure"
    cosine = {row["removal"]: row["value"] for row in geometry if row["metric"] == "mean_cosine"}
    encoder = f"{rows[0]['encoder']} (layers {rows[0]['layers']})" if rows else "this encoder"
    return (
        f"On {encoder} the learned removal {outcome}: {', '.join(parts)} points over raw; "
        f"the mean cosine of the probe goes from {cosine['none']:.2f} to {cosine['learned']:.2f}."
    )
