"""Make what a run decides of docs/default_run.md: its tables and figures.

python train.py output_dir=RUN && python docs/default_run.py RUN
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from filling import fill
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from PIL import Image

from uncone.commands.build import make_vectors
from uncone.geometry.calibration import CALIBRATION, Calibration, read_calibrations
from uncone.geometry.probe import GeometryProbe
from uncone.removal import Removal
from uncone.report.figures import cosines_figure
from uncone.report.tables import geometry_table
from uncone.report.verdict import verdict
from uncone.runs.reading import read_results
from uncone.support.figures import BLUE, GREY, save
from uncone.tasks import markdown_table
from uncone.tasks.row import GEOMETRY

DOCS = Path(__file__).parent
SHOWN = 2_500  # points of a scatter


def figure(run: Path) -> Figure:
    """Raw and corrected probe in the plane of their leading components, and the weights that made the difference."""
    config = OmegaConf.load(run / "config.yaml")
    vectors = make_vectors(config)
    probe = GeometryProbe.sample(vectors, vectors.corpus, config.probe.size, config.probe.queries, config.seed)
    removal = Removal.load(run)
    drawing = Figure(figsize=(10, 3.3), dpi=150, layout="constrained")
    raw, corrected, weights = drawing.subplots(1, 3, width_ratios=[1, 1, 1.3])
    _scatter(raw, probe.points, probe.log_frequency, "raw")
    dots = _scatter(corrected, removal.apply(probe.points), probe.log_frequency, "learned removal")
    bar = drawing.colorbar(dots, ax=corrected, shrink=0.75, ticks=[-6, -4, -2])
    bar.ax.set_yticklabels(["10⁻⁶", "10⁻⁴", "10⁻²"])
    bar.ax.set_title("frequency", fontsize=9, pad=8, loc="left")
    bar.outline.set_visible(False)
    _weights(weights, removal.weights.numpy())
    return drawing


def _scatter(axes: Axes, points: np.ndarray, log_frequency: np.ndarray, name: str) -> Any:
    known = ~np.isnan(log_frequency)
    X, frequency = points[known] - points[known].mean(0), log_frequency[known] / np.log(10)
    plane = np.linalg.eigh(X.T @ X)[1][:, -1:-3:-1]  # (d, 2)
    xy = X @ plane  # (m, 2)
    r = np.corrcoef(xy[:, 0], frequency)[0, 1]
    xy[:, 0] *= np.sign(r)  # frequent words to the right
    shown = np.argsort(frequency)[:: max(1, len(frequency) // SHOWN)]  # frequent words on top
    dots = axes.scatter(*xy[shown].T, c=frequency[shown], s=5, cmap="viridis", vmin=-6.5, vmax=-2, linewidths=0)
    axes.set_title(f"{name}: |r| = {abs(r):.2f}", fontsize=11)  # of component 1 with log frequency
    axes.set(xlabel="component 1", ylabel="component 2", xticks=[], yticks=[], aspect="equal", box_aspect=1)
    axes.spines[:].set_color(GREY)
    return dots


def _weights(axes: Axes, weights: np.ndarray) -> None:
    component = np.arange(1, len(weights) + 1)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.vlines(component, 0, weights, color=BLUE, linewidth=0.8, alpha=0.5)
    axes.plot(component, weights, ".", color=BLUE, markersize=4)
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    reach = 1.3 * np.abs(weights).max()
    axes.set(xlim=(0.8, 1.25 * len(weights)), ylim=(-reach, reach), xlabel="component, by variance")
    axes.set_title("removal weight w of each component", fontsize=11)
    for height, alignment, text in ((0.98, "top", "w > 0: taken out"), (0.02, "bottom", "w < 0: amplified")):
        axes.text(0.02, height, text, transform=axes.transAxes, va=alignment, fontsize=9, color=GREY)
    axes.spines[["top", "right"]].set_visible(False)


def calibrations_of(run: Path) -> dict[str, Calibration]:
    """Those of a run; none where its corpus has too few texts."""
    return read_calibrations(run) if (run / CALIBRATION).is_file() else {}


def tables(run: Path) -> str:
    """The results of a run as Markdown: tasks, geometry, and the verdict."""
    rows = read_results(run)
    tasks = [row for row in rows if row.task != GEOMETRY]
    geometry = [row for row in rows if row.task == GEOMETRY]
    return "\n".join(
        [
            markdown_table(tasks),
            geometry_table(geometry),
            "",
            f"The run's own summary: {' '.join(verdict(tasks, geometry, calibrations_of(run)))}",
        ]
    )


def main() -> None:
    """Rewrite the tables of docs/default_run.md, raw_and_learned.png and cosines.png from a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="output folder of train.py")
    run = parser.parse_args().run
    fill(DOCS / "default_run.md", "python docs/default_run.py RUN", tables(run))
    drawn = {"raw_and_learned": figure(run), "cosines": cosines_figure(calibrations_of(run), "learned")}
    for name, drawing in drawn.items():
        if drawing is None:
            continue
        picture = save(drawing, DOCS / f"{name}.png")
        Image.open(picture).quantize(256).save(picture, optimize=True)  # a third of the size


if __name__ == "__main__":
    main()
