"""Tasks of mteb and their data: from the data folder, or else downloaded by mteb from the Hugging Face hub.

In the data folder,

- `mteb/NAME.tsv` holds the task NAME of STS or classification, tab separated and unquoted, with a header line: split,
  sentence1, sentence2 and score for STS; split, text and label for classification;
- STS12 to STS16, STSBenchmark and SICK-R are also found in the files of `uncone.data.pair_sets`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from uncone.data.files import DataUnavailable, read_table
from uncone.data.pair_sets import SENTENCES, load_sts
from uncone.data.sources import Source, asking_hub, find

STS, CLASSIFICATION, RETRIEVAL = "STS", "Classification", "Retrieval"  # types of mteb
STS_SETS = {f"STS{year}": f"sts{year}" for year in (12, 13, 14, 15, 16)} | {
    "STSBenchmark": "stsb_test",
    "SICK-R": "sickr_all",
}
_COLUMNS = {STS: ("sentence1", "sentence2", "score"), CLASSIFICATION: ("text", "label"), RETRIEVAL: ()}


def import_mteb(module: str = "mteb") -> Any:
    """The package mteb, imported when it is first needed: that takes seconds."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "mteb":
            raise
        raise DataUnavailable("mteb is not installed: pip install 'uncone[mteb]'") from error


def load_task(name: str, data_dir: str | Path | None = None, languages: Sequence[str] = ("eng",)) -> Any:
    """A task of mteb with its data loaded: from the data folder, or else from the hub.

    Raises:
        DataUnavailable: if mteb is not installed, or its data can neither be read nor downloaded.
        ValueError: if mteb has no such task, it is neither STS, classification nor retrieval, or a file is malformed.
    """
    try:
        task = import_mteb().get_task(name, languages=list(languages))
    except KeyError as error:
        raise ValueError(f"mteb has no task {name!r}: {error.args[0] if error.args else ''}") from error
    if task.metadata.type not in _COLUMNS or task.metadata.modalities != ["text"]:
        raise ValueError(
            f"mteb's {name} is of type {task.metadata.type}: only STS, classification and retrieval of text are run"
        )
    splits = _splits(task, data_dir)
    if splits is not None:
        task.dataset = splits
        task.data_loaded = True
        return task
    failure = "mteb could not download it"
    if task.metadata.type != RETRIEVAL:
        failure = f"mteb/{name}.tsv is in no data folder (data_dir, UNCONE_DATA), and {failure}"
    with asking_hub(task.metadata.dataset["path"], failure):
        task.load_data()
    return task


def _splits(task: Any, data_dir: str | Path | None) -> Any:
    """The data of a task from the data folder, as mteb holds them; None if they are not there."""
    import datasets  # slow to import, and only needed here

    name, kind = task.metadata.name, task.metadata.type
    if kind == RETRIEVAL:
        return None
    path = find(Source(f"mteb/{name}.tsv", 0), data_dir)
    if path is not None:
        table = read_table(path, ("split", *_COLUMNS[kind]))
        split = np.array(table.text("split"))
        if kind == STS:
            columns = _pairs(task, table.text("sentence1"), table.text("sentence2"), table.numbers("score"))
            needed = set(task.eval_splits)
        else:
            columns = {
                task.input_column_name: table.text("text"),
                task.label_column_name: _numbers(table.text("label")),
            }
            needed = {*task.eval_splits, task.train_split}
        if missing := sorted(needed - set(split)):
            raise ValueError(f"{path}: mteb's {name} needs the split {', '.join(missing)}, found {', '.join({*split})}")
        rows = {part: np.flatnonzero(split == part).tolist() for part in dict.fromkeys(split)}
    elif name in STS_SETS and find(SENTENCES[STS_SETS[name]], data_dir):
        pairs = load_sts(STS_SETS[name], data_dir)
        columns = _pairs(task, pairs.text1, pairs.text2, pairs.score)
        rows = {"test": list(range(len(pairs)))}
    else:
        return None
    if len(task.hf_subsets) != 1:
        raise ValueError(f"mteb's {name} has the parts {', '.join(task.hf_subsets)}: one file cannot hold several")
    data = datasets.DatasetDict(
        {
            str(part): datasets.Dataset.from_dict({key: [values[i] for i in chosen] for key, values in columns.items()})
            for part, chosen in rows.items()
        }
    )
    subset = task.hf_subsets[0]
    return data if subset == "default" else {subset: data}


def _pairs(task: Any, text1: Sequence[str], text2: Sequence[str], score: np.ndarray) -> dict[str, Sequence[Any]]:
    first, second = task.column_names
    return {first: text1, second: text2, "score": score.tolist()}


def _numbers(labels: Sequence[str]) -> list[int]:
    """Numbers of labels from 0: in numerical order if all are whole numbers, else in alphabetical order."""
    whole = all(re.fullmatch(r"-?\d+", label) for label in labels)
    numbers = {label: i for i, label in enumerate(sorted(set(labels), key=int if whole else str))}
    return [numbers[label] for label in labels]
