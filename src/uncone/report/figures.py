"""Static figures, drawn with matplotlib: of an analysis over depth and its tokens, and of the members of a bank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uncone.geometry.atlas.store import AtlasStore
from uncone.geometry.calibration import RATES, Calibration
from uncone.geometry.measures import MEASURES, Measure
from uncone.geometry.probe import GeometryProbe
from uncone.removal import Correction
from uncone.report.tables import over_seeds
from uncone.runs.reading import read_results
from uncone.support.figures import BLUE, COLOURS, GREY, ORANGE, frequency_scatter, save, weight_profile
from uncone.tasks.row import GEOMETRY, Row, described
from uncone.tasks.table import headlines

RAW = "none"
STYLES = ("-", "--", ":", "-.")
FIGURES = "figures"
LEVELS = (GREY, ORANGE, *COLOURS[2:], "#000000")  # of fixed methods in the figure of a bank; further ones are left out


def write_figures(folder: str | Path) -> list[Path]:
    """Write the main figures of an analysis as PNG into its folder figures/.

    Drawn are the measures over depth and, if raw layers were measured, their explained variance and, for each encoder,
    its tokens by frequency.

    Raises:
        ValueError: if the folder lacks the files of an analysis.
    """
    folder = Path(folder)
    store = AtlasStore(folder)
    encoders = store.index()["encoders"]
    rows = [row for row in read_results(folder) if row.task == GEOMETRY]
    drawn = {"depth": measures_over_depth(rows)}
    if any(removal == RAW for *_, removal in store.maps()):
        drawn["variance"] = explained_variance(store)
        drawn |= {f"cloud_{name.replace('/', '_')}": clouds(store, name) for name in encoders}
    return [save(figure, folder / FIGURES / f"{name}.png") for name, figure in drawn.items()]


def measures_over_depth(rows: Sequence[Row]) -> Figure:
    """One panel for each measure: a line for each encoder, dashed after a removal, level for an encoder of one layer.

    Raises:
        ValueError: if none of the measures that are drawn over depth has a number.

    Example:
        >>> where = {"encoder": "minilm", "removal": "none", "task": "geometry", "metric": "lid"}
        >>> rows = [Row(**where, subset=layer, value=value) for layer, value in (("1", 8.0), ("2", 9.0))]
        >>> figure = measures_over_depth(rows)
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['Local dimension']
    """
    known = [row for row in rows if not math.isnan(row.value)]
    measures = [measure for measure in MEASURES.values() if measure.over_depth]
    shown = [measure for measure in measures if any(row.metric == measure.name for row in known)]
    if not shown:
        names = ", ".join(measure.name for measure in measures)
        raise ValueError(f"no row has a value of any of {names}: give the geometry rows of results.json")
    layers = _ordered({row.subset for row in known})
    figure, panels = _panels(len(shown), 3, (4, 2.5), (0, 0.4))
    for axes, measure in zip(panels, shown, strict=True):
        _draw_measure(axes, measure, known, layers)
    handles = {str(line.get_label()): line for axes in figure.axes for line in axes.get_lines()}
    figure.legend(list(handles.values()), list(handles), loc="outside upper left", ncols=3, frameon=False)
    return figure


def explained_variance(store: AtlasStore) -> Figure:
    """Cumulative share of the variance over components: a panel for each encoder, raw layers from light to dark."""
    encoders = list(store.index()["encoders"])
    figure, panels = _panels(len(encoders), len(encoders), (4.6, 3.4))
    for axes, encoder in zip(panels, encoders, strict=True):
        layers = [layer for name, layer, removal in store.maps() if name == encoder and removal == RAW]
        for depth, layer in enumerate(layers):
            held = store.curves(encoder, layer, RAW)["cumulative_variance"]
            colour = colormaps["cividis_r"]((depth + 1) / len(layers))
            axes.plot(np.arange(1, len(held) + 1), held, color=colour, label=layer)
        axes.axhline(0.8, color=GREY, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", ylim=(0, 1.02), xlabel="components", ylabel="share of the variance")
        axes.set_title(encoder, loc="left")
        axes.legend(title="layer", frameon=False, fontsize=8, ncols=2)
        _calm(axes)
    return figure


def clouds(store: AtlasStore, encoder: str) -> Figure:
    """The tokens of each raw layer on their two leading principal components, coloured by frequency."""
    layers = [layer for name, layer, removal in store.maps() if name == encoder and removal == RAW]
    frequency = np.array([np.nan if f is None else f for f in store.sample(encoder).log10_frequency])
    figure, panels = _panels(len(layers), 4, (2.9, 2.9), (0.6, 0))
    for axes, layer in zip(panels, layers, strict=True):
        x, y = store.points(encoder, layer, RAW)[:, :2].T
        dots = axes.scatter(x, y, c=frequency, cmap="cividis", s=3, linewidths=0, plotnonfinite=False)
        axes.set_title(f"layer {layer}", loc="left", fontsize=10)
        first, second = (f"{100 * share:.0f} %" for share in store.curves(encoder, layer, RAW)["point_variance"][:2])
        axes.set_xlabel(f"PC 1 ({first})", fontsize=8)
        axes.set_ylabel(f"PC 2 ({second})", fontsize=8)
        axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
        _calm(axes)
    figure.colorbar(dots, ax=figure.axes, label="log₁₀ frequency", shrink=0.7, aspect=30)
    return figure


def map_figures(removal: Correction, probe: GeometryProbe) -> dict[str, Figure]:
    """What a removal does: the weight of each component, and where frequent tokens lie before and after, by name.

    Only of token types whose frequency is known, which those of stored vectors are not, is there a figure of tokens.
    """
    drawn = {"weights": weight_profile(removal.weights.numpy())}
    if not np.isnan(probe.log_frequency).all():
        for name, points in (("raw", probe.points), (removal.method, removal.apply(probe.points))):
            drawn[f"frequency_{name}"] = frequency_scatter(points, probe.log_frequency)
    return drawn


def cosines_figure(calibrations: Mapping[str, Calibration], removal: str) -> Figure | None:
    """How alike random texts are, raw and after a removal, and what 1 % of them exceed; None without calibrations.

    Example:
        >>> wide = Calibration.of(np.random.default_rng(0).standard_normal((100, 9)))
        >>> cosines_figure({"none": wide}, "learned") is None
        True
    """
    if not {RAW, removal} <= set(calibrations):
        return None
    figure = Figure(figsize=(7, 2.6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    edges = np.linspace(-1, 1, 201)
    for name, title, colour in ((RAW, "raw", GREY), (removal, removal, BLUE)):
        of = calibrations[name]
        axes.stairs(np.diff(of.percentile(edges)), edges, fill=True, color=colour, alpha=0.6, label=title)
        limit = of.threshold(RATES[0])
        axes.axvline(limit, color=colour, linestyle="--", linewidth=1)
        axes.text(
            limit, 0.97, f" {limit:.2f}", transform=axes.get_xaxis_transform(), va="top", color=colour, fontsize=9
        )
    lowest = min(float(calibrations[name].cosine[0]) for name in (RAW, removal))
    axes.set(xlim=(lowest - 0.05, 1.05), yticks=[], xlabel="cosine of two random texts; dashed: 1 % are above")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False)
    return figure


def components_figure(rows: Sequence[Row]) -> Figure | None:
    """A panel for each headline figure: the learned removals over their number of components, fixed methods level.

    The line is the mean over seeds, the band one standard deviation. Other settings than seed and number of components
    are lines of their own.

    The rows are of one encoder. None if no two members differ in their number of components.
    """
    members: dict[str, dict[int, str]] = {}
    for row in rows:
        if row.candidate is not None and "D" in row.candidate:
            others = {key: value for key, value in row.candidate.items() if key not in ("D", "seed")}
            members.setdefault(described(row.removal, others), {})[int(row.candidate["D"])] = row.method
    if all(len(numbers) < 2 for numbers in members.values()):
        return None
    fixed = list(dict.fromkeys(row.removal for row in rows if row.candidate is None and row.removal != "learned"))
    columns = headlines(rows)
    table = over_seeds(rows, columns)
    figure, panels = _panels(len(columns), len(columns), (4.2, 3.6))
    for place, (column, axes) in enumerate(zip(columns, panels, strict=True)):
        for label, numbers in members.items():
            counts = sorted(numbers)
            mean, deviation, _ = 100 * np.array([table[numbers[count]][place] for count in counts]).T
            (line,) = axes.plot(counts, mean, marker=".", markersize=4, linewidth=1, label=label)
            band = (mean - deviation, mean + deviation)
            axes.fill_between(counts, *band, alpha=0.2, color=line.get_color(), linewidth=0)
            if len(members) == 1:
                line.set_color(BLUE)
        for colour, name in zip(LEVELS, fixed, strict=False):
            axes.axhline(100 * table[name][place][0], color=colour, linewidth=1, linestyle="--", label=name)
        axes.set(title=f"{column.task} {column.subset}", xlabel="components", ylabel=f"{column.metric} ×100")
        axes.set_xscale("log")
    axes.legend(fontsize=7)
    return figure


def _panels(
    count: int, most: int, size: tuple[float, float], margin: tuple[float, float] = (0, 0)
) -> tuple[Figure, list[Axes]]:
    """A figure of that many panels of a size in inches, `most` of them beside each other."""
    columns = min(most, count)
    lines = -(-count // columns)
    sides = (size[0] * columns + margin[0], size[1] * lines + margin[1])
    figure = Figure(figsize=sides, dpi=120, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel().tolist()
    for axes in panels[count:]:
        axes.remove()
    return figure, panels[:count]


def _draw_measure(axes: Axes, measure: Measure, known: Sequence[Row], layers: Sequence[str]) -> None:
    """The lines of one measure; colours and dashes follow encoders and removals of all measures."""
    rows = [row for row in known if row.metric == measure.name]
    encoders = list(dict.fromkeys(row.encoder for row in known))
    removals = list(dict.fromkeys(row.removal for row in known))
    for (e, encoder), (r, removal) in ((a, b) for a in enumerate(encoders) for b in enumerate(removals)):
        own = {row.subset: row for row in rows if (row.encoder, row.removal) == (encoder, removal)}
        if not own:
            continue
        look: dict[str, Any] = {
            "color": COLOURS[e % len(COLOURS)],
            "linestyle": STYLES[r % len(STYLES)],
            "linewidth": 1.6,
        }
        label = f"{encoder}, {'raw' if removal == RAW else removal}"
        if len(own) == 1 and len(layers) > 1:
            axes.axhline(next(iter(own.values())).value, label=label, **look)
            continue
        x = [layers.index(layer) for layer in layers if layer in own]
        drawn = [own[layers[i]] for i in x]
        axes.plot(x, [row.value for row in drawn], label=label, marker="o", markersize=4, **look)
        ends = [(row.low, row.high) for row in drawn if row.low is not None and row.high is not None]
        if len(ends) == len(drawn):
            axes.fill_between(x, *np.array(ends).T, color=look["color"], alpha=0.15, linewidth=0)
    axes.set_title(measure.title, loc="left", fontsize=11)
    axes.set_xticks(range(len(layers)), layers)
    axes.set_xlabel("layer")
    axes.set_ylabel(measure.unit, color=GREY)
    if measure.from_zero:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if min(row.value for row in rows) < 0 else 0.0)
    _calm(axes)


def _ordered(layers: set[str]) -> list[str]:
    """Named layers first, then by number."""
    return sorted(layers, key=lambda layer: (layer.isdigit(), int(layer) if layer.isdigit() else 0, layer))


def _calm(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e8ebef", linewidth=0.6)
    axes.set_axisbelow(True)
