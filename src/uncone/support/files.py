"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    aside.write_text(text)
    os.replace(aside, path)


def put(aside: Path, target: Path) -> None:
    """Let a file or folder that was written aside take the place of `target`, which is kept if that fails."""
    if not target.is_dir():
        os.replace(aside, target)
        return
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex}")  # a folder cannot be renamed onto another
    os.replace(target, old)
    try:
        os.replace(aside, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old)
