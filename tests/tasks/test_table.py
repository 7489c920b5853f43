import io

import pytest
from rich.console import Console

from uncone.tasks import Headline, headlines, markdown_table, rich_table

BASE = {"encoder": "bert", "layers": "12", "pooling": "mean", "n": 100, "seed": 0}


def row(removal, task, subset, metric, value, p_value=None):
    ends = {"ci_low": value - 0.02, "ci_high": value + 0.03}
    return {
        **BASE,
        "removal": removal,
        "task": task,
        "subset": subset,
        "metric": metric,
        "value": value,
        **ends,
        "p_value": p_value,
    }


ROWS = [
    row("none", "sts12", "all", "spearman", 0.5),
    row("none", "sts12", "all", "pearson", 0.6),
    row("none", "words", "ws353", "spearman", 0.4),
    row("none", "words", "macro", "spearman", 0.45),
    row("none", "google", "total", "accuracy", 0.7),
    row("none", "google", "total", "coverage", 0.9),
    row("top", "sts12", "all", "spearman", 0.55),
    row("top", "sts12", "all", "spearman_gain", 0.05, 0.002),
    row("top", "words", "macro", "spearman", 0.451),
    row("top", "words", "macro", "spearman_gain", 0.001, 0.7),
    row("top", "google", "total", "accuracy", 0.6),
    row("top", "google", "total", "accuracy_gain", -0.1, 0.01),
    row("whitening", "sts12", "all", "spearman", 0.5),
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


def test_markdown():
    assert markdown_table(ROWS).splitlines() == [
        "| method | sts12 all spearman | words macro spearman | google total accuracy |",
        "| --- | ---: | ---: | ---: |",
        "| none | 50.0 ±2.5 | 45.0 ±2.5 | 70.0 ±2.5 |",
        "| top | ▲ 55.0 ±2.5 | ≈ 45.1 ±2.5 | ▼ 60.0 ±2.5 |",
        "| whitening | 50.0 ±2.5 | – | – |",
        "",
        "×100, ± half the 95 % interval; against the reference: ▲ better, ▼ worse (p < 0.05), ≈ no clear difference",
    ]


def test_terminal_table_fits_and_breaks_into_several():
    text = shown(ROWS)
    assert max(map(len, text.splitlines())) <= 80
    assert "│ top       │ ▲ 55.0 ±2.5 │ ≈ 45.1 ±2.5 │ ▼ 60.0 ±2.5 │" in text
    many = [{**line, "task": f"task{i}"} for i in range(6) for line in ROWS[:1]]
    text = shown(many, columns_per_table=4)
    assert text.count("method") == 2
    assert all(f"task{i}" in text for i in range(6))
    assert max(map(len, text.splitlines())) <= 80


def test_chosen_columns():
    table = markdown_table(ROWS, [Headline("words", "ws353", "spearman"), Headline("sts12", "all", "pearson")])
    assert "| none | 40.0 ±2.5 | 60.0 ±2.5 |" in table
    coverage = [{**line, "ci_low": None, "ci_high": None} for line in ROWS if line["metric"] == "coverage"]
    assert "| none | 90.0 |" in markdown_table(coverage, [Headline("google", "total", "coverage")])


def test_methods_are_told_apart_by_what_differs():
    others = [{**line, "layers": "1", "seed": 7} for line in ROWS[:1]]
    names = [line.split(" | ")[0].strip("| ") for line in markdown_table([*ROWS[:1], *others]).splitlines()[2:4]]
    assert names == ["12 none 0", "1 none 7"]


def test_errors():
    only_coverage = [row("none", "google", "total", "coverage", 0.0)]
    for rows in ([], only_coverage):
        with pytest.raises(ValueError, match="no figure to show"):
            markdown_table(rows)
    with pytest.raises(
        ValueError, match="no result row has sts12/all/kendall; there are, for instance, sts12/all/spearman"
    ):
        shown(ROWS, [Headline("sts12", "all", "kendall")])
