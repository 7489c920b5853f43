"""What people see in a terminal: text as it is, for brackets in names are no markup."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

T = TypeVar("T")
PATIENCE = 1.0  # seconds; what is over by then needs no bar


def make_console() -> Console:
    """The terminal, for one command."""
    return Console(markup=False)


def make_bars(console: Console | None = None, transient: bool = False, disable: bool = False) -> Progress:
    """Progress bars, of which the transient ones vanish when they are done."""
    description = TextColumn("{task.description}", style="progress.description", markup=False)
    columns = (description, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console or make_console(), transient=transient, disable=disable)


def track(
    items: Iterable[T], description: str, total: int | None = None, transient: bool = False, disable: bool = False
) -> Iterator[T]:
    """The items, with a bar that tells how many have been taken; `total` for those that have no length."""
    with make_bars(transient=transient, disable=disable) as bars:
        yield from bars.track(items, total=total, description=description)


def counted(
    items: Iterable[T], description: str, total: int, size: Callable[[T], int], disable: bool = False
) -> Iterator[T]:
    """The items, with a bar that tells how much of `total` their sizes make up, once they take more than a second."""
    bars, begun, shown = make_bars(), time.monotonic(), False
    task = bars.add_task(description, total=total)
    try:
        for item in items:
            yield item
            bars.advance(task, size(item))
            if not (shown or disable) and time.monotonic() - begun > PATIENCE:
                bars.start()
                shown = True
    finally:
        if shown:
            bars.stop()


def headed(head: str, text: str) -> Text:
    """A line that begins with some words in bold."""
    return Text.assemble((head, "bold"), f" {text}")
