"""What a target format has to be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from rich.console import Console

from uncone.encoder import Encoder
from uncone.removal import Removal


class EncoderExporter(ABC):
    """Writes an encoder together with its removal. A YAML in conf/format names one, and its options."""

    @abstractmethod
    def check(self, encoder: Encoder, removal: Removal) -> None:
        """Raise a ValueError, before anything is measured or written, if the format cannot express this encoder."""

    @abstractmethod
    def write(self, encoder: Encoder, removal: Removal, folder: Path) -> str:
        """Write the files into an existing folder.

        Returns:
            How to load them: Markdown for the model card.
        """


class VectorExporter(ABC):
    """Applies a removal to vectors that are already stored; no encoder is loaded."""

    @abstractmethod
    def run(self, removal: Removal, overwrite: bool, console: Console) -> list[dict[str, Any]]:
        """Correct the vectors; returns rows of results, if there are any.

        Args:
            removal: what to apply.
            overwrite: whether an existing output may be replaced.
            console: where to say what was done.
        """
