"""Pairs of words, and pairs of sentences or documents, with how alike people find their meaning.

A file of pairs has a header line that names word1, word2 and score, or sentence1, sentence2 and score and, where a set
of sentences has official parts, subset; other columns are ignored. It is tab separated and unquoted, or `.csv`. In the
data folder the sets lie at the paths given here. STS-B and SICK are also read as their authors publish them.

STS 2016 and the test part of SICK are in no package: STS 2016 comes from the data folder or the hub, `sickr_test` from
the data folder only, because the copies on the hub are other selections of SICK (`sickr_all` is the one MTEB uses). The
hub's copies do not say to which part of its set a pair belongs, so that there is no mean over parts with them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from uncone.data.files import Table, read_table, stream_rows
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.data.sources import Hub, Source, listed, packaged_file, read_known
from uncone.support.files import digest_of, reading
from uncone.support.wording import unknown

Sets = str | Path | Sequence[str | Path]

_WORDS, _SENTENCES = ("word1", "word2", "score"), ("sentence1", "sentence2", "score")
_STSB_FIELDS = ("genre", "source", "year", "id", "score", "sentence1", "sentence2")
_SICK_COLUMNS = {"sentence_A": "sentence1", "sentence_B": "sentence2", "relatedness_score": "score"}


def _read_packaged(path: Path) -> Table:
    """Read one of gensim's files: tab separated, comments in place of a header."""
    return Table.of(path, _WORDS, ((line, row) for line, row in stream_rows(path) if not row[0].startswith("#")))


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


def _read_lee(path: Path) -> Table:
    """Read gensim's documents, and the matrix beside them that holds the score of each pair once."""
    documents = path.read_text(encoding="latin-1").splitlines()
    similarity = np.loadtxt(packaged_file("similarities0-1.txt"))  # (50, 50)
    if len(documents) != 50 or similarity.shape != (50, 50) or np.tril(similarity, -1).any():
        raise ValueError(f"{path.parent}: 50 documents and their upper triangle expected; reinstall gensim")
    pairs = zip(*np.triu_indices(50, 1), strict=True)
    return Table.of(
        path, _SENTENCES, [(int(i) + 1, (documents[i], documents[j], str(similarity[i, j]))) for i, j in pairs]
    )


# The split of Liang et al. 2021: eight sets in one file, scores already scaled to [-1, 1] over each whole set.
LIANG = {
    "liang_train": Source("liang2021/word_simi_train.csv", 7703, renamed={"simi": "score"}),
    "liang_test": Source("liang2021/word_simi_test.csv", 2447, renamed={"simi": "score"}),
}

WORDS: dict[str, Source] = {
    "men3k": Source("wordsim/men3k.tsv", 3000),  # Bruni et al. 2014
    "simverb3500": Source("wordsim/simverb3500.tsv", 3500),  # Gerz et al. 2016
    # Hill et al. 2015
    "simlex999": Source("wordsim/simlex999.tsv", 999, packaged="simlex999.txt", foreign=_read_packaged),
    "rw2034": Source("wordsim/rw2034.tsv", 2034),  # Luong et al. 2013, rare words
    # Finkelstein et al. 2002
    "ws353": Source("wordsim/ws353.tsv", 353, packaged="wordsim353.tsv", foreign=_read_packaged),
    "ws353_sim": Source("wordsim/ws353_sim.tsv", 203),  # Agirre et al. 2009: similarity apart from relatedness
    "ws353_rel": Source("wordsim/ws353_rel.tsv", 252),
    "mturk287": Source("wordsim/mturk287.tsv", 287),  # Radinsky et al. 2011
    "mturk771": Source("wordsim/mturk771.tsv", 771),  # Halawi et al. 2012
    "rg65": Source("wordsim/rg65.tsv", 65),  # Rubenstein and Goodenough 1965
    "mc30": Source("wordsim/mc30.tsv", 30),  # Miller and Charles 1991
    "yp130": Source("wordsim/yp130.tsv", 130),  # Yang and Powers 2006, verbs
    "verb143": Source("wordsim/verb143.tsv", 144),  # Baker et al. 2014; the file holds 144 pairs
    **LIANG,
}

PACKAGED = ("ws353", "simlex999")  # there without any data folder


def _stsb(part: str, rows: int, original: str, split: str) -> Source:
    hub = Hub("mteb/stsbenchmark-sts", split)
    return Source(f"sts/stsb_{part}.tsv", rows, original=f"sts/{original}", hub=hub, foreign=_read_stsb)


def _sick(part: str, rows: int, original: str) -> Source:
    return Source(f"sts/sickr_{part}.tsv", rows, original=f"sts/{original}", foreign=_read_sick)


SENTENCES: dict[str, Source] = {
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
        "liang2021/text_simi.csv", 8628, renamed={"year": "subset", "sent1": "sentence1", "sent2": "sentence2"}
    ),
    # All pairs of the 50 news documents of Lee, Pincombe and Welsh 2005. They share documents, so that an interval that
    # takes them for independent is too narrow.
    "lee": Source("sts/lee.tsv", 1225, packaged="lee.cor", foreign=_read_lee),
}


class _Kind(NamedTuple):
    what: str
    sources: Mapping[str, Source]
    columns: tuple[str, str, str]


KINDS = {"words": _Kind("word similarity set", WORDS, _WORDS), "sentences": _Kind("STS set", SENTENCES, _SENTENCES)}


def load_word_pairs(sets: Sets = PACKAGED, data_dir: str | Path | None = None) -> ScoredPairs:
    """Load word similarity sets behind each other; scores are raw, `scaled_score` has them in [-1, 1].

    Args:
        sets: one or several of the names in `WORDS`, or paths of your own files. "liang_train" and "liang_test" (the
            split of Liang et al. 2021) bring their eight data sets under the names there.

    Raises:
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.
    """
    return load_pairs("words", sets, data_dir)


def load_sts(sets: Sets = "stsb_test", data_dir: str | Path | None = None) -> ScoredPairs:
    """Load sentence pairs with human scores.

    Args:
        sets: one or several of the names in `SENTENCES`, or paths of your own files.

    Returns:
        The sets behind each other, scores raw (0 to 5, SICK 1 to 5, Lee 0 to 1). The data set of a pair is the name of
        its set, with the official part behind a slash where there are parts: "sts12/MSRvid".

    Raises:
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.
    """
    return load_pairs("sentences", sets, data_dir)


def load_pairs(kind: str, sets: Sets, data_dir: str | Path | None = None) -> ScoredPairs:
    """`load_word_pairs` for the kind "words", `load_sts` for "sentences"; another is a ValueError."""
    if kind not in KINDS:
        raise unknown("data.kind", kind, KINDS)
    return concatenate([_load_one(KINDS[kind], name, data_dir) for name in listed(sets)])


def _load_one(kind: _Kind, name: str | Path, data_dir: str | Path | None) -> ScoredPairs:
    table = read_known(name, kind.sources, kind.columns, kind.what, data_dir)
    dataset = (Path(name).stem,) * len(table)
    if name in LIANG:
        dataset = table.text("dataset_name")
    elif kind.sources is SENTENCES and "subset" in table.columns:  # the hub's copies do not say of which part a pair is
        dataset = tuple(map("/".join, zip(dataset, table.text("subset"), strict=True)))
    one, two, score = kind.columns
    scores = table.numbers(score)
    ends = (float(scores.min()), float(scores.max()))  # the parts of a set share its scale
    with reading(table.origin, kind.what):
        return ScoredPairs(table.text(one), table.text(two), scores, dataset, dict.fromkeys(dataset, ends))


def split_pairs(
    description: Mapping[str, Any], data_dir: str | Path | None = None
) -> tuple[ScoredPairs, ScoredPairs, ScoredPairs]:
    """Training, validation and test pairs.

    Validation and test sets are parts of their own; without them, parts are split off the training sets. With neither
    validation sets nor a fraction for them there is no validation, and the training pairs take its place. The test part
    never holds a pair that stands in another part: it gives way, unless `leave_out` takes its pairs from the others.

    Args:
        description: `kind` ("words" or "sentences"), `sets`, `fractions` (the share of training, and of each part that
            is split off), `validation_sets` and `test_sets` (or None), `leave_out` (sets whose pairs may not be
            learned from; may be missing), `seed`: the keys of conf/data/*.yaml.

    Raises:
        ValueError: if the kind is unknown, fractions do not fit the parts to make, or no pair is left.

    Example:
        >>> description = {"kind": "words", "sets": ["ws353"], "fractions": [0.8, 0.1, 0.1], "seed": 0}
        >>> [len(part) for part in split_pairs(description | {"validation_sets": None, "test_sets": None})]
        [282, 35, 36]
    """
    kind = description["kind"]

    def own(key: str) -> ScoredPairs | None:
        return None if description[key] is None else load_pairs(kind, description[key], data_dir)

    validation, test = own("validation_sets"), own("test_sets")
    split_off = [name for name, part in (("validation", validation), ("test", test)) if part is None]
    fractions = list(description["fractions"])
    if len(fractions) != 1 + len(split_off) and not (split_off == ["validation"] and len(fractions) == 1):
        shares = ", ".join(["train", *split_off])
        raise ValueError(f"data.fractions needs {1 + len(split_off)} numbers ({shares}), got {fractions}")
    pairs = load_pairs(kind, description["sets"], data_dir)
    if description.get("leave_out"):
        pairs = pairs.without(load_pairs(kind, description["leave_out"], data_dir))
    train, *rest = pairs.split(fractions, description["seed"]) if len(fractions) > 1 else (pairs,)
    made = dict(zip(split_off, rest, strict=False))
    if validation is None:
        validation = made.get("validation", train)
    return train, validation, made["test"] if test is None else test.without(pairs).without(validation)


def with_contents(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description, with the SHA-256 of every file that it names."""
    return {**description, "contents": sorted(map(digest_of, filter(os.path.isfile, _files(description))))}


def check_contents(description: Mapping[str, Any]) -> None:
    """Raise a ValueError if a file that the description names, which may be anyone's, is not the one that was read.

    A removal that somebody else has learned names files of theirs: a file here that only has the same name is neither
    theirs to read nor what was learned from.
    """
    for name in filter(os.path.exists, _files(description)):
        if not os.path.isfile(name) or digest_of(name) not in description.get("contents", []):
            raise ValueError(
                f"a removal was trained on a file {name} that is not the one here, so that its pairs cannot be left "
                "out: put that file back, or evaluate it elsewhere"
            )


def _files(description: Mapping[str, Any]) -> list[str]:
    parts = ("sets", "validation_sets", "test_sets", "leave_out")
    named = [str(name) for key in parts for name in listed(description.get(key) or [])]
    return [name for name in named if name not in WORDS and name not in SENTENCES]


def seen_pairs(description: Mapping[str, Any], data_dir: str | Path | None = None) -> ScoredPairs:
    """The pairs that a removal trained on this description (its `settings["trained_on"]`) has seen."""
    if len(description["fractions"]) == 1 and description["test_sets"] is None:  # nothing was kept apart
        sets = [*listed(description["sets"]), *listed(description["validation_sets"] or [])]
        return load_pairs(description["kind"], sets, data_dir)
    return concatenate(split_pairs(description, data_dir)[:2])
