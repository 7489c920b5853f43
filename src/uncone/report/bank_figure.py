"""What the members of a bank reach, over their numbers of components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from uncone.report.tables import over_seeds
from uncone.support.figures import BLUE, GREY, ORANGE
from uncone.tasks.row import Row, described
from uncone.tasks.table import headlines

COLOURS = (GREY, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MOST_METHODS = len(COLOURS)


def components_figure(rows: Sequence[Row]) -> Figure | None:
    """A panel for each headline figure: the learned removals over their number of components, fixed methods level.

    The line is the mean over seeds, the band one standard deviation. Other settings than seed and number of components
    are lines of their own.

    Args:
        rows: of one encoder; the candidates among them tell their number of components D.

    Returns:
        The figure; None if no two members differ in their number of components.
    """
    members: dict[str, dict[int, str]] = {}
    for row in rows:
        if row.candidate is not None:
            others = {key: value for key, value in row.candidate.items() if key not in ("D", "seed")}
            members.setdefault(described(row.removal, others), {})[int(row.candidate["D"])] = row.method
    if all(len(numbers) < 2 for numbers in members.values()):
        return None
    fixed = list(dict.fromkeys(row.removal for row in rows if row.candidate is None and row.removal != "learned"))
    columns = headlines(rows)
    table = over_seeds(rows, columns)
    figure = Figure(figsize=(4.2 * len(columns), 3.6), dpi=120, layout="constrained")
    for place, (column, axes) in enumerate(
        zip(columns, figure.subplots(1, len(columns), squeeze=False)[0], strict=True)
    ):
        for label, numbers in members.items():
            counts = sorted(numbers)
            mean, deviation, _ = 100 * np.array([table[numbers[count]][place] for count in counts]).T
            (line,) = axes.plot(counts, mean, marker=".", markersize=4, linewidth=1, label=label)
            axes.fill_between(
                counts, mean - deviation, mean + deviation, alpha=0.2, color=line.get_color(), linewidth=0
            )
            if len(members) == 1:
                line.set_color(BLUE)
        for colour, name in zip(COLOURS, fixed[:MOST_METHODS], strict=False):
            axes.axhline(100 * table[name][place][0], color=colour, linewidth=1, linestyle="--", label=name)
        axes.set(title=f"{column.task} {column.subset}", xlabel="components", ylabel=f"{column.metric} ×100")
        axes.set_xscale("log")
    axes.legend(fontsize=7)
    return figure
