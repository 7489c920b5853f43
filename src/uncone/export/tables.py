"""Corrected rows of static tables: word2vec files for gensim and others, and a bare array with its vocabulary."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from uncone.encoder import Encoder, StoredEncoder
from uncone.export.base import Exporter, markdown
from uncone.export.parts import affine, check_one_centre
from uncone.removal import ClusteredRemoval, Correction


class TableExporter(Exporter):
    """Corrects every row of a static table."""

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `Exporter.check`."""
        if not encoder.is_static:
            raise ValueError(
                f"{encoder.name} layers {encoder.layers} has no table of vectors, only texts give it some: set "
                "encoder.layers=static, or format=sentence_transformers"
            )
        if len(encoder.tail):
            raise ValueError(
                f"vectors of {encoder.name} are more than a mean of rows: use format=sentence_transformers"
            )
        if isinstance(encoder, StoredEncoder):
            raise ValueError(
                f"{encoder.name} are stored vectors, no table of words: set format=numpy, or format=vectors"
            )
        check_one_centre(removal, "a table of words")
        if isinstance(removal, ClusteredRemoval) and removal.level == "texts":
            raise ValueError("this removal corrects vectors of texts, not the rows of a table: fit one of level=tokens")

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `Exporter.write`."""
        return self._write(encoder.pieces, removal.apply(encoder.get_buffer("table").float().cpu()).numpy(), folder)

    @abstractmethod
    def _write(self, pieces: list[str], rows: np.ndarray, folder: Path) -> str:
        """Write corrected rows (V, d) and their names; returns how to use them."""


@dataclass(frozen=True)
class Word2VecExporter(TableExporter):
    """The format of word2vec, which gensim, spaCy, fastText and many others read.

    Pieces with white space in them, which the format ends at, are left out.
    """

    library: ClassVar[str] = "gensim"
    binary: bool = False  # half the size

    def _write(self, pieces: list[str], rows: np.ndarray, folder: Path) -> str:
        path = folder / ("word2vec.bin" if self.binary else "word2vec.txt")
        kept = [i for i, piece in enumerate(pieces) if piece and not any(letter.isspace() for letter in piece)]
        with path.open("wb") as file:
            file.write(f"{len(kept)} {rows.shape[1]}\n".encode())
            for i in kept:
                text = (np.format_float_positional(x, unique=True, trim="0") for x in rows[i])  # its fewest digits
                numbers = rows[i].tobytes() if self.binary else " ".join(text).encode()
                file.write(f"{pieces[i]} ".encode() + numbers + b"\n")
        missing = len(pieces) - len(kept)
        return markdown("word2vec", name=path.name, binary=self.binary, word=_middle(pieces), missing=missing)


@dataclass(frozen=True)
class NumpyExporter(TableExporter):
    """`vectors.npy` and `vocabulary.json`; of stored vectors, which may be many, the map: `W.npy` and `b.npy`."""

    library: ClassVar[str] = "numpy"

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `Exporter.check`."""
        if isinstance(encoder, StoredEncoder):
            affine(removal.of_documents(), "a matrix")
        else:
            super().check(encoder, removal)

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `Exporter.write`."""
        if not isinstance(encoder, StoredEncoder):
            return super().write(encoder, removal, folder)
        W, b = affine(removal.of_documents(), "a matrix").fold()
        parts = {"W": W, "b": b}
        if removal.query_centre is not None:
            parts["b_queries"] = affine(removal.of_queries(), "a matrix").fold()[1]
        for name, part in parts.items():
            np.save(folder / f"{name}.npy", part.numpy(), allow_pickle=False)
        return markdown(
            "matrix", dimension=removal.dimension, width=removal.output_dimension, queries="b_queries" in parts
        )

    def _write(self, pieces: list[str], rows: np.ndarray, folder: Path) -> str:
        np.save(folder / "vectors.npy", rows, allow_pickle=False)
        (folder / "vocabulary.json").write_text(json.dumps(pieces))
        return markdown("numpy", word=_middle(pieces))


def _middle(pieces: list[str]) -> str:
    """A word for an example: common enough to be there, rare enough to be one."""
    return pieces[len(pieces) // 2]
