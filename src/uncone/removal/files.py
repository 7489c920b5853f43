"""Removals on disk: a few kilobytes of safetensors, and JSON that says what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from uncone.support.files import whole, write

FORMAT = "uncone removal"
FORMAT_VERSION = 1
TENSORS, DESCRIPTION = "removal.safetensors", "removal.json"


def write_removal(folder: str | Path, kind: str, description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
    """Write a removal into a folder, replacing one that is there; each file appears whole or not at all."""
    folder = Path(folder)
    with whole(folder / TENSORS) as aside:
        save_file(dict(tensors), aside)
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": kind}
    write(folder / DESCRIPTION, json.dumps({**head, **description}, indent=1))
    return folder


def read_removal(folder: str | Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    """Kind, description and tensors of the removal in a folder, or in the folder `removal` of a training run."""
    folder = Path(folder)
    if not (folder / DESCRIPTION).is_file() and (folder / "removal" / DESCRIPTION).is_file():
        folder = folder / "removal"
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        tensors = load_file(folder / TENSORS)
    except FileNotFoundError as error:
        raise ValueError(f"no removal in {folder.resolve()}: {DESCRIPTION} and {TENSORS} are expected there") from error
    except (json.JSONDecodeError, SafetensorError) as error:
        raise ValueError(f"the removal in {folder.resolve()} is damaged: {error}") from error
    if not isinstance(description, dict) or description.pop("format", None) != FORMAT:
        raise ValueError(f"{folder / DESCRIPTION} does not describe a removal of uncone")
    version = description.pop("format_version")
    if version > FORMAT_VERSION:
        raise ValueError(f"{folder} is in format {version}, this uncone reads up to {FORMAT_VERSION}: upgrade uncone")
    return description.pop("kind"), description, tensors
