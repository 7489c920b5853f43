"""Names and texts of users are shown as they are, whatever brackets they have."""

import io
import re
import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from uncone.report.tables import print_results
from uncone.support import terminal
from uncone.support.terminal import headed, make_console, seconds_by_kind, step, told_seconds, track
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
    assert console.file.getvalue().count(text) == 8


def test_there_is_one_place_that_makes_consoles_and_bars():
    making = re.compile(r"\bConsole\((?!quiet)|\bProgress\(|rich\.(progress|markup|get_console|print)")
    found = {path.name for path in SOURCES.rglob("*.py") if making.search(path.read_text())}
    assert found == {"terminal.py"}


@pytest.fixture
def ticking(monkeypatch):
    """Seconds that pass when they are asked to."""
    now = [0.0]
    monkeypatch.setattr(terminal.time, "perf_counter", lambda: now[0])
    terminal.seconds_by_kind()

    def tick(seconds: float) -> None:
        now[0] += seconds

    yield tick
    monkeypatch.undo()
    terminal.seconds_by_kind()


def fail(ticking):
    ticking(4)
    raise InterruptedError


def test_seconds_count_once_for_the_innermost_step(ticking):
    """A step without a kind has that of the step around it; a step in which it fails counts too."""
    ticking(1)
    with step("Tasks", "evaluate"):
        ticking(2)
        for _ in track([1, 2], "encoding", "encode"):
            ticking(10)
        with pytest.raises(InterruptedError), step("resamples"):
            fail(ticking)
    assert seconds_by_kind() == {"evaluate": 6, "encode": 20, "other": 1}
    assert seconds_by_kind() == {"other": 0}
    assert told_seconds({"encode": 0.2}) == "0 s"


def test_steps_are_shown_on_a_terminal_once_they_last(monkeypatch):
    """With those around them, and what is said below; nothing of them stays."""
    shown = io.StringIO()
    monkeypatch.setattr(terminal, "SHOWN_AFTER", 0.01)
    monkeypatch.setattr(terminal, "Console", lambda **options: Console(file=shown, force_terminal=True, width=80))
    make_console()
    with step("Words [of] the pairs"):
        for i in track(range(3), "encoding with minilm"):
            time.sleep(0.15)
            print(f"line {i}")
    monkeypatch.undo()
    make_console()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    assert re.search(r"Words \[of\] the pairs +━+ 0 s", text)
    assert re.search(r"  encoding with minilm [━╺╸]+ 2/3 \d s, \d s left", text)


def test_what_did_not_come_to_an_end_ends_with_the_step_around_it():
    with step("Tasks"):
        unfinished = track(range(3), "encoding")
        next(unfinished)
    assert terminal._steps == []
    assert list(unfinished) == [1, 2]


def test_elsewhere_a_command_tells_of_long_steps_in_a_line(capsys, monkeypatch):
    monkeypatch.setattr(terminal, "TOLD_AFTER", 0.03)
    make_console()
    for seconds in (0.0, 0.2):
        with step(f"Words, {seconds}"), step("encoding"):
            time.sleep(seconds)
    monkeypatch.setattr(terminal, "_is_command", False)  # as where others call
    with step("Sentences"):
        time.sleep(0.1)
    assert capsys.readouterr().out == "Words, 0.2 …\n"
