"""What a command prints last."""

import io
import re

import pytest
from rich.console import Console

from uncone.report.tables import fits_tables, print_results
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


def test_fits_stand_side_by_side_a_table_for_each_corpus():
    """A cell is the mean over tasks and seeds; a method without such a fit has a dash."""
    fits = (("texts", "mine", "sif", 0.6), ("texts", "mine", "mean", 0.5), ("vocabulary", None, "mean", 0.4))
    rows = [Row(removal="none", pooling="mean", task="a", subset="all", metric="spearman", value=0.3)]
    for level, corpus, pooling, value in fits:
        candidate = {"level": level, "corpus": corpus} if corpus else {"level": level}
        for task, more in (("a", 0.0), ("b", 0.1)):
            figure = {"task": task, "subset": "all", "metric": "spearman", "value": value + more, "pooling": pooling}
            rows.append(Row(removal="centre", candidate=candidate, **figure))
    assert [str(table.title) for table in fits_tables(rows)] == ["fitted on no text", "fitted on mine"]
    out = io.StringIO()
    print_results(Console(file=out, width=100), rows, [])
    lines = [[cell.strip() for cell in line.strip("│ \n").split("│")] for line in out.getvalue().splitlines()]
    assert ["none", "30.0", "–"] in lines
    assert ["centre", "–", "45.0"] in lines
    assert ["centre", "65.0", "55.0"] in lines
    assert fits_tables(rows[:1]) == []


def test_a_mean_over_tasks_keeps_to_one_use_and_tells_of_harm():
    fit = {"removal": "centre", "candidate": {"level": "texts"}, "subset": "all", "metric": "spearman"}
    told = [("words", "a", 0.9, 0.4), ("words", "b", 0.1, -0.1), ("sentences", "c", 0.3, 0.1)]
    rows = [Row(**fit, use=use, task=task, value=value, gain=gain, p_holm=0.01) for use, task, value, gain in told]
    assert [str(table.title) for table in fits_tables(rows)] == [
        "words: fitted on no text",
        "sentences: fitted on no text",
    ]
    assert [list(table.columns[1].cells) for table in fits_tables(rows)] == [["▼ 50.0"], ["30.0"]]
