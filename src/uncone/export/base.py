"""What a format can do, and the folder that it fills: written aside, looked through, put in place whole.

In the Markdown that stands in it, FOLDER is the name of the folder.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from uncone.encoder import Encoder
from uncone.removal import Correction
from uncone.support.files import whole

MARK = "uncone.json"  # stands in every export; what lacks it is never replaced
DATA_ENDINGS = {".json", ".md", ".txt", ".safetensors", ".onnx", ".npy", ".model", ".jinja", ".vec"}
DATA_NAMES = {"word2vec.bin"}  # numbers as word2vec writes them

_LOADER = PackageLoader("uncone.export")
_TEMPLATES = Environment(loader=_LOADER, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
# a name as Markdown shows it letter by letter, on one line
_TEMPLATES.filters["plain"] = lambda text: re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", " ".join(text.split()))


class Exporter(ABC):
    """Writes an encoder together with its removal. A YAML in conf/format names one, and its options."""

    library: ClassVar[str]  # what the files are for, as the Hugging Face hub calls it

    @abstractmethod
    def check(self, encoder: Encoder, removal: Correction) -> None:
        """Raise a ValueError, before anything is measured or written, if the format cannot express this."""

    @abstractmethod
    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """Write the files into an existing folder; returns how to use them, as Markdown for the model card.

        Raises:
            ValueError: if they do not give the vectors of the encoder.
        """


def markdown(template: str, **values: Any) -> str:
    """The template of that name, with values put in."""
    return _TEMPLATES.get_template(f"{template}.md").render(values)


def check_target(folder: Path, overwrite: bool) -> None:
    """Raise a ValueError, before any work is done, if an export may not be put there."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ValueError(f"{folder} is no folder: name another with output_dir=")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise ValueError(f"{folder} is not empty: name another with output_dir=, or replace it with overwrite=true")
    if not (folder / MARK).is_file():
        raise ValueError(f"{folder} has no {MARK}, so it is no export: overwrite=true does not replace it")


@contextmanager
def whole_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to write into, which becomes `target` when all went well and disappears when not.

    Raises:
        ValueError: if `target` may not be replaced, or something was written that an export may not hold.
    """
    check_target(target, overwrite)
    with whole(target) as aside:
        aside.mkdir()
        yield aside
        check_contents(aside)
        check_target(target, overwrite)  # once more: exporting takes a while


def check_contents(folder: Path) -> None:
    """Raise a ValueError if a folder holds anything but data: code, pickles, links."""
    for path in sorted(folder.rglob("*")):
        is_data = path.is_dir() or path.suffix in DATA_ENDINGS or path.name in DATA_NAMES
        if path.is_symlink() or not is_data:
            raise ValueError(
                f"the export would hold {path.relative_to(folder)}, which may be code: it cannot be exported"
            )
