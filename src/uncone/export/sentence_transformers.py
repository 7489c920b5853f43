"""A folder for sentence-transformers, of its stock modules alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uncone.encoder import Encoder
from uncone.export.base import EncoderExporter
from uncone.removal import Removal


@dataclass(frozen=True)
class SentenceTransformersExporter(EncoderExporter):
    """Transformer, pooling, and the folded correction as a Dense module.

    Args:
        normalize: end in vectors of length 1.
    """

    normalize: bool = False

    def check(self, encoder: Encoder, removal: Removal) -> None:
        """See `EncoderExporter.check`."""
        raise NotImplementedError

    def write(self, encoder: Encoder, removal: Removal, folder: Path) -> str:
        """See `EncoderExporter.write`."""
        raise NotImplementedError
