"""Where a data set lies, and its rows as text.

A data set is looked for in this order: the `data_dir` argument or, without one, the folder named by the environment
variable `UNCONE_DATA`; then the copy inside an installed package; then the Hugging Face hub. Nothing is copied or
converted: licences differ, and the files stay where the user put them.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

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
class Source:
    """The places where one data set may be found, and how many rows it then has.

    Attributes:
        path: inside the data folder, such as "sts/sts12.tsv".
        rows: the published number of rows; another number is an error.
        packaged: file name among the test data that the gensim package installs.
    """

    path: str
    rows: int
    packaged: str | None = None
    hub: Hub | None = None


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

    def _column(self, name: str) -> Sequence[str]:
        if name not in self.columns:
            raise ValueError(f"{self.origin}: needs a column {name!r}, found {', '.join(self.columns)}")
        return self.columns[name]


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
    searched = []
    folder = Path(data_dir) if data_dir else _folder_of_environment()
    if folder:
        if not folder.is_dir():
            raise ValueError(f"the data folder {folder} does not exist; correct data_dir or the variable UNCONE_DATA")
        if (folder / source.path).is_file():
            return folder / source.path
        searched.append(str(folder / source.path))
    else:
        searched.append(f"{source.path} (no data folder named)")
    if source.packaged:
        return packaged_file(source.packaged)
    if source.hub:
        return source.hub
    raise DataUnavailable(
        f"not found: {', '.join(searched)}; it is in no installed package and not on the Hugging Face hub. "
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


def read(source: Source, columns: Sequence[str], data_dir: str | Path | None = None) -> Table:
    """Find a data set and read it.

    Args:
        columns: the names that must be there; the packaged files, which have no header, are taken to have these.

    Raises:
        DataUnavailable: if it is nowhere, or the hub cannot be reached.
        ValueError: if the file is malformed (see `read_table`) or has not the published number of rows.
    """
    place = find(source, data_dir)
    if isinstance(place, Hub):
        table = read_hub(place, columns, looked_in=source.path)
    elif source.packaged and place.name == source.packaged:
        table = _read_packaged(place, columns)
    else:
        table = read_table(place, columns)
    if len(table) != source.rows:
        raise ValueError(
            f"{table.origin}: {source.rows} rows expected as published, found {len(table)}; fetch it again"
        )
    return table


def read_table(path: str | Path, columns: Sequence[str]) -> Table:
    """Read a UTF-8 file with a header line: `.csv` is comma separated and quoted, all else tab separated, unquoted.

    Quotes have no meaning in a tab separated file, because the STS files hold unbalanced ones. A last suffix `.gz` is
    decompressed on the way.

    Args:
        columns: names that the header must hold, in any order and among others.

    Raises:
        DataUnavailable: if there is no such file.
        ValueError: naming the file, if it is empty, not UTF-8 or lacks a column, and the line, if a row has more or
            fewer fields than the header.

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
    if not path.is_file():
        raise DataUnavailable(f"no such file: {path}")
    with open_text(path) as file:
        reader = csv_rows(path, file)
        try:
            rows = [(reader.line_num, row) for row in reader if row]  # a blank line yields an empty row
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8: convert it") from error
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
    if not rows:
        raise ValueError(f"{path} is empty; a header line with {', '.join(columns)} was expected")
    header = rows.pop(0)[1]
    missing = [name for name in columns if name not in header]
    if missing:
        raise ValueError(f"{path}: the header lacks {', '.join(missing)}; it holds {', '.join(header)}")
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(header)} fields expected as in the header, found {len(row)}")
    if not rows:
        raise ValueError(f"{path} holds no row below its header")
    texts = {name: [row[i] for _, row in rows] for i, name in enumerate(header)}
    return Table(str(path), texts, [line for line, _ in rows])


def csv_rows(path: Path, file: IO[str]) -> Any:
    """The CSV reader of an open file: `.csv` is comma separated and quoted, all else tab separated, unquoted."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return csv.reader(file) if suffix == ".csv" else csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


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
            HfApi().dataset_info(
                hub.name, timeout=10
            )  # one quick question: load_dataset alone retries for half a minute
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


def _read_packaged(path: Path, columns: Sequence[str]) -> Table:
    """Read one of gensim's word pair files: tab separated, comments in place of a header."""
    with open_text(path) as file:
        lines = [(number, line.rstrip("\n").split("\t")) for number, line in enumerate(file, 1)]
    rows = [(number, row) for number, row in lines if row[0] and not row[0].startswith("#")]
    texts = {name: [row[i] for _, row in rows] for i, name in enumerate(columns)}
    return Table(str(path), texts, [number for number, _ in rows])


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 file, decompressing a .gz on the way."""
    # "utf-8-sig" also accepts the byte order mark with which spreadsheets begin a file
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _folder_of_environment() -> Path | None:
    folder = os.environ.get("UNCONE_DATA")
    return Path(folder) if folder else None
