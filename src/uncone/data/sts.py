"""Semantic textual similarity: two sentences (or documents) and how alike people find their meaning.

A file of pairs is tab separated UTF-8 with a header line that names sentence1, sentence2 and score and, where the set
has official parts, subset; other columns are ignored and nothing is quoted. In the data folder the sets of `SETS` lie
at the paths given there. STS-B and SICK are also read as their authors publish them; see `sts_originals`.

STS 2016 and the test part of SICK are in no package: STS 2016 comes from the data folder or the hub, `sickr_test` from
the data folder only, because the copies on the hub are other selections of SICK (`sickr_all` is the one MTEB uses). The
hub's copies do not say to which part of its set a pair belongs, so that there is no mean over parts with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uncone.data.files import DataUnavailable, Hub, Source, Table, find, packaged_file, read, read_table
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.data.sts_originals import read_original


@dataclass(frozen=True)
class _Set:
    """Where a set is found, in our layout and its authors', and the columns of the sentences and of a pair's part."""

    source: Source
    original: str | None = None
    part: str = "subset"
    sentence1: str = "sentence1"
    sentence2: str = "sentence2"


_STSB = "mteb/stsbenchmark-sts"

SETS: dict[str, _Set] = {
    "sts12": _Set(Source("sts/sts12.tsv", 3108, hub=Hub("mteb/sts12-sts", "test"))),
    "sts13": _Set(Source("sts/sts13.tsv", 1500, hub=Hub("mteb/sts13-sts", "test"))),
    "sts14": _Set(Source("sts/sts14.tsv", 3750, hub=Hub("mteb/sts14-sts", "test"))),
    "sts15": _Set(Source("sts/sts15.tsv", 3000, hub=Hub("mteb/sts15-sts", "test"))),
    "sts16": _Set(Source("sts/sts16.tsv", 1186, hub=Hub("mteb/sts16-sts", "test"))),
    "stsb_train": _Set(Source("sts/stsb_train.tsv", 5749, hub=Hub(_STSB, "train")), "sts/sts-train.csv"),
    "stsb_dev": _Set(Source("sts/stsb_dev.tsv", 1500, hub=Hub(_STSB, "validation")), "sts/sts-dev.csv"),
    "stsb_test": _Set(Source("sts/stsb_test.tsv", 1379, hub=Hub(_STSB, "test")), "sts/sts-test.csv"),
    "sickr_train": _Set(Source("sts/sickr_train.tsv", 4500), "sts/SICK_train.txt"),
    "sickr_dev": _Set(Source("sts/sickr_dev.tsv", 500), "sts/SICK_trial.txt"),
    "sickr_test": _Set(Source("sts/sickr_test.tsv", 4927), "sts/SICK_test_annotated.txt"),
    "sickr_all": _Set(Source("sts/sickr_all.tsv", 9927, hub=Hub("mteb/sickr-sts", "test"))),  # as MTEB scores it
    # All splits of STS-B by the year in which their pairs first appeared: what Liang et al. 2021 call STS 2012-2017.
    "liang_stsb": _Set(Source("liang2021/text_simi.csv", 8628), part="year", sentence1="sent1", sentence2="sent2"),
}


def load_sts(sets: str | Path | Sequence[str | Path] = "stsb_test", data_dir: str | Path | None = None) -> ScoredPairs:
    """Load sentence pairs with human scores.

    Args:
        sets: one or several of the names in `SETS`, "lee" (documents, packaged; see `load_lee`), or paths of your own
            files with a header line naming sentence1, sentence2, score and, if there are parts, subset.

    Returns:
        The sets behind each other, scores raw (0 to 5, SICK 1 to 5, Lee 0 to 1). The data set of a pair is the name of
        its set, with the official part behind a slash where there are parts: "sts12/MSRvid".

    Raises:
        DataUnavailable: if a set cannot be found.
        ValueError: if a name is unknown or a file malformed; the message names file and line.

    Example:
        >>> pairs = load_sts("lee")
        >>> len(pairs), pairs.datasets
        (1225, ('lee',))
    """
    chosen = [sets] if isinstance(sets, (str, Path)) else sets
    return concatenate([_load_one(name, data_dir) for name in chosen])


def load_lee() -> ScoredPairs:
    """Load the 1225 pairs of the 50 news documents of Lee, Pincombe and Welsh (2005), from the gensim package.

    The published matrix holds each pair once, above its diagonal; the diagonal (a document with itself) is left out.
    The pairs share documents, so that an interval that takes them for independent is too narrow.

    Raises:
        ValueError: if the files have not 50 documents and a 50 by 50 upper triangle.
    """
    documents = packaged_file("lee.cor").read_text(encoding="latin-1").splitlines()
    path = packaged_file("similarities0-1.txt")
    similarity = np.loadtxt(path)  # (50, 50)
    if len(documents) != 50 or similarity.shape != (50, 50) or np.tril(similarity, -1).any():
        raise ValueError(f"{path.parent}: 50 documents and their upper triangle expected; reinstall gensim")
    first, second = np.triu_indices(50, 1)
    return ScoredPairs(
        tuple(documents[i] for i in first),
        tuple(documents[i] for i in second),
        similarity[first, second],
        ("lee",) * len(first),
    )


def _load_one(name: str | Path, data_dir: str | Path | None) -> ScoredPairs:
    if name == "lee":
        return load_lee()
    if name in SETS:
        known = SETS[str(name)]
        table = _read(known, data_dir)
        return _pairs(table, str(name), known.part, known.sentence1, known.sentence2)
    path = Path(name)
    if not path.suffix:
        raise ValueError(f"unknown STS set {str(name)!r}; known: {', '.join([*SETS, 'lee'])}, or a file")
    return _pairs(read_table(path, ("sentence1", "sentence2", "score")), path.stem)


def _read(known: _Set, data_dir: str | Path | None) -> Table:
    """The set in our layout, or else as its authors publish it, or else from the hub."""
    place = _find(known.source, data_dir)
    original = _find(Source(known.original, known.source.rows), data_dir) if known.original else None
    if isinstance(place, Path) or not isinstance(original, Path):
        return read(known.source, (known.sentence1, known.sentence2, "score"), data_dir)
    table = read_original(original)
    if len(table) != known.source.rows:
        raise ValueError(f"{original}: {known.source.rows} rows expected as published, found {len(table)}")
    return table


def _find(source: Source, data_dir: str | Path | None) -> Path | Hub | None:
    try:
        return find(source, data_dir)
    except DataUnavailable:
        return None


def _pairs(
    table: Table, name: str, part: str = "subset", sentence1: str = "sentence1", sentence2: str = "sentence2"
) -> ScoredPairs:
    if part in table.columns:  # the hub's copies do not say of which part a pair is
        dataset = tuple(f"{name}/{of_pair}" for of_pair in table.text(part))
    else:
        dataset = (name,) * len(table)
    _refuse_quoting(table, (sentence1, sentence2))
    score = table.numbers("score")
    ends = (float(score.min()), float(score.max()))  # the parts of a set share its scale
    return ScoredPairs(
        table.text(sentence1), table.text(sentence2), score, dataset, ranges=dict.fromkeys(dataset, ends)
    )


def _refuse_quoting(table: Table, columns: Sequence[str]) -> None:
    """Raise a ValueError for a file that was written with quotes around fields, naming the first such line.

    A writer that quotes puts every field with a quote in it between quotes and doubles those inside. In a file that
    does not quote, some field has a quote of its own (STS 2015 has fields of either look).
    """
    quoted = [
        (line, column, text)
        for column in columns
        for text, line in zip(table.text(column), table.lines, strict=True)
        if '"' in text
    ]
    if quoted and all(re.fullmatch(r'"(?:[^"]|"")*""(?:[^"]|"")*"', text) for _, _, text in quoted):
        line, column, text = min(quoted)
        raise ValueError(
            f"{table.origin}, line {line}: {column} is quoted: {text}; write the file without quoting "
            "(in pandas: quoting=csv.QUOTE_NONE)"
        )
