"""export.py: an encoder and its removal, as files that work without uncone."""

from __future__ import annotations

from typing import Any

import hydra
from omegaconf import DictConfig
from rich.console import Console

from uncone.export.base import EncoderExporter, VectorExporter
from uncone.removal import Removal


def export(config: DictConfig) -> list[dict[str, Any]]:
    """Write the format that `config.format` names; returns the rows of results that were measured."""
    console = Console()
    exporter: EncoderExporter | VectorExporter = hydra.utils.instantiate(config.format)
    if isinstance(exporter, VectorExporter):
        return exporter.run(Removal.load(config.removal), config.overwrite, console)
    raise NotImplementedError
