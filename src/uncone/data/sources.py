"""Where a data set lies.

A data set is looked for in this order: the `data_dir` argument or, without one, the folder named by the environment
variable `UNCONE_DATA`; then the copy inside an installed package; then the Hugging Face hub. Nothing is copied or
converted: licences differ, and the files stay where the user put them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uncone.data.files import DataUnavailable, Table, read_table
from uncone.support.wording import meant


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


def find(source: Source, data_dir: str | Path | None = None) -> Path | None:
    """The file that holds the data set, in the data folder or in an installed package; None if there is none.

    Raises:
        ValueError: if a data folder is named but is no folder.
    """
    folder = _data_folder(data_dir)
    if folder is not None:
        if not folder.is_dir():
            raise ValueError(f"the data folder {folder} does not exist; correct data_dir or the variable UNCONE_DATA")
        for path in (source.path, source.original):
            if path and (folder / path).is_file():
                return folder / path
    return packaged_file(source.packaged) if source.packaged else None


def _data_folder(data_dir: str | Path | None) -> Path | None:
    named = data_dir or os.environ.get("UNCONE_DATA")
    return Path(named) if named else None


def packaged_file(name: str) -> Path:
    """Path of a file among gensim's test data; DataUnavailable is raised if the installed gensim lacks it."""
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
        ValueError: if the file is malformed (see `read_table`) or has not the published number of rows;
            DataUnavailable, if it is nowhere, or the hub cannot be reached.
    """
    path = find(source, data_dir)
    if path is not None and source.foreign and path.name != Path(source.path).name:
        table = source.foreign(path)
    elif path is not None:
        theirs = {ours: name for name, ours in source.renamed.items()}
        table = read_table(path, [theirs.get(name, name) for name in columns]).renamed(source.renamed)
    elif source.hub is not None:
        table = read_hub(source.hub, columns, looked_in=source.path)
    else:
        folder = _data_folder(data_dir)
        searched = folder / source.path if folder else f"{source.path} (no data folder named)"
        raise DataUnavailable(
            f"not found: {searched}; it is in no installed package and not on the Hugging Face hub. "
            f"Name a folder that holds {source.path} as data_dir or in the environment variable UNCONE_DATA"
        )
    if len(table) != source.rows:
        raise ValueError(f"{table.origin}: {source.rows} rows expected as published, got {len(table)}; fetch it again")
    return table


def read_known(
    name: str | Path,
    known: Mapping[str, Source],
    columns: Sequence[str],
    what: str,
    data_dir: str | Path | None = None,
    others: Sequence[str] = (),
) -> Table:
    """Read one of the `known` data sets or a user's own file; errors as of `read` and `read_table`.

    A name without a suffix is a misspelt one, of these or of the `others` that go by a name: a ValueError.
    """
    if name in known:
        return read(known[str(name)], columns, data_dir)
    if not Path(name).suffix:
        names = [*known, *others]
        raise ValueError(f"unknown {what} {str(name)!r}; known: {', '.join(names)}, or a file{meant(str(name), names)}")
    return read_table(name, columns)


@contextmanager
def asking_hub(name: str, failure: str) -> Iterator[None]:
    """Read the data set `name` of the Hugging Face hub inside; whatever goes wrong is DataUnavailable, as `failure`.

    With the environment variable `HF_HUB_OFFLINE=1`, the cache of earlier downloads is used and no connection made.
    """
    from huggingface_hub import HfApi, constants

    try:
        if not Path(name).is_dir() and not constants.HF_HUB_OFFLINE:
            HfApi().dataset_info(name, timeout=10)  # a quick no: loading alone retries for half a minute
        yield
    except Exception as error:  # the hub's client raises those of whichever HTTP library it is built on
        reason = str(error).splitlines()[0] if str(error) else ""
        raise DataUnavailable(f"{failure}: {type(error).__name__}: {reason}") from error


def load_hub(hub: Hub, failure: str, streaming: bool = False) -> Any:
    """One split of a data set of the Hugging Face hub, as `datasets` has it; errors as of `asking_hub`.

    Words such as "null" and "NA" stay words: in CSV files, missing is what is empty.
    """
    import datasets  # slow to import, and only needed here

    with asking_hub(hub.name, failure):
        builder = datasets.load_dataset_builder(hub.name, hub.config)
        is_csv = hasattr(builder.config, "keep_default_na")
        words: dict[str, Any] = {"keep_default_na": False, "na_values": [""]} if is_csv else {}
        return datasets.load_dataset(hub.name, hub.config, split=hub.split, streaming=streaming, **words)


def read_hub(hub: Hub, columns: Sequence[str], looked_in: str) -> Table:
    """Download (or take from the local cache) one split of a data set of the Hugging Face hub.

    Rows that lack one of the columns are left out, with a warning.

    Raises:
        ValueError: if it lacks a column; DataUnavailable, if the hub cannot be reached or has no such data set.
    """
    failure = (
        f"{looked_in} is in no data folder (data_dir, UNCONE_DATA), and reading {hub.name} ({hub.split}) from the "
        "Hugging Face hub failed"
    )
    rows = load_hub(hub, failure)
    missing = [name for name in columns if name not in rows.column_names]
    if missing:
        raise ValueError(f"{hub.name}: lacks the columns {', '.join(missing)}; it holds {', '.join(rows.column_names)}")
    texts = {name: ["" if value is None else str(value) for value in rows[name]] for name in rows.column_names}
    return Table(f"{hub.name} ({hub.split})", texts, range(1, len(rows) + 1)).present(columns)
