"""Print the results of evaluation runs as a Markdown table: mean ± standard deviation over seeds, intervals, seconds.

    python docs/tables.py RUN [--columns liang_words/pooled/pearson liang_sts/all/pearson …]

RUN is the output folder of evaluate.py with `seeds`. A figure reads "mean ± deviation over seeds [± half the 95 %
bootstrap interval of one seed]", ×100; ▲ and ▼ mark a gain or loss against raw vectors that every seed finds
significant after Holm's correction.

    python docs/tables.py RUN --fits none whitening … [--tasks stsb …]

RUN was made with `report=all`: what methods reach under each of their fits, the mean of the tasks (and seeds), ×100.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from uncone.report.tables import fits_tables, over_seeds
from uncone.runs.reading import read_results
from uncone.tasks.row import Headline, Row

COLUMNS = (
    "liang_words/pooled/pearson",
    "liang_words/macro/spearman",
    "liang_sts/all/pearson",
    "liang_analogies/total/accuracy",
)


def cell(rows: list[Row], method: str, column: Headline) -> str:
    """One figure over all seeds."""
    values = [row for row in rows if (row.method, row.headline) == (method, column)]
    if not values:
        return "–"
    ((mean, deviation, _),) = over_seeds(values, [column])[method]
    half = 50 * np.mean([row.high - row.low for row in values])
    sure = all(row.is_sure for row in values)
    signs = {np.sign(row.gain) for row in values if row.gain is not None}
    mark = {1: "▲ ", -1: "▼ "}[signs.pop()] if sure and len(signs) == 1 else ""
    return f"{mark}{100 * mean:.1f} ±{100 * deviation:.1f} [±{half:.1f}]"


def print_fits(rows: list[Row], methods: list[str]) -> None:
    """A table for each corpus that methods were fitted on."""
    for table in fits_tables(rows):
        head = [" ".join(str(column.header).split("\n")) for column in table.columns]
        print(f"\n{table.title}\n\n| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}")
        for line in zip(*(column.cells for column in table.columns), strict=True):
            if not methods or str(line[0]).split()[0] in methods:
                print(f"| {' | '.join(map(str, line))} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--columns", nargs="+", default=COLUMNS)
    parser.add_argument("--fits", nargs="*", help="methods to show under each of their fits; none names all")
    parser.add_argument("--tasks", nargs="*", help="whose mean is shown; all by default")
    arguments = parser.parse_args()
    rows = read_results(arguments.run)
    if arguments.fits is not None:
        print_fits([row for row in rows if not arguments.tasks or row.task in arguments.tasks], arguments.fits)
        return
    columns = [Headline(*column.split("/")) for column in arguments.columns]
    fits = json.loads((arguments.run / "fit.json").read_text())
    head = ["method", *(" ".join(column) for column in columns), "seconds"]
    print(f"| {' | '.join(head)} |")
    print(f"| --- |{' ---: |' * (len(head) - 1)}")
    for method in dict.fromkeys(row.method for row in rows):
        seconds = np.mean([fit["seconds"] for fit in fits if fit["removal"] == method])
        cells = [cell(rows, method, column) for column in columns]
        print(f"| `{method}` | {' | '.join(cells)} | {seconds:.1f} |")
    print(f"\n{len({row.seed for row in rows})} seeds, {rows[0].encoder}, layers {rows[0].layers}")


if __name__ == "__main__":
    main()
