"""Semantic textual similarity: two sentences (or documents) and how alike people find their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uncone.data.files import Hub, Source, Table, packaged_file, read, read_table
from uncone.data.pairs import ScoredPairs, concatenate


@dataclass(frozen=True)
class _Set:
    """Where a set is found, and the columns that hold the sentences and, if it has parts, the part of each pair."""

    source: Source
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
    "stsb_train": _Set(Source("sts/stsb_train.tsv", 5749, hub=Hub(_STSB, "train"))),
    "stsb_dev": _Set(Source("sts/stsb_dev.tsv", 1500, hub=Hub(_STSB, "validation"))),
    "stsb_test": _Set(Source("sts/stsb_test.tsv", 1379, hub=Hub(_STSB, "test"))),
    "sickr_train": _Set(Source("sts/sickr_train.tsv", 4500)),
    "sickr_dev": _Set(Source("sts/sickr_dev.tsv", 500)),
    "sickr_test": _Set(Source("sts/sickr_test.tsv", 4927)),
    "sickr_all": _Set(Source("sts/sickr_all.tsv", 9927, hub=Hub("mteb/sickr-sts", "test"))),  # as MTEB scores it
    # All splits of STS-B by the year in which their pairs first appeared: what Liang et al. 2021 call STS 2012-2017.
    "liang_stsb": _Set(Source("liang2021/text_simi.csv", 8628), part="year", sentence1="sent1", sentence2="sent2"),
}


def load_sts(sets: str | Path | Sequence[str | Path] = "stsb_test", data_dir: str | Path | None = None) -> ScoredPairs:
    """Load sentence pairs with human scores.

    Args:
        sets: one or several of the names in `SETS`, "lee" (documents, packaged; see `load_lee`), or paths of your own
            files with a header line naming sentence1, sentence2, score and, if there are parts, subset.
        data_dir: the data folder; see `uncone.data.files`.

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

    Returns:
        Pairs of documents with mean human similarity in [0, 1].

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
        table = read(known.source, (known.sentence1, known.sentence2, "score"), data_dir)
        return _pairs(table, str(name), known.part, known.sentence1, known.sentence2)
    path = Path(name)
    if not path.suffix:
        raise ValueError(f"unknown STS set {str(name)!r}; known: {', '.join([*SETS, 'lee'])}, or a file")
    return _pairs(read_table(path, ("sentence1", "sentence2", "score")), path.stem)


def _pairs(
    table: Table, name: str, part: str = "subset", sentence1: str = "sentence1", sentence2: str = "sentence2"
) -> ScoredPairs:
    if part in table.columns:  # the hub's copies do not say of which part a pair is
        dataset = tuple(f"{name}/{of_pair}" for of_pair in table.text(part))
    else:
        dataset = (name,) * len(table)
    score = table.numbers("score")
    ends = (float(score.min()), float(score.max()))  # the parts of a set share its scale
    return ScoredPairs(
        table.text(sentence1), table.text(sentence2), score, dataset, ranges=dict.fromkeys(dataset, ends)
    )
