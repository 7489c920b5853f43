"""Semantic textual similarity: two sentences (or documents) and how alike people find their meaning.

A file of pairs is tab separated UTF-8 with a header line that names sentence1, sentence2 and score and, where the set
has official parts, subset; other columns are ignored and nothing is quoted. In the data folder the sets of `SETS` lie
at the paths given there. STS-B and SICK are also read as their authors publish them.

STS 2016 and the test part of SICK are in no package: STS 2016 comes from the data folder or the hub, `sickr_test` from
the data folder only, because the copies on the hub are other selections of SICK (`sickr_all` is the one MTEB uses). The
hub's copies do not say to which part of its set a pair belongs, so that there is no mean over parts with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from uncone.data.files import Table, read_table, stream_rows
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.data.sources import Hub, Source, listed, packaged_file, read_known

COLUMNS = ("sentence1", "sentence2", "score")
_STSB_FIELDS = ("genre", "source", "year", "id", "score", "sentence1", "sentence2")
_SICK_COLUMNS = {"sentence_A": "sentence1", "sentence_B": "sentence2", "relatedness_score": "score"}


def _read_stsb(path: Path) -> Table:
    """Read STS-B as published: tab separated in spite of its name, no header, and in some rows two more fields."""
    rows = list(stream_rows(path))
    for line, row in rows:
        if len(row) not in (7, 9):
            raise ValueError(
                f"{path}, line {line}: 7 or 9 tab separated fields expected ({', '.join(_STSB_FIELDS)}, and "
                f"sometimes two on licences), found {len(row)}"
            )
    return Table.of(path, _STSB_FIELDS, rows)


def _read_sick(path: Path) -> Table:
    return read_table(path, list(_SICK_COLUMNS)).renamed(_SICK_COLUMNS)


def _stsb(part: str, rows: int, original: str, split: str) -> Source:
    hub = Hub("mteb/stsbenchmark-sts", split)
    return Source(f"sts/stsb_{part}.tsv", rows, original=f"sts/{original}", hub=hub, foreign=_read_stsb)


def _sick(part: str, rows: int, original: str) -> Source:
    return Source(f"sts/sickr_{part}.tsv", rows, original=f"sts/{original}", foreign=_read_sick)


SETS: dict[str, Source] = {
    **{
        f"sts{year}": Source(f"sts/sts{year}.tsv", rows, hub=Hub(f"mteb/sts{year}-sts", "test"))
        for year, rows in ((12, 3108), (13, 1500), (14, 3750), (15, 3000), (16, 1186))
    },
    "stsb_train": _stsb("train", 5749, "sts-train.csv", "train"),
    "stsb_dev": _stsb("dev", 1500, "sts-dev.csv", "validation"),
    "stsb_test": _stsb("test", 1379, "sts-test.csv", "test"),
    "sickr_train": _sick("train", 4500, "SICK_train.txt"),
    "sickr_dev": _sick("dev", 500, "SICK_trial.txt"),
    "sickr_test": _sick("test", 4927, "SICK_test_annotated.txt"),
    "sickr_all": Source("sts/sickr_all.tsv", 9927, hub=Hub("mteb/sickr-sts", "test")),  # as MTEB scores it
    # All splits of STS-B by the year in which their pairs first appeared: what Liang et al. 2021 call STS 2012-2017.
    "liang_stsb": Source(
        "liang2021/text_simi.csv",
        8628,
        renamed={"year": "subset", "sent1": "sentence1", "sent2": "sentence2"},
    ),
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
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.

    Example:
        >>> pairs = load_sts("lee")
        >>> len(pairs), pairs.datasets
        (1225, ('lee',))
    """
    return concatenate([_load_one(name, data_dir) for name in listed(sets)])


def load_lee() -> ScoredPairs:
    """Load the 1225 pairs of the 50 news documents of Lee, Pincombe and Welsh (2005), from the gensim package.

    The published matrix holds each pair once, above its diagonal; the diagonal (a document with itself) is left out.
    The pairs share documents, so that an interval that takes them for independent is too narrow.
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
    table = read_known(name, SETS, COLUMNS, "STS set", data_dir, others=["lee"])
    dataset = (Path(name).stem,) * len(table)
    if "subset" in table.columns:  # the hub's copies do not say of which part a pair is
        dataset = tuple(map("/".join, zip(dataset, table.text("subset"), strict=True)))
    score = table.numbers("score")
    ends = (float(score.min()), float(score.max()))  # the parts of a set share its scale
    return ScoredPairs.from_table(table, COLUMNS, dataset, ends)
