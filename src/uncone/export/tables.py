"""Corrected rows of static tables: word2vec files for gensim and others, and a bare array with its vocabulary."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from uncone.encoder import Encoder
from uncone.export.base import EncoderExporter
from uncone.removal import ClusteredRemoval, Correction

WORD2VEC_USAGE = """\
```python
from gensim.models import KeyedVectors

vectors = KeyedVectors.load_word2vec_format("FOLDER/NAME", binary=BINARY)
vectors.most_similar("WORD")
```

The vector of a text is the mean of its rows: the correction is in every row."""

NUMPY_USAGE = """\
```python
import json
import numpy as np

vectors = np.load("FOLDER/vectors.npy", mmap_mode="r")  # (V, d)
vocabulary = json.load(open("FOLDER/vocabulary.json"))  # the V words or pieces, in the order of the rows
vector = vectors[vocabulary.index("WORD")]
```

The vector of a text is the mean of its rows: the correction is in every row."""


class TableExporter(EncoderExporter):
    """Corrects every row of a static table."""

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `EncoderExporter.check`."""
        if not encoder.is_static:
            raise ValueError(
                f"{encoder.name} layers {encoder.layers} has no table of vectors, only texts give it some: set "
                "encoder.layers=static, or format=sentence_transformers"
            )
        if isinstance(removal, ClusteredRemoval) and removal.level == "texts":
            raise ValueError("this removal corrects vectors of texts, not the rows of a table: fit one of level=tokens")

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `EncoderExporter.write`."""
        rows = removal.apply(encoder.get_buffer("table").float().cpu()).numpy()
        usage = self.write_rows(encoder.pieces, rows, folder)
        return usage.replace("WORD", encoder.pieces[len(encoder.pieces) // 2])

    @abstractmethod
    def write_rows(self, pieces: list[str], rows: np.ndarray, folder: Path) -> str:
        """Write corrected rows (V, d) and their names; returns how to use them."""


@dataclass(frozen=True)
class Word2VecExporter(TableExporter):
    """The format of word2vec, which gensim, spaCy, fastText and many others read.

    Args:
        binary: write it in binary, at half the size and without rounding.
    """

    library: ClassVar[str] = "gensim"
    binary: bool = False

    def write_rows(self, pieces: list[str], rows: np.ndarray, folder: Path) -> str:
        """See `TableExporter.write_rows`. Pieces with white space in them, which the format ends at, are left out."""
        path = folder / ("word2vec.bin" if self.binary else "word2vec.txt")
        kept = [i for i, piece in enumerate(pieces) if piece and not any(letter.isspace() for letter in piece)]
        with path.open("wb") as file:
            file.write(f"{len(kept)} {rows.shape[1]}\n".encode())
            for i in kept:
                numbers = rows[i].tobytes() if self.binary else " ".join(map(_shortest, rows[i])).encode()
                file.write(f"{pieces[i]} ".encode() + numbers + b"\n")
        usage = WORD2VEC_USAGE.replace("NAME", path.name).replace("BINARY", str(self.binary))
        missing = len(pieces) - len(kept)
        return f"{usage} {missing} entries with white space in their names are left out." if missing else usage


@dataclass(frozen=True)
class NumpyExporter(TableExporter):
    """`vectors.npy` and `vocabulary.json`."""

    library: ClassVar[str] = "numpy"

    def write_rows(self, pieces: list[str], rows: np.ndarray, folder: Path) -> str:
        """See `TableExporter.write_rows`."""
        np.save(folder / "vectors.npy", rows, allow_pickle=False)
        (folder / "vocabulary.json").write_text(json.dumps(pieces))
        return NUMPY_USAGE


def _shortest(number: np.float32) -> str:
    """The fewest digits that give the number back."""
    return np.format_float_positional(number, unique=True, trim="0")
