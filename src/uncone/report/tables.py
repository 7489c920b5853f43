"""Results as a person reads them at the end of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from uncone.geometry.calibration import RATES, Calibration
from uncone.geometry.measures import MEASURES
from uncone.removal.spectra import Fit
from uncone.report.verdict import improvement
from uncone.support.terminal import headed
from uncone.tasks.row import SIGNIFICANT, Headline, Row, described
from uncone.tasks.scoring import NotRun
from uncone.tasks.table import headlines, rich_table, title

PROBED = ("mean_cosine", "log10_isotropy", "isoscore", "lid", "frequency_pc1")  # what a table of a probe shows
ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}  # which way isotropy lies
OF_FITS = (
    "×100, mean of the tasks (and seeds), ▼ where one of them surely gets worse; table.md has each with its interval"
)


def print_results(console: Console, rows: Sequence[Row], not_run: Sequence[NotRun]) -> None:
    """Print the table of results, over fits or seeds if there are several, and below it what was not run and why."""
    seeds = {row.seed for row in rows} - {None}
    if fits := fits_tables(rows):
        for table in fits:
            console.print(table)
        console.print(OF_FITS, highlight=False)
    elif len(seeds) > 1:
        console.print(_table_over_seeds(rows))
        console.print(f"×100, mean ± standard deviation over {len(seeds)} seeds", highlight=False)
    elif rows:
        console.print(rich_table(rows, columns_per_table=_columns_that_fit(console.width, rows)))
    for missing in not_run:
        console.print(headed("not run:", f"{missing.what}: {missing.why}"))


def fits_tables(rows: Sequence[Row]) -> list[Table]:
    """Where methods have several fits: the mean of the headline figures under each, methods down, fits across.

    A table for each corpus, so that texts like those that are scored stand apart from others, and one for the rest;
    and for each use of vectors, as what helps one may harm another.
    """
    columns = headlines(rows)
    if not any(set(row.candidate or {}) & {"level", "corpus"} for row in rows):
        return []
    values: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        if row.headline in columns:
            of = row.candidate or {}
            level, corpus = (str(of.get(key, "")) for key in ("level", "corpus"))
            method = described(row.removal, {key: of[key] for key in of if key not in (*Fit._fields, "seed")})
            heading = (f"{row.use}: " if row.use else "") + f"fitted on {corpus or 'no text'}"
            values.setdefault((heading, method, level, str(row.pooling)), []).append(row)
    tables = []
    for heading in dict.fromkeys(key[0] for key in values):
        of_table = {key[1:]: found for key, found in values.items() if key[0] == heading}
        fits = list(dict.fromkeys(key[1:] for key in of_table))
        table = Table(title=heading, title_justify="left")
        table.add_column("method", no_wrap=True)
        for level, pooling in fits:
            table.add_column("\n".join(filter(None, (level, *pooling.split(", ")))), justify="right", no_wrap=True)
        for method in dict.fromkeys(key[0] for key in of_table):
            table.add_row(method, *(_mean_cell(of_table.get((method, *fit), [])) for fit in fits))
        tables.append(table)
    return tables


def _mean_cell(rows: Sequence[Row]) -> str:
    if not rows:
        return "–"
    harmed = any(row.is_sure and improvement(row) < 0 for row in rows)
    return f"{'▼ ' if harmed else ''}{100 * np.mean([row.value for row in rows]):.1f}"


def _table_over_seeds(rows: Sequence[Row]) -> Table:
    columns = headlines(rows)
    table = Table()
    table.add_column("method", no_wrap=True)
    for column in columns:
        table.add_column("\n".join(title(rows, column)), justify="right", no_wrap=True)
    for method, cells in over_seeds(rows, columns).items():
        shown = [f"{100 * mean:.1f} ±{100 * deviation:.1f}" if n else "–" for mean, deviation, n in cells]
        table.add_row(method, *shown)
    return table


def _columns_that_fit(width: int, rows: Sequence[Row]) -> int:
    """How many figures fit beside each other, none cut off; a cell has 13 characters at most: ▼° 100.0 ±10.0."""
    columns = headlines(rows)
    if not columns:
        return 1
    widest = max(13, *(len(name) for column in columns for name in column)) + 3  # with its padding and border
    methods = max(len(row.method) for row in rows) + 4
    return max(1, (width - methods) // widest)


def over_seeds(rows: Sequence[Row], columns: Sequence[Headline]) -> dict[str, list[tuple[float, float, int]]]:
    """Mean, standard deviation (n − 1) and number of seeds of each figure, for each method.

    The rows are of one encoder; a figure that a method lacks has 0 seeds.

    Example:
        >>> figure = {"task": "t", "subset": "all", "metric": "spearman"}
        >>> rows = [Row(removal="a", **figure, seed=seed, value=value) for seed, value in ((0, 0.4), (1, 0.6))]
        >>> [(round(m, 2), round(s, 2), n) for m, s, n in over_seeds(rows, [Headline("t", "all", "spearman")])["a"]]
        [(0.5, 0.14, 2)]
    """
    table = {}
    for method in dict.fromkeys(row.method for row in rows):
        cells = []
        for column in columns:
            values = [row.value for row in rows if (row.method, row.headline) == (method, column)]
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            cells.append((float(np.mean(values)) if values else float("nan"), deviation, len(values)))
        table[method] = cells
    return table


def gain_cell(row: Row) -> str:
    """The gain of a row to read, sure if it is after correction, where it was corrected.

    Example:
        >>> figure = {"removal": "chosen", "task": "words", "subset": "macro", "metric": "spearman", "value": 0.5}
        >>> gain_cell(Row(**figure, gain=0.031, gain_low=0.012, gain_high=0.052, p_value=0.001))
        '▲ +3.1 [+1.2, +5.2]'
    """
    gain, p = row.gain or 0.0, row.p_value if row.p_holm is None else row.p_holm
    if gain == row.gain_low == row.gain_high == 0:
        return "as raw"
    mark = "≈" if p is None or p >= SIGNIFICANT else "▲" if improvement(row) > 0 else "▼"
    return f"{mark} {points_gained(row)}"


def points_gained(row: Row) -> str:
    """The gain of a row in points, with its interval."""
    return f"{100 * (row.gain or 0):+.1f} [{100 * (row.gain_low or 0):+.1f}, {100 * (row.gain_high or 0):+.1f}]"


def print_verdict(console: Console, told: Sequence[str]) -> None:
    """Print what was found, last of all and apart: the sentence that matters most, in bold, before the others."""
    first, *rest = told
    console.print()
    console.print(Text(first, style="bold"))
    if rest:
        console.print(" ".join(rest), highlight=False)


def print_thresholds(console: Console, calibrations: Mapping[str, Calibration]) -> None:
    """Print which scores few random pairs of texts reach, under each removal; nothing if there are no calibrations."""
    if not calibrations:
        return
    head, *lines = threshold_lines(calibrations)
    table = Table()
    for i, name in enumerate(head):
        table.add_column(name, no_wrap=True, justify="right" if i else "left")
    for line in lines:
        table.add_row(*line)
    console.print(table)
    console.print(about_thresholds(calibrations), highlight=False)


def about_thresholds(calibrations: Mapping[str, Calibration]) -> str:
    """What the columns of `threshold_lines` are, in a sentence."""
    of = next(iter(calibrations.values()))
    return (
        f"Cosines of all pairs of {of.texts} texts of {of.corpus}: their median, and as thresholds what 1 % and 0.1 % "
        "of them exceed, ± the standard error. Texts of another sort have other thresholds: name yours with corpus=."
    )


def threshold_lines(calibrations: Mapping[str, Calibration]) -> list[list[str]]:
    """A head, and for each removal the median cosine of random pairs and the thresholds, as text."""
    lines = [["method", "median", *(f"threshold {100 * rate:g} %" for rate in RATES)]]
    for removal, of in calibrations.items():
        ends = [f"{of.threshold(rate):.3f} ±{error:.3f}" for rate, error in zip(RATES, of.errors, strict=True)]
        lines.append([removal, f"{of.threshold(0.5):.3f}", *ends])
    return lines


def geometry_table(geometry: Sequence[Row]) -> str:
    """A Markdown table of the probe: a row for each removal among the rows of geometry."""
    value = {(row.removal, row.metric): row.value for row in geometry}
    probed = [name for name in PROBED if any(row.metric == name for row in geometry)]  # stored vectors lack frequencies
    titles = [f"{MEASURES[name].title}{ARROWS[MEASURES[name].direction]}" for name in probed]
    lines = [f"| probe | {' | '.join(titles)} |", f"| --- |{' ---: |' * len(probed)}"]
    for removal in dict.fromkeys(row.removal for row in geometry):
        lines.append(f"| {removal} | {' | '.join(f'{value[removal, name]:.2f}' for name in probed)} |")
    return "\n".join(lines)
