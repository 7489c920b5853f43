"""Names and texts of users are shown as they are, whatever brackets they have."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from uncone.report.tables import print_results
from uncone.support.terminal import headed, make_bars, make_console
from uncone.tasks.scoring import NotRun

SOURCES = Path(__file__).parents[2] / "src" / "uncone"
TEXTS = ["x[v2]y", "x[/b]y", "pip install 'uncone[mteb]'", "[bold]", "[link=http://x]", r"a\[b]"]


@pytest.fixture
def console() -> Console:
    made = make_console()
    made.file, made.width = io.StringIO(), 120
    return made


@pytest.mark.parametrize("text", TEXTS)
def test_brackets_are_shown(console, text):
    table = Table(text, title=text)
    table.add_row(text)
    console.print(text)
    console.print(headed(text, text))
    console.print(table)
    print_results(console, [], [NotRun(text, text, None, "all")])
    with make_bars(console) as bars:
        bars.add_task(text, total=1)
    assert console.file.getvalue().count(text) == 9


def test_there_is_one_place_that_makes_consoles_and_bars():
    making = re.compile(r"\bConsole\((?!quiet)|\bProgress\(|rich\.(progress|markup|get_console|print)")
    found = {path.name for path in SOURCES.rglob("*.py") if making.search(path.read_text())}
    assert found == {"terminal.py"}
