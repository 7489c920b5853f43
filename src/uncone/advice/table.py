"""The advice in the terminal: a table of layers, and the verdict last."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from uncone.advice.conclusion import Conclusion
from uncone.advice.design import KINDS
from uncone.advice.verdict import BOTH, gain
from uncone.tasks.row import SIGNIFICANT, Row

LEGEND = (
    "Spearman ×100: raw, and what the nested choice gains, with its 95 % interval; both is the mean of the two. "
    "▲ sure gain, ▼ sure loss (p < 0.05; on both after Holm over layers), ≈ neither."
)


def print_layers(console: Console, conclusion: Conclusion) -> None:
    """Print layers down, both figures across."""
    table = Table()
    for name in ("layer", "outcome", "words", "sentences", "both"):
        table.add_column(name, justify="left" if name in ("layer", "outcome") else "right")
    table.add_column("all pairs choose")
    for layer in conclusion.layers:
        gains = conclusion.gains(layer.layer)
        rows = [gains[kind] for kind in KINDS]
        cells = [f"{100 * (row.value - gain(row)):.1f}\n{gain_cell(row)}" for row in rows]
        table.add_row(layer.layer, layer.outcome, *cells, f"\n{gain_cell(gains[BOTH])}", layer.final)
    console.print(table)
    console.print(LEGEND)


def gain_cell(row: Row) -> str:
    """The gain of a row to read, sure if it is after correction, where it was corrected.

    Example:
        >>> figure = {"removal": "chosen", "task": "words", "subset": "macro", "metric": "spearman", "value": 0.5}
        >>> gain_cell(Row(**figure, gain=0.031, gain_low=0.012, gain_high=0.052, p_value=0.001))
        '▲ +3.1 [+1.2, +5.2]'
    """
    low, high = row.gain_low or 0.0, row.gain_high or 0.0
    if gain(row) == low == high == 0:
        return "as raw"
    p = row.p_value if row.p_holm is None else row.p_holm
    mark = "≈" if p is None or p >= SIGNIFICANT else "▲" if gain(row) > 0 else "▼"
    return f"{mark} {100 * gain(row):+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
