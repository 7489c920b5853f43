"""An atlas as a person reads it at the end of the command: a table over depth, with what each row means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from uncone.geometry.atlas.sampled import Estimate
from uncone.geometry.atlas.survey import LayerMap
from uncone.support.terminal import headed

DEFINITION_WIDTH = 50  # where less is left, definitions are listed below the table
GAP = 2


def print_atlas(
    console: Console, encoder: str, summary: Mapping[str, Any], maps: Sequence[LayerMap], definitions: Mapping[str, str]
) -> None:
    """Print the numbers for each removal: a row a measure with its definition, a column a layer.

    `summary` is the encoder's entry in the atlas's index.
    """
    metrics = list(dict.fromkeys(metric for m in maps for metric in m.measures))
    for removal in dict.fromkeys(m.removal for m in maps):
        chosen = [m for m in maps if m.removal == removal]
        n = f"{summary['occurrences']} occurrences of {summary['types']} types"
        console.print()
        console.print(headed(f"{encoder}, {removal}:", n))
        columns = [(m.layer, [_cell(m.measures.get(metric)) for metric in metrics]) for m in chosen]
        _print_columns(console, metrics, columns, definitions)
    console.print("±: one standard error over resampled texts; measures without one are exact over all occurrences.")


def _print_columns(
    console: Console, metrics: Sequence[str], columns: Sequence[tuple[str, list[str]]], definitions: Mapping[str, str]
) -> None:
    """Print layers side by side, as many as fit the console, with definitions beside them or else below."""
    names = max(map(len, metrics)) + GAP
    widths = [max(map(len, cells)) + GAP for _, cells in columns]
    beside = names + sum(widths) + DEFINITION_WIDTH <= console.width
    texts = [[definitions[metric] for metric in metrics]] if beside else []
    while columns:
        fit = max(1, int(np.searchsorted(np.cumsum(widths), console.width - names, side="right")))
        shown, columns, widths = columns[:fit], columns[fit:], widths[fit:]
        layers = [Column(layer, justify="right", no_wrap=True) for layer, _ in shown]
        explained = [Column("definition", style="dim") for _ in texts]
        table = Table("layer", *layers, *explained, box=None, padding=(0, GAP, 0, 0))
        for row in zip(metrics, *(cells for _, cells in shown), *texts, strict=True):
            table.add_row(*row)
        console.print(table)
    if not beside:
        for metric in metrics:
            console.print(headed(f"{metric}:", definitions[metric]))


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.value):
        return "–"
    if isinstance(estimate.value, int):
        return str(estimate.value)
    value = f"{estimate.value:.3g}"
    return value if estimate.se is None else f"{value}±{estimate.se:.1g}"
