"""Writing files and folders so that nobody ever sees half of one; and reading what may be anything."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# the configuration: in the package as it is installed, or beside src/ in the repository
CONF = next(each for up in (1, 3) if (each := Path(__file__).parents[up] / "conf").is_dir())

MOST_REASON = 300  # characters of what a library says
_ASIDE = re.compile(r"\.[0-9a-f]{32}\.")


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
        remove(aside)


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[None]:
    """Inside, a file that may hold anything is read as `what`; whatever is raised becomes a ValueError of one line.

    Libraries raise what they like on files that are damaged, foreign or not to be had. A ValueError that names the file
    stays as it is.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        reason = " ".join(str(error).split())[:MOST_REASON] or type(error).__name__
        raise ValueError(f"{path} cannot be read as {what}: {reason}") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what `whole` was writing anywhere below a folder when its process was killed.

    Nobody else may be writing there.
    """
    for path in [path for path in folder.rglob(".*") if _ASIDE.match(path.name)]:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


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
