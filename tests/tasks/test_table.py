import io
from dataclasses import replace

import pytest
from rich.console import Console

from uncone.tasks import Row, markdown_table
from uncone.tasks.row import Headline
from uncone.tasks.table import headlines, rich_table

BASE = {"encoder": "bert", "layers": "12", "pooling": "mean", "n": 100, "seed": 0}


def row(removal, task, subset, metric, value, gain=None, p_holm=None, p_best=None):
    figure = {"task": task, "subset": subset, "metric": metric, "value": value}
    how_sure = {"low": value - 0.02, "high": value + 0.03, "gain": gain, "p_holm": p_holm, "p_best": p_best}
    return Row(**BASE, removal=removal, **figure, **how_sure)


ROWS = [
    row("none", "sts12", "all", "spearman", 0.5, p_best=0.004),
    row("none", "sts12", "all", "pearson", 0.6),
    row("none", "words", "ws353", "spearman", 0.4),
    row("none", "words", "macro", "spearman", 0.45, p_best=0.7),
    row("none", "google", "total", "accuracy", 0.7),
    row("none", "google", "total", "coverage", 0.9),
    row("top", "sts12", "all", "spearman", 0.55, 0.05, 0.002, p_best=1.0),
    row("top", "words", "macro", "spearman", 0.451, 0.001, 0.7, p_best=1.0),
    row("top", "google", "total", "accuracy", 0.6, -0.1, 0.01, p_best=0.05),
    row("whitening", "sts12", "all", "spearman", 0.5, p_best=0.06),
]


def shown(*arguments, width=80, **options):
    console = Console(width=width, file=io.StringIO())
    console.print(rich_table(*arguments, **options))
    return console.file.getvalue()


def test_headlines():
    assert headlines(ROWS) == [
        Headline("sts12", "all", "spearman"),
        Headline("words", "macro", "spearman"),
        Headline("google", "total", "accuracy"),
    ]


def test_tasks_of_one_use_stand_side_by_side():
    uses = {"sts12": "sentences", "words": "words", "google": "words"}
    rows = [replace(line, use=uses[line.task]) for line in ROWS]
    assert [column.task for column in headlines(rows)] == ["words", "google", "sts12"]
    heads = markdown_table(rows).splitlines()[0].split(" | ")[1:]
    assert heads == ["words: words macro spearman", "words: google total accuracy", "sentences: sts12 all spearman |"]
    assert "┃      words: ┃       words: ┃  sentences: ┃" in shown(rows)


def test_markdown():
    assert markdown_table(ROWS).splitlines() == [
        "| method | sts12 all spearman | words macro spearman | google total accuracy |",
        "| --- | ---: | ---: | ---: |",
        "| none | 50.0 ±2.5 | ° 45.0 ±2.5 | **70.0 ±2.5** |",
        "| top | **▲ 55.0 ±2.5** | **≈ 45.1 ±2.5** | ▼° 60.0 ±2.5 |",
        "| whitening | ° 50.0 ±2.5 | – | – |",
        "",
        "×100, ± half the 95 % interval. Against the reference: ▲ better, ▼ worse, ≈ no clear difference. Bold: best "
        "of its column; ° not clearly worse than the best. Clear: p < 0.05, corrected after Holm within each column, "
        "here of 1: a difference may be clear among few comparisons and not among many.",
    ]


def test_terminal_table_fits_and_breaks_into_several():
    text = shown(ROWS)
    assert max(map(len, text.splitlines())) <= 80
    assert "│ none      │   50.0 ±2.5 │ ° 45.0 ±2.5 │    70.0 ±2.5 │" in text
    assert "│ top       │ ▲ 55.0 ±2.5 │ ≈ 45.1 ±2.5 │ ▼° 60.0 ±2.5 │" in text
    many = [replace(line, task=f"task{i}") for i in range(6) for line in ROWS[:1]]
    text = shown(many, columns_per_table=4)
    assert text.count("method") == 2
    assert all(f"task{i}" in text for i in range(6))
    assert max(map(len, text.splitlines())) <= 80


def test_chosen_columns():
    table = markdown_table(ROWS, [Headline("words", "ws353", "spearman"), Headline("sts12", "all", "pearson")])
    assert "| none | **40.0 ±2.5** | **60.0 ±2.5** |" in table
    coverage = [replace(line, low=None, high=None) for line in ROWS if line.metric == "coverage"]
    assert "| none | **90.0** |" in markdown_table(coverage, [Headline("google", "total", "coverage")])


def test_methods_are_told_apart_by_what_differs():
    others = [replace(line, layers="1", seed=7) for line in ROWS[:1]]
    names = [line.split(" | ")[0].strip("| ") for line in markdown_table([*ROWS[:1], *others]).splitlines()[2:4]]
    assert names == ["12 none 0", "1 none 7"]


def test_the_best_is_bold_in_the_terminal():
    console = Console(width=80, file=io.StringIO(), force_terminal=True)
    console.print(rich_table(ROWS))
    text = console.file.getvalue()
    assert "\x1b[1m▲ 55.0 ±2.5\x1b[0m" in text
    assert "\x1b[1m▼" not in text


def test_of_distances_the_lowest_is_best():
    rows = [
        row("none", "sts", "all", "alignment", 0.3, p_best=0.01),
        row("near", "sts", "all", "alignment", 0.2, -0.1, 0.01, p_best=1.0),
        row("far", "sts", "all", "alignment", 0.4, 0.1, 0.01, p_best=0.01),
    ]
    lines = markdown_table(rows).splitlines()[2:5]
    assert lines == ["| none | 30.0 ±2.5 |", "| near | **▲ 20.0 ±2.5** |", "| far | ▼ 40.0 ±2.5 |"]


def test_rows_of_several_evaluations_are_not_said_to_equal_the_best_of_all():
    others = [replace(line, layers="1", value=line.value - 0.3 * (line.value > 0.3)) for line in ROWS]
    assert "°" in markdown_table(ROWS)
    assert "| 1 top | ▲ 25.0 ±2.5 |" in markdown_table([*ROWS, *others], [Headline("sts12", "all", "spearman")])
    assert "°" not in markdown_table([*ROWS, *others]).splitlines()[-3]


def test_rows_without_tests_get_no_marks():
    old = [replace(line, p_holm=None, p_best=None) for line in ROWS]
    assert "| top | **55.0 ±2.5** | **45.1 ±2.5** | 60.0 ±2.5 |" in markdown_table(old)


def test_errors():
    only_coverage = [row("none", "google", "total", "coverage", 0.0)]
    for rows in ([], only_coverage):
        with pytest.raises(ValueError, match="no figure to show"):
            markdown_table(rows)
    with pytest.raises(
        ValueError, match="no result row has sts12/all/kendall; there are, for instance, sts12/all/spearman"
    ):
        shown(ROWS, [Headline("sts12", "all", "kendall")])
