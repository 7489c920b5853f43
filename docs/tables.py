"""Print the results of evaluation runs as a Markdown table: mean ± standard deviation over seeds, intervals, seconds.

    python docs/tables.py RUN [--columns liang_words/pooled/pearson liang_sts/all/pearson …]

RUN is the output folder of evaluate.py with `seeds`. A figure reads "mean ± deviation over seeds [± half the 95 %
bootstrap interval of one seed]", ×100; ▲ and ▼ mark a gain or loss against raw vectors that every seed finds
significant after Holm's correction.
"""

import argparse
import json
from pathlib import Path

import numpy as np

COLUMNS = (
    "liang_words/pooled/pearson",
    "liang_words/macro/spearman",
    "liang_sts/all/pearson",
    "liang_analogies/total/accuracy",
)
SIGNIFICANT = 0.05


def cell(rows: list[dict], removal: str, column: str) -> str:
    """One figure over all seeds."""
    task, subset, metric = column.split("/")
    found = [row for row in rows if (row["removal"], row["task"], row["subset"]) == (removal, task, subset)]
    values = [row for row in found if row["metric"] == metric]
    gains = [row for row in found if row["metric"] == f"{metric}_gain"]
    if not values:
        return "–"
    mean = 100 * np.mean([row["value"] for row in values])
    deviation = 100 * np.std([row["value"] for row in values], ddof=1) if len(values) > 1 else 0.0
    half = 50 * np.mean([row["ci_high"] - row["ci_low"] for row in values])
    sure = bool(gains) and all(row["p_holm"] is not None and row["p_holm"] < SIGNIFICANT for row in gains)
    signs = {np.sign(row["value"]) for row in gains}
    mark = {1: "▲ ", -1: "▼ "}[signs.pop()] if sure and len(signs) == 1 else ""
    return f"{mark}{mean:.1f} ±{deviation:.1f} [±{half:.1f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--columns", nargs="+", default=COLUMNS)
    arguments = parser.parse_args()
    rows = json.loads((arguments.run / "results.json").read_text())
    fits = json.loads((arguments.run / "fit.json").read_text())
    head = ["method", *(column.replace("/", " ") for column in arguments.columns), "seconds"]
    print(f"| {' | '.join(head)} |")
    print(f"| --- |{' ---: |' * (len(head) - 1)}")
    for removal in dict.fromkeys(row["removal"] for row in rows):
        seconds = np.mean([fit["seconds"] for fit in fits if fit["removal"] == removal])
        cells = [cell(rows, removal, column) for column in arguments.columns]
        print(f"| `{removal}` | {' | '.join(cells)} | {seconds:.1f} |")
    print(f"\n{len({row['seed'] for row in rows})} seeds, {rows[0]['encoder']}, layers {rows[0]['layers']}")


if __name__ == "__main__":
    main()
