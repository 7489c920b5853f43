"""Static figures, drawn with matplotlib and no display.

Colours are from the Okabe–Ito palette, which colour-blind readers can tell apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from uncone.support.files import whole

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # of Okabe and Ito, told apart by all readers
SCATTER_POINTS = 4_000  # more only blackens the picture


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, whole or not at all, making its folder; returns the path."""
    path = Path(path)
    with whole(path) as aside:
        FigureCanvasAgg(figure).print_png(str(aside))
    return path


def weight_profile(weights: np.ndarray, title: str = "") -> Figure:
    """Removal weights (k,) of components, or (k, c) of c clusters: 1 removes one, 0 keeps it, below 0 amplifies it."""
    figure = Figure(figsize=(7, 3.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    axes.plot(np.arange(1, len(weights) + 1), weights, color=BLUE, linewidth=0.8, marker=".", markersize=3)
    axes.set(xlabel="component, by variance", ylabel="removal weight w", title=title)
    axes.set_xscale("log")
    return figure


def frequency_scatter(points: np.ndarray, log_frequency: np.ndarray, title: str = "") -> Figure:
    """The two leading principal components of points (m, d), coloured by log frequency (m,)."""
    known = np.flatnonzero(~np.isnan(log_frequency))
    centred = points[known] - points[known].mean(0)
    axes_2d = np.linalg.svd(centred[:: max(1, len(centred) // SCATTER_POINTS)], full_matrices=False)[2][:2]  # (2, d)
    shown = known[:: max(1, len(known) // SCATTER_POINTS)]
    x, y = axes_2d @ (points[shown] - points[known].mean(0)).T
    r = np.corrcoef(centred @ axes_2d[0], log_frequency[known])[0, 1]
    figure = Figure(figsize=(5.4, 4.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    dots = axes.scatter(x, y, c=log_frequency[shown] / np.log(10), s=4, cmap="viridis", linewidths=0)
    figure.colorbar(dots, label="log10 frequency")
    axes.set(
        xlabel="component 1",
        ylabel="component 2",
        title=f"{title}\n|r| of component 1 with log frequency: {abs(r):.2f}".strip(),
    )
    return figure
