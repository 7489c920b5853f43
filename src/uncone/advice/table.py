"""The advice in the terminal: a table of layers, and the verdict last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from uncone.advice.effects import BOTH, KINDS
from uncone.tasks.row import SIGNIFICANT

LEGEND = (
    "Spearman ×100: raw, and what the nested choice gains, with its 95 % interval; both is the mean of the two. "
    "▲ sure gain, ▼ sure loss (p < 0.05; on both after Holm over layers), ≈ neither."
)


def print_advice(console: Console, advice: Mapping[str, Any]) -> None:
    """Print what advice.json holds: layers down, both figures across; then the verdict and what to do next."""
    table = Table()
    for name in ("layer", "outcome", "words", "sentences", "both"):
        table.add_column(name, justify="left" if name in ("layer", "outcome") else "right")
    table.add_column("all pairs choose")
    for layer in advice["layers"]:
        cells = [
            f"{100 * layer['raw'][kind]['value']:.1f}\n{gain_cell(layer['chosen'][kind]['gain'])}" for kind in KINDS
        ]
        both = {**layer["chosen"][BOTH]["gain"], "p_value": layer["p_holm"]}
        table.add_row(layer["layer"], layer["outcome"], *cells, f"\n{gain_cell(both)}", escape(layer["final"]))
    console.print(table)
    console.print(LEGEND, highlight=False)
    for layer, task, why in advice["not_run"]:
        console.print(f"[bold]not run:[/] {task} on layer {layer}: {escape(why)}")
    for each in advice["commands"]:
        console.print(f"{each['what']}: {each['command']}", highlight=False, markup=False, soft_wrap=True)
    if advice["warning"]:
        console.print(escape(advice["warning"]), highlight=False)
    console.print(f"[bold]{escape(advice['verdict'])}[/]", highlight=False)
    console.print(f"[bold]{escape(advice['advice'])}[/]", highlight=False)


def gain_cell(gain: Mapping[str, float]) -> str:
    """A gain to read.

    Example:
        >>> gain_cell({"difference": 0.031, "low": 0.012, "high": 0.052, "p_value": 0.001})
        '▲ +3.1 [+1.2, +5.2]'
    """
    if gain["difference"] == gain["low"] == gain["high"] == 0:
        return "as raw"
    mark = "≈"
    if gain["p_value"] < SIGNIFICANT:
        mark = "▲" if gain["difference"] > 0 else "▼"
    return f"{mark} {100 * gain['difference']:+.1f} [{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}]"
