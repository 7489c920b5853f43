"""What people see in a terminal: what is being done, with a bar that moves, and text as it is.

Whatever may take more than a second is a `step`. Steps of steps stand below them, so that a model that is started
again says what for. A step that is over leaves nothing but its seconds, which a command tells at its end by kind.
Where there is no terminal, a command tells of long ones in a line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

SHOWN_AFTER, TOLD_AFTER = 0.5, 5.0  # seconds; what is over sooner would only flicker, and be too many lines of a log
OTHER = "other"  # kind of what is no step
T = TypeVar("T")


class Step:
    """What takes a while.

    Args:
        what: in a few words.
        kind: under which its seconds are told, less those of steps inside it; None for that of the step around it.
        total: parts that it has, if that is known.
    """

    def __init__(self, what: str, kind: str | None, total: int | None):
        self.what = what
        self.kind: str = kind or (_steps[-1].kind if _steps else OTHER)
        self.task = _bars.add_task("  " * len(_steps) + what, total=total)
        self.indent = "  " * len(_steps)

    def advance(self, count: int = 1) -> None:
        """Some parts are done."""
        if self in _steps:
            _bars.advance(self.task, count)

    def say(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Another part has begun; what is None stays as it is."""
        if self in _steps:
            _bars.update(self.task, description=self.indent + what, completed=done, total=total)


class _Counted(ProgressColumn):
    """Parts done and seconds gone, and the seconds left as far as that can be told."""

    def render(self, task: Task) -> Text:
        parts = [f"{int(task.completed):,}/{int(task.total):,}"] if task.total else []
        left = f", {task.time_remaining:.0f} s left" if task.total and task.time_remaining is not None else ""
        return Text(" ".join([*parts, f"{task.elapsed or 0:.0f} s{left}"]), style="progress.remaining")


class _Bars(Progress):
    """Bars of the steps that have lasted long enough to be read."""

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        return super().make_tasks_table([task for task in tasks if (task.elapsed or 0) >= SHOWN_AFTER / 2])


def loading(what: str) -> None:
    """Begin a step that lasts until a command makes its console."""
    _loading.enter_context(step(what, "load"))


def make_console() -> Console:
    """The terminal, for one command, whose steps it shows from now on."""
    global _bars, _is_command
    _loading.close()
    _is_command = True
    if not _steps:
        console = Console(markup=False)
        text = TextColumn("{task.description}", style="progress.description", markup=False)
        shown = console.is_terminal or console.is_jupyter
        _bars = _Bars(text, BarColumn(24), _Counted(), console=console, transient=True, disable=not shown)
    return _bars.console


def stand_back() -> None:
    """Show no steps any more: another process, which does the work, has the terminal."""
    _loading.close()
    _bars.stop()
    _bars.disable = True


_bars: _Bars
_loading = ExitStack()
_steps: list[Step] = []  # those that are going on, the innermost last
_seconds: dict[str, float] = {}  # of finished ones, by kind
_since = _began = time.perf_counter()  # when the present step, or what is between steps, went on
_lock = threading.RLock()
make_console()
_is_command = False


@contextmanager
def step(what: str, kind: str | None = None, total: int | None = None, disable: bool = False) -> Iterator[Step]:
    """Do something that takes a while; see `Step`. Also decorates functions."""
    _clock()
    present = Step(what, kind, total)
    if disable:
        _bars.update(present.task, visible=False)
    _steps.append(present)
    timer = threading.Timer(TOLD_AFTER if _bars.disable else SHOWN_AFTER, _show)
    timer.daemon = True
    if len(_steps) == 1 and not disable:
        timer.start()
    try:
        yield present
    finally:
        timer.cancel()
        _clock()
        with _lock:
            while present in _steps:  # with what has begun inside it and did not come to an end
                _bars.remove_task(_steps.pop().task)
            if not _steps:
                _bars.stop()


def track(
    items: Iterable[T],
    what: str,
    kind: str | None = None,
    total: int | None = None,
    disable: bool = False,
    size: Callable[[T], int] = lambda item: 1,
) -> Iterator[T]:
    """The items, as a step that tells how many have been taken, or what their sizes make up of `total`."""
    total = len(items) if total is None and isinstance(items, Sized) else total
    with step(what, kind, total, disable) as present:
        for item in items:
            yield item
            present.advance(size(item))


def seconds_by_kind() -> dict[str, float]:
    """Seconds of the steps since this was asked last, or since the start, by kind, and of what was no step."""
    global _began
    _clock()
    found = {kind: spent for kind, spent in _seconds.items() if kind != OTHER}
    found[OTHER] = time.perf_counter() - _began - sum(found.values())
    _seconds.clear()
    _began = time.perf_counter()
    return {kind: round(spent, 2) for kind, spent in found.items()}


def told_seconds(seconds: dict[str, float]) -> str:
    """How long a command took, and what for.

    Example:
        >>> told_seconds({"encode": 11.8, "learn": 8.2, "other": 0.3})
        '20 s: encode 12 s · learn 8 s'
    """
    parts = [f"{kind} {spent:.0f} s" for kind, spent in seconds.items() if spent >= 0.5]
    return ": ".join(filter(None, [f"{sum(seconds.values()):.0f} s", " · ".join(parts)]))


def headed(head: str, text: str) -> Text:
    """A line that begins with some words in bold."""
    return Text.assemble((head, "bold"), f" {text}")


def _show() -> None:
    """Show the bars, or tell what is being done where there is no terminal, if it is still going on."""
    with _lock:
        if _steps and not _bars.disable:
            _bars.start()
        elif _steps and _is_command:
            _bars.console.print(f"{_steps[0].what} …")


def _clock() -> None:
    """Count the time since the last change under the kind of the innermost step."""
    global _since
    now = time.perf_counter()
    kind = _steps[-1].kind if _steps else OTHER
    _seconds[kind] = _seconds.get(kind, 0.0) + now - _since
    _since = now
