"""Stored vectors behind the face of an encoder: a matrix, and what its rows stand for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from uncone.data.files import read_table, stream_lines
from uncone.data.vectors import ROWS_PER_BLOCK, open_vectors
from uncone.encoder.base import ROLES, Encoder
from uncone.encoder.convention import Convention
from uncone.encoder.loading import content_hash
from uncone.encoder.table import TableEncoder
from uncone.support.arrays import Array, as_tensor, matrix

STORED = "stored"  # layers of vectors that are stored
QUERY = "query: "  # before the name of a row of queries
COLUMNS = ("query", "document")  # of a file of pairs


class RowNumbers(Sequence[str]):
    """The numbers of n rows, from 0, as names; none is held."""

    def __init__(self, total: int):
        self.total = total

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        """The name of a row, or of several."""
        chosen = range(self.total)[row]
        return [str(number) for number in chosen] if isinstance(chosen, range) else str(chosen)


class StoredEncoder(TableEncoder):
    """A matrix of vectors that were computed elsewhere, looked up by what its rows stand for.

    A "text" is the name of a row: its line in a file of texts (or ids), or its number. Rows of queries have the names
    "query: NAME", which is what `with_prompt("query")` puts before a text. Nothing is copied, so that a memory-mapped
    matrix may be larger than memory. `load_vectors` makes one.

    Args:
        vectors: (n, d) float16, float32 or float64.
        texts: n names; of equal ones the first row counts. None calls rows by their numbers.
        queries: (m, d), vectors of queries, which may be of another encoder than documents are.
        query_texts: m names, likewise.
        pairs: names of queries and names of documents that belong together; None takes rows that follow each other.
        name: what results call it.

    Attributes:
        pairs: (p, 2) numbers of rows that belong together, of which label-free recipes learn; queries are numbered
            after the documents.

    Raises:
        ValueError: if shapes do not fit, or a name in `pairs` is that of no row.

    Example:
        >>> stored = StoredEncoder(torch.eye(3), ["ant", "bee", "cat"])
        >>> stored.encode(["cat", "ant"])
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
    """

    queries: Tensor | None

    def __init__(
        self,
        vectors: Array,
        texts: Sequence[str] | None = None,
        queries: Array | None = None,
        query_texts: Sequence[str] | None = None,
        pairs: tuple[Sequence[str], Sequence[str]] | None = None,
        name: str = STORED,
    ):
        documents = _matrix(vectors, f"vectors of {name}")
        asked = None if queries is None else _matrix(queries, f"queries of {name}")
        if asked is not None and asked.shape[1] != documents.shape[1]:
            raise ValueError(
                f"queries of {asked.shape[1]} numbers cannot be compared with vectors of {documents.shape[1]}"
            )
        names, self._index = _names(texts, len(documents), "texts")
        query_names, self._query_index = _names(query_texts, 0 if asked is None else len(asked), "query_texts")
        self.query_names = query_names
        identity = content_hash([], {"vectors": documents})  # a removal is of these, whatever rows are called or asked
        own = Convention(prompts={} if asked is None else {ROLES["query"][0]: QUERY})
        super().__init__(documents, names, self._rows_of, name, identity, STORED, own=own)  # type: ignore[arg-type]
        self.register_buffer("queries", asked, persistent=False)
        if pairs is None:
            rows = np.arange(len(documents) - 1)
            self.pairs = np.stack([rows, rows + 1], 1)
        else:
            sides = [[QUERY + text for text in pairs[0]] if asked is not None else list(pairs[0]), list(pairs[1])]
            for side in sides:
                self._check_known(side)
            self.pairs = np.array([[row for (row,) in self.tokenize(side)] for side in sides], dtype=np.int64).T

    @property
    def convention(self) -> str:
        """Nobody says how the vectors were made."""
        return "as stored"

    @property
    def rows(self) -> np.ndarray:
        """(n, d), the vectors of documents as they are stored."""
        return self.table.numpy()

    def query_shift(self) -> Tensor:
        """The mean of the queries less that of the documents, (d,) float32: how far their clouds lie apart.

        A ValueError if there are no queries.
        """
        if self.queries is None:
            raise ValueError(f"{self.name} has no vectors of queries to centre: set encoder.queries=FILE")
        return (_mean(self.queries) - _mean(self.table)).float()

    def name_of(self, row: int) -> str:
        """The name of a row, queries numbered after the documents."""
        beyond = row - len(self.table)
        return self.pieces[row] if beyond < 0 else QUERY + self.query_names[beyond]

    def rows_at(self, ids: Tensor) -> Tensor:
        """Rows (t, d) float32 of these numbers, queries numbered after the documents."""
        if self.queries is None:
            return super().rows_at(ids)
        n = len(self.table)
        found = torch.empty(len(ids), self.dimension)
        found[ids < n] = self.table[ids[ids < n]].float()
        found[ids >= n] = self.queries[ids[ids >= n] - n].float()
        return found

    def _pooled(self, texts: list[str]) -> Tensor:
        self._check_known(texts)
        return super()._pooled(texts)

    def _check_known(self, texts: Sequence[str]) -> None:
        for text, rows in zip(texts, self.tokenize(texts), strict=True):
            if not rows:
                names = f"{self.pieces[0]!r} to {self.pieces[len(self.pieces) - 1]!r}"
                raise ValueError(
                    f"{self.name} has no vector of {text!r}: its {len(self.table)} rows are called {names}; "
                    "encoder.texts names a file with other names of them"
                )

    def _rows_of(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._row_of(text) for text in texts]

    def _row_of(self, text: str) -> list[int]:
        is_query = self.queries is not None and text.startswith(QUERY)
        index, count = (self._query_index, len(self.query_names)) if is_query else (self._index, len(self.table))
        name, first = (text.removeprefix(QUERY), len(self.table)) if is_query else (text, 0)
        if index is not None:
            return [first + index[name]] if name in index else []
        return [first + int(name)] if name.isdecimal() and int(name) < count and str(int(name)) == name else []


def load_vectors(
    vectors: str | Path | Array,
    texts: str | Path | Sequence[str] | None = None,
    queries: str | Path | Array | None = None,
    query_texts: str | Path | Sequence[str] | None = None,
    pairs: str | Path | tuple[Sequence[str], Sequence[str]] | None = None,
    column: str | None = None,
    name: str | None = None,
) -> StoredEncoder:
    """Take vectors that were computed elsewhere as an encoder, whose texts are the names of rows.

    Args:
        vectors: (n, d), numpy or torch; or a file, memory-mapped (`uncone.data.vectors.open_vectors`).
        texts: names of the rows: a list, or a file with one a line; None calls them by their numbers, from 0.
        queries: (m, d), vectors of queries, given like `vectors`.
        query_texts: their names, given like `texts`.
        pairs: what label-free recipes learn from, as documents that follow each other are where it is None: names of
            queries (of documents, if there are no queries) and of their documents; or a file with columns query and
            document.
        column: of files, the tensor or column that holds the vectors; None takes the only one.
        name: what results call the encoder; None for the name of the file.

    Raises:
        ValueError: for files that cannot be read, shapes that do not fit, or a pair that names no row.

    Example:
        >>> load_vectors(np.eye(3)).encode(["2"])
        array([[0., 0., 1.]], dtype=float32)
    """
    is_file = isinstance(vectors, (str, Path))
    matrices = [
        open_vectors(Path(each).expanduser(), column) if isinstance(each, (str, Path)) else each
        for each in (vectors, queries)
    ]
    names = [
        [line.rstrip("\r\n") for line in stream_lines(Path(each))] if isinstance(each, (str, Path)) else each
        for each in (texts, query_texts)
    ]
    if isinstance(pairs, (str, Path)):
        table = read_table(pairs, COLUMNS)
        pairs = table.text(COLUMNS[0]), table.text(COLUMNS[1])
    name = name or (Path(str(vectors)).stem if is_file else STORED)
    given = matrices[0], names[0], matrices[1], names[1], pairs, name
    return StoredEncoder(*given)  # type: ignore[arg-type]


def _matrix(vectors: Array, what: str) -> Tensor:
    tensor = as_tensor(vectors)
    if tensor.ndim != 2 or not tensor.is_floating_point() or not len(tensor):
        raise ValueError(f"{what} must be a matrix (n, d) of float numbers, got {tensor.dtype} {tuple(tensor.shape)}")
    return matrix(tensor.detach().cpu(), what)


def _mean(vectors: Tensor) -> Tensor:
    return sum(block.sum(0, dtype=torch.float64) for block in vectors.split(ROWS_PER_BLOCK)).div(len(vectors))


def _names(texts: Sequence[str] | None, count: int, what: str) -> tuple[Sequence[str], dict[str, int] | None]:
    """Names of rows, and where each stands; None for numbers, which need no index."""
    if texts is None:
        return RowNumbers(count), None
    if len(texts) != count:
        raise ValueError(f"{what} must name {count} rows, got {len(texts)} names")
    return texts, {text: row for row, text in reversed(list(enumerate(texts)))}


Encoder.from_vectors = staticmethod(load_vectors)
