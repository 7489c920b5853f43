"""Writing files and folders so that nobody ever sees half of one; and reading what may be anything."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# the configuration: in the package as it is installed, or beside src/ in the repository
CONF = next(each for up in (1, 3) if (each := Path(__file__).parents[up] / "conf").is_dir())

MOST_REASON = 300  # characters of what a library says
RENAME_EXCHANGE, AT_FDCWD = 2, -100  # of the system's headers
_RUST = re.compile(r"os error (\d+)")  # in what libraries written in it raise, safetensors among them
_ASIDE = re.compile(r"\.[0-9a-f]{32}\.")


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path to write a file or folder to, which takes the place of `target` when all went well, and vanishes when not.

    An earlier `target` is there until then: at no moment there is none. Errors are those of `writing`.
    """
    with writing(target), aside(target.parent, target.name) as place:
        yield place / target.name
        _put(place / target.name, target)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Inside, a file or folder is written; where the system does not let it, a ValueError says so in one line."""
    try:
        yield
    except OSError as error:
        elsewhere = error.filename and target.name not in str(error.filename)
        raise ValueError(f"{target} cannot be written: {error if elsewhere else error.strerror or error}") from error
    except Exception as error:
        if (code := _RUST.search(str(error))) is None:
            raise
        raise ValueError(f"{target} cannot be written: {os.strerror(int(code[1]))}") from error


@contextmanager
def aside(folder: Path, name: str) -> Iterator[Path]:
    """A hidden folder in a folder, which is made; it goes with the context, or after a kill when the next one is made.

    It is locked as long as this process lives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder.glob(".*"))
    place = folder / f".{uuid.uuid4().hex}.{name}"
    place.mkdir()
    held = os.open(place, os.O_RDONLY)
    try:
        _lock(held)
        yield place
    finally:
        remove(place)
        os.close(held)


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[None]:
    """Inside, a file that may hold anything is read as `what`; whatever is raised becomes a ValueError of one line.

    Libraries raise what they like on files that are damaged, foreign or not to be had. A ValueError that names the file
    stays as it is. A pipe or a device is not waited for.
    """
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise ValueError(f"{path} is no plain file")
    try:
        yield
    except Exception as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        reason = " ".join(str(error).split())[:MOST_REASON] or type(error).__name__
        raise ValueError(f"{path} cannot be read as {what}: {reason}") from error


def digest_of(path: str | Path) -> str:
    """Hex digits of the SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove those of the paths that processes were writing when they were killed."""
    for path in [path for path in paths if _ASIDE.match(path.name)]:
        try:
            held = os.open(path, os.O_RDONLY)
        except OSError:  # gone meanwhile
            continue
        if _lock(held):
            with suppress(OSError):  # it may be another user's
                remove(path)
        os.close(held)


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
    aside.lstat()  # an error where nothing was written
    if not target.is_dir():
        os.replace(aside, target)
    elif not _exchanged(aside, target):  # two steps: whoever is killed between them finds the earlier one beside
        old = target.with_name(f"{target.name}.old-{uuid.uuid4().hex[:8]}")
        os.replace(target, old)
        os.replace(aside, target)
        remove(old)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change names in one step; False where the file system cannot, as many on a network."""
    library = ctypes.CDLL(None)  # as Python has no name for these calls
    if sys.platform == "darwin":
        return not library.renamex_np(os.fsencode(one), os.fsencode(other), RENAME_EXCHANGE)
    return not library.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)


def _lock(file: int) -> bool:
    """Lock an open file until it is closed or this process ends; whether that could be done."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
