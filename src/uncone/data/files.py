"""Rows of text files.

Tables have a header line. A file `.csv` is comma separated and quoted, all else is tab separated and unquoted, because
the STS files hold unbalanced quotes. All is UTF-8, and a last suffix `.gz` is decompressed on the way.
"""

from __future__ import annotations

import csv
import gzip
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import numpy as np

from uncone.support.files import reading

logger = logging.getLogger(__name__)


class DataUnavailable(ValueError):
    """The data set is in none of the places where it was looked for; the message lists them."""


@dataclass(frozen=True)
class Table:
    """Rows of text that remember where they come from, so that an error can name the file and the line.

    Attributes:
        columns: name to the texts of that column, all equally long.
        lines: line of each row in the file, counted from 1 (of a hub data set: the row, counted from 1).
    """

    origin: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    @classmethod
    def of(cls, origin: str | Path, names: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]) -> Table:
        """A table of rows, each with its line, whose fields go by `names`."""
        columns: list[list[str]] = [[] for _ in names]
        lines = []
        for line, row in rows:  # not held: a million lists are slow to collect
            lines.append(line)
            for column, text in zip(columns, row, strict=False):
                column.append(text)
        return cls(str(origin), dict(zip(names, columns, strict=True)), lines)

    def __len__(self) -> int:
        return len(self.lines)

    def text(self, column: str) -> tuple[str, ...]:
        """Texts of a column, stripped; an empty one is a ValueError naming file and line."""
        texts = tuple(text.strip() for text in self._column(column))
        for text, line in zip(texts, self.lines, strict=True):
            if not text:
                raise ValueError(f"{self.origin}, line {line}: {column} is empty")
        return texts

    def numbers(self, column: str) -> np.ndarray:
        """Numbers of a column, (n,) float64; one missing, NaN or infinite is a ValueError naming file and line."""
        numbers = np.empty(len(self))
        for i, (text, line) in enumerate(zip(self._column(column), self.lines, strict=True)):
            try:
                numbers[i] = float(text)
            except ValueError:
                numbers[i] = np.nan
            if not np.isfinite(numbers[i]):
                raise ValueError(f"{self.origin}, line {line}: {column} must be a finite number, got {text!r}")
        return numbers

    def present(self, columns: Sequence[str]) -> Table:
        """The rows that lack none of these columns; how many do is warned of."""
        whole = [i for i in range(len(self)) if all(self._column(name)[i].strip() for name in columns)]
        say_left_out(self.origin, len(self) - len(whole))
        columns_left = {name: [texts[i] for i in whole] for name, texts in self.columns.items()}
        return replace(self, columns=columns_left, lines=[self.lines[i] for i in whole])

    def renamed(self, names: Mapping[str, str]) -> Table:
        """The same rows under other names of columns."""
        return replace(self, columns={names.get(name, name): texts for name, texts in self.columns.items()})

    def _column(self, name: str) -> Sequence[str]:
        if name not in self.columns:
            raise ValueError(f"{self.origin}: needs a column {name!r}, found {', '.join(self.columns)}")
        return self.columns[name]


def _fix(header: Sequence[str], missing: Sequence[str]) -> str:
    """What to do about a header that lacks columns."""
    if len(header) == 1 and "," in header[0]:
        return ": its fields are apart by commas, so end its name in .csv"
    if {"word1", "word2"} & {*missing} and {"sentence1", "sentence2"} <= {*header}:
        return ": if these are pairs of sentences, say data.kind=sentences"
    return f": name its columns so, {', '.join(missing)}"


def read_table(path: str | Path, columns: Sequence[str]) -> Table:
    """Read all columns of a file whose header line holds `columns`, in any order and among others.

    Raises:
        ValueError: naming the file, if it is empty, not UTF-8 or lacks a column, and the line, if a row has more or
            fewer fields than the header, or a tab separated file has quotes around its fields.
    """
    path = Path(path)
    rows = stream_table(path, columns)
    table = Table.of(path, next(rows)[1], rows)
    if not len(table):
        raise ValueError(f"{path} holds no row below its header")
    if suffix(path) != ".csv":
        _refuse_quoting(table)
    return table


def stream_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The header line of a table and then its rows, one at a time, each with its line; errors as of `read_table`."""
    if not path.is_file():
        raise DataUnavailable(f"no such file: {path}")
    rows = stream_rows(path, suffix(path) == ".csv")
    line, header = next(rows, (0, []))
    if not header:
        raise ValueError(f"{path} is empty; a header line with {', '.join(columns)} was expected")
    if repeated := [name for name in columns if header.count(name) > 1]:
        raise ValueError(f"{path}: the header names {', '.join(repeated)} more than once")
    missing = [name for name in columns if name not in header]
    if missing:
        lacks = f"{path}: the header lacks {', '.join(missing)}; it holds {', '.join(header)}"
        raise ValueError(lacks + _fix(header, missing))
    yield line, header
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(header)} fields expected as in the header, found {len(row)}")
        yield line, row


def stream_rows(path: Path, quoted: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with its line; comma separated if quoted, else tab separated."""
    lines = stream_lines(path)
    csv.field_size_limit(sys.maxsize)  # a field may hold a document
    reader = csv.reader(lines) if quoted else csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    with reading(path, "a table"):
        for row in reader:
            if row:
                yield reader.line_num, row


def stream_lines(path: Path) -> Iterator[str]:
    """Lines of a text file, with their ends."""
    with reading(path, "a file of UTF-8 text"), open_text(path) as file:
        yield from file


def open_text(path: Path, errors: str = "strict") -> TextIO:
    """A UTF-8 file, opened to be read; line ends stay as they are."""
    # "utf-8-sig" also accepts the byte order mark with which spreadsheets begin a file
    return TextIOWrapper(opened(path), encoding="utf-8-sig", errors=errors, newline="")


def opened(path: Path) -> BinaryIO:
    """A file, opened to be read; one that ends in .gz is decompressed on the way."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


@cache
def say_left_out(origin: str, count: int) -> None:
    """Warn, once in a process, that so many missing texts are left out."""
    if count:
        logger.warning("%s: %d rows with missing values are left out", origin, count)


def suffix(path: Path) -> str:
    """The suffix of a path, that before a last `.gz`."""
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _refuse_quoting(table: Table) -> None:
    """Raise a ValueError for a file that was written with quotes around fields, naming the first such line.

    A writer that quotes puts every field with a quote in it between quotes and doubles those inside. In a file that
    does not quote, some field has a quote of its own (STS 2015 has fields of either look).
    """
    quoted = [
        (line, column, text)
        for column, texts in table.columns.items()
        for text, line in zip(texts, table.lines, strict=True)
        if '"' in text
    ]
    if quoted and all(re.fullmatch(r'"(?:[^"]|"")*""(?:[^"]|"")*"', text.strip()) for _, _, text in quoted):
        line, column, text = min(quoted)
        raise ValueError(
            f"{table.origin}, line {line}: {column} is quoted: {text}; write the file without quoting "
            "(in pandas: quoting=csv.QUOTE_NONE)"
        )
