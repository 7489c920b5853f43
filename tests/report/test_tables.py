"""What a command prints last."""

import io
import re

import pytest
from rich.console import Console

from uncone.report.tables import print_results
from uncone.tasks import Row
from uncone.tasks.scoring import NotRun


def rows(tasks, removals):
    figure = {"subset": "all", "metric": "spearman", "value": 0.246, "low": 0.2, "high": 0.3}
    return [
        Row(removal=removal, task=task, **figure, p_best=0.2 if i else 1.0)
        for i, removal in enumerate(removals)
        for task in tasks
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_figure_is_cut_off(width):
    tasks = ["sts12", "sts13", "word_similarity", "sts15", "stsb", "lee"]
    console = Console(width=width, file=io.StringIO())
    print_results(console, rows(tasks, ["none", "all_but_the_top"]), [NotRun("sts16", "no file", None, "all")])
    text = console.file.getvalue()
    assert "…" not in text
    assert len(re.findall(r"24\.6 ±5\.0", text)) == 2 * len(tasks)
    assert "not run: sts16 all: no file" in text
