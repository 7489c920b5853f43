"""The advice in the terminal: a table of layers, and the verdict last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from uncone.study.effects import KINDS
from uncone.tasks.scoring import SIGNIFICANT

LEGEND = (
    "Spearman ×100 of raw vectors, and what the nested choice gains, with its 95 % interval. ▲ sure gain (p < 0.05 after "
    "Holm, over both columns of all layers), ▼ sure loss (p < 0.05), ≈ neither."
)


def print_advice(console: Console, advice: Mapping[str, Any]) -> None:
    """Print what advice.json holds: layers down, both figures across; then the verdict and what to do next."""
    table = Table()
    for name in ("layer", "words\nraw", "words\ngain", "sentences\nraw", "sentences\ngain", "outcome"):
        table.add_column(name, justify="left" if name in ("layer", "outcome") else "right", no_wrap=True)
    table.add_column("all pairs choose")
    for layer in advice["layers"]:
        cells = []
        for kind in KINDS:
            cells += [f"{100 * layer['raw'][kind]['value']:.1f}", gain_cell(layer["chosen"][kind])]
        table.add_row(layer["layer"], *cells, layer["outcome"], escape(layer["final"]))
    console.print(table)
    console.print(LEGEND, highlight=False)
    for layer, task, why in advice["not_run"]:
        console.print(f"[bold]not run:[/] {task} on layer {layer}: {escape(why)}")
    for each in advice["commands"]:
        console.print(f"{each['what']}: {each['command']}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"[bold]{escape(advice['verdict'])}[/]", highlight=False)
    console.print(f"[bold]{escape(advice['advice'])}[/]", highlight=False)


def gain_cell(effect: Mapping[str, Any]) -> str:
    """A gain to read.

    Example:
        >>> gain = {"difference": 0.031, "ci_low": 0.012, "ci_high": 0.052, "p_value": 0.001}
        >>> gain_cell({"gain": gain, "p_holm": 0.01})
        '▲ +3.1 [+1.2, +5.2]'
    """
    gain = effect["gain"]
    mark = "▲" if effect["p_holm"] < SIGNIFICANT and gain["difference"] > 0 else "≈"
    if gain["p_value"] < SIGNIFICANT and gain["difference"] < 0:
        mark = "▼"
    return f"{mark} {100 * gain['difference']:+.1f} [{100 * gain['ci_low']:+.1f}, {100 * gain['ci_high']:+.1f}]"
