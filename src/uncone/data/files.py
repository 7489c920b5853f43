"""Where a data set lies, and its rows as text.

A data set is looked for in this order: the `data_dir` argument or, without one, the folder named by the environment
variable `UNCONE_DATA`; then the copy inside an installed package; then the Hugging Face hub. Nothing is copied or
converted: licences differ, and the files stay where the user put them.

Tables have a header line. A file `.csv` is comma separated and quoted, all else is tab separated and unquoted, because
the STS files hold unbalanced quotes. All is UTF-8, and a last suffix `.gz` is decompressed on the way.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np


class DataUnavailable(ValueError):
    """The data set is in none of the places where it was looked for; the message lists them."""


@dataclass(frozen=True)
class Hub:
    """One split of a data set on the Hugging Face hub.

    Attributes:
        name: repository, such as "mteb/stsbenchmark-sts"; a folder that `datasets.load_dataset` reads also works.
        split: such as "test", or several: "train+test".
        config: which of the repository's data sets, where it holds several, such as "rte" of "nyu-mll/glue".
    """

    name: str
    split: str
    config: str | None = None


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

    def __len__(self) -> int:
        return len(self.lines)

    def text(self, column: str) -> tuple[str, ...]:
        """Texts of a column, stripped.

        Raises:
            ValueError: naming file and line of the first empty one.
        """
        texts = tuple(text.strip() for text in self._column(column))
        for text, line in zip(texts, self.lines, strict=True):
            if not text:
                raise ValueError(f"{self.origin}, line {line}: {column} is empty")
        return texts

    def numbers(self, column: str) -> np.ndarray:
        """Finite numbers of a column, (n,) float64.

        Raises:
            ValueError: naming file and line of the first that is missing, not a number, NaN or infinite.
        """
        numbers = np.empty(len(self))
        for i, (text, line) in enumerate(zip(self._column(column), self.lines, strict=True)):
            try:
                numbers[i] = float(text)
            except ValueError:
                numbers[i] = np.nan
            if not np.isfinite(numbers[i]):
                raise ValueError(f"{self.origin}, line {line}: {column} must be a finite number, got {text!r}")
        return numbers

    def renamed(self, names: Mapping[str, str]) -> Table:
        """The same rows under other names of columns."""
        return replace(self, columns={names.get(name, name): texts for name, texts in self.columns.items()})

    def _column(self, name: str) -> Sequence[str]:
        if name not in self.columns:
            raise ValueError(f"{self.origin}: needs a column {name!r}, found {', '.join(self.columns)}")
        return self.columns[name]


@dataclass(frozen=True)
class Source:
    """The places where one data set may be found, and how many rows it then has.

    Attributes:
        path: inside the data folder, such as "sts/sts12.tsv".
        rows: the published number of rows; another number is an error.
        packaged: file name among the test data that the gensim package installs.
        original: inside the data folder, the file as its authors publish it; looked for after `path`.
        foreign: reads the packaged or original file, which is laid out in a way of its own.
        renamed: columns of the file at `path` that go by other names here.
    """

    path: str
    rows: int
    packaged: str | None = None
    original: str | None = None
    hub: Hub | None = None
    foreign: Callable[[Path], Table] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)


def find(source: Source, data_dir: str | Path | None = None) -> Path | Hub:
    """The first place that has the data set.

    Args:
        data_dir: the user's data folder; None takes the environment variable `UNCONE_DATA`, which may be unset.

    Returns:
        The path of an existing file, or else the hub data set (whose presence shows only when it is read).

    Raises:
        ValueError: if a data folder is named but is no folder.
        DataUnavailable: if no place is left to look in.

    Example:
        >>> find(Source("wordsim/ws353.tsv", 353, packaged="wordsim353.tsv"), data_dir=".").name
        'wordsim353.tsv'
    """
    searched = f"{source.path} (no data folder named)"
    named = data_dir or os.environ.get("UNCONE_DATA")
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise ValueError(f"the data folder {folder} does not exist; correct data_dir or the variable UNCONE_DATA")
        for path in (source.path, source.original):
            if path and (folder / path).is_file():
                return folder / path
        searched = str(folder / source.path)
    if source.packaged:
        return packaged_file(source.packaged)
    if source.hub:
        return source.hub
    raise DataUnavailable(
        f"not found: {searched}; it is in no installed package and not on the Hugging Face hub. "
        f"Name a folder that holds {source.path} as data_dir or in the environment variable UNCONE_DATA"
    )


def packaged_file(name: str) -> Path:
    """Path of a file among gensim's test data.

    Raises:
        DataUnavailable: if the installed gensim does not ship it.

    Example:
        >>> packaged_file("lee.cor").name
        'lee.cor'
    """
    from gensim.test.utils import datapath  # gensim takes a second to import, and only the packaged sets need it

    path = Path(datapath(name))
    if not path.is_file():
        raise DataUnavailable(f"the installed gensim lacks {path}: install gensim>=4.4 from a wheel")
    return path


def listed(names: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    """One name as a list, and a list as it is."""
    return [names] if isinstance(names, (str, Path)) else names


def read(source: Source, columns: Sequence[str], data_dir: str | Path | None = None) -> Table:
    """Find a data set and read it; `columns` are the names, as here, that must be there.

    Raises:
        DataUnavailable: if it is nowhere, or the hub cannot be reached.
        ValueError: if the file is malformed (see `read_table`) or has not the published number of rows.
    """
    place = find(source, data_dir)
    if isinstance(place, Hub):
        table = read_hub(place, columns, looked_in=source.path)
    elif source.foreign and place.name != Path(source.path).name:
        table = source.foreign(place)
    else:
        theirs = {ours: name for name, ours in source.renamed.items()}
        table = read_table(place, [theirs.get(name, name) for name in columns]).renamed(source.renamed)
    if len(table) != source.rows:
        raise ValueError(
            f"{table.origin}: {source.rows} rows expected as published, found {len(table)}; fetch it again"
        )
    return table


def read_own(name: str | Path, columns: Sequence[str], what: str, known: Sequence[str]) -> Table:
    """Read a user's own file, told by its suffix from a misspelt name of a set.

    Args:
        what: kind of the set, for the message.
        known: names of sets, for the message.

    Raises:
        ValueError: if the name has no suffix, or as `read_table`.
    """
    if not Path(name).suffix:
        raise ValueError(f"unknown {what} {str(name)!r}; known: {', '.join(known)}, or a file")
    return read_table(name, columns)


def read_table(path: str | Path, columns: Sequence[str]) -> Table:
    """Read a file with a header line that holds `columns`, in any order and among others.

    Raises:
        DataUnavailable: if there is no such file.
        ValueError: naming the file, if it is empty, not UTF-8 or lacks a column, and the line, if a row has more or
            fewer fields than the header, or a tab separated file has quotes around its fields.

    Returns:
        All columns of the file, as text.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "pairs.tsv")
        >>> _ = path.write_text("word1\\tword2\\tscore\\ncup\\tmug\\t9.5\\n")
        >>> read_table(path, ["word1", "word2", "score"]).numbers("score")
        array([9.5])
    """
    path = Path(path)
    (_, header), *rows = stream_table(path, columns)
    if not rows:
        raise ValueError(f"{path} holds no row below its header")
    texts = {name: [row[i] for _, row in rows] for i, name in enumerate(header)}
    table = Table(str(path), texts, [line for line, _ in rows])
    if not _is_csv(path):
        _refuse_quoting(table)
    return table


def stream_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The header line of a table and then its rows, one at a time, each with its line; errors as of `read_table`."""
    if not path.is_file():
        raise DataUnavailable(f"no such file: {path}")
    rows = stream_rows(path, _is_csv(path))
    line, header = next(rows, (0, []))
    if not header:
        raise ValueError(f"{path} is empty; a header line with {', '.join(columns)} was expected")
    missing = [name for name in columns if name not in header]
    if missing:
        raise ValueError(f"{path}: the header lacks {', '.join(missing)}; it holds {', '.join(header)}")
    yield line, header
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(header)} fields expected as in the header, found {len(row)}")
        yield line, row


def stream_rows(path: Path, quoted: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with its line; comma separated if quoted, else tab separated."""
    reader = (
        csv.reader(stream_lines(path))
        if quoted
        else csv.reader(stream_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error


def stream_lines(path: Path) -> Iterator[str]:
    """Lines of a text file, with their ends."""
    opened = gzip.open if path.suffix == ".gz" else open
    # "utf-8-sig" also accepts the byte order mark with which spreadsheets begin a file
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8: convert it") from error


def suffix(path: Path) -> str:
    """The suffix of a path, that before a last `.gz`."""
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _is_csv(path: Path) -> bool:
    return suffix(path) == ".csv"


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


def read_hub(hub: Hub, columns: Sequence[str], looked_in: str) -> Table:
    """Download (or take from the local cache) one split of a data set of the Hugging Face hub.

    With the environment variable `HF_HUB_OFFLINE=1`, the cache of earlier downloads is used and no connection made.

    Args:
        looked_in: the file that was looked for before, for the message.

    Raises:
        DataUnavailable: if the hub cannot be reached or has no such data set.
        ValueError: if it lacks a column.
    """
    import datasets  # slow to import, and only needed here
    from huggingface_hub import HfApi, constants

    try:
        if not Path(hub.name).is_dir() and not constants.HF_HUB_OFFLINE:
            HfApi().dataset_info(hub.name, timeout=10)  # a quick no: load_dataset alone retries for half a minute
        rows = datasets.load_dataset(hub.name, hub.config, split=hub.split)
    except Exception as error:  # the hub's client raises those of whichever HTTP library it is built on
        raise DataUnavailable(
            f"{looked_in} is in no data folder (data_dir, UNCONE_DATA), and reading {hub.name} ({hub.split}) from the "
            f"Hugging Face hub failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        ) from error
    missing = [name for name in columns if name not in rows.column_names]
    if missing:
        raise ValueError(f"{hub.name}: lacks the columns {', '.join(missing)}; it holds {', '.join(rows.column_names)}")
    texts = {name: [str(value) for value in rows[name]] for name in rows.column_names}
    return Table(f"{hub.name} ({hub.split})", texts, range(1, len(rows) + 1))
