"""Writing files and folders so that nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# the configuration: in the package as it is installed, or beside src/ in the repository
CONF = next(each for up in (1, 3) if (each := Path(__file__).parents[up] / "conf").is_dir())


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path beside `target` to write a file or folder to, making the folders above it.

    What was written takes the place of `target` when all went well, and vanishes when not; an earlier `target` is kept
    until then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{uuid.uuid4().hex}.{target.name}")
    try:
        yield aside
        _put(aside, target)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        aside.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


def _put(aside: Path, target: Path) -> None:
    if not target.is_dir():
        os.replace(aside, target)
        return
    old = target.with_name(f".{uuid.uuid4().hex}.{target.name}")  # a folder cannot be renamed onto another
    os.replace(target, old)
    try:
        os.replace(aside, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old)
