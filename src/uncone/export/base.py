"""What a target format has to be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from rich.console import Console

from uncone.encoder import Encoder
from uncone.removal import Correction
from uncone.tasks.row import Row


class EncoderExporter(ABC):
    """Writes an encoder together with its removal. A YAML in conf/format names one, and its options.

    Attributes:
        library: what the files are for, as the Hugging Face hub calls it.
    """

    library: ClassVar[str]

    @abstractmethod
    def check(self, encoder: Encoder, removal: Correction) -> None:
        """Raise a ValueError, before anything is measured or written, if the format cannot express this."""

    @abstractmethod
    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """Write the files into an existing folder, and check that they give the vectors of the encoder.

        Returns:
            How to use them: Markdown for the model card.

        Raises:
            ValueError: if they do not.
        """


class VectorExporter(ABC):
    """Applies a removal to vectors that are already stored; no encoder is loaded."""

    @abstractmethod
    def run(self, removal: Correction, overwrite: bool, console: Console) -> list[Row]:
        """Correct the vectors; returns rows of results, if there are any.

        Args:
            removal: what to apply.
            overwrite: whether an existing output may be replaced.
            console: where to say what was done.
        """
