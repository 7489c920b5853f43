"""Classification sets: sentences, or pairs of sentences, and the class of each.

Files are tab separated and unquoted, with a header line. Their columns, among others and in any order:

- `label`, any text; and `split` (train, dev, test), without which all rows are one set for cross-validation;
- `text`; or `text1` and `text2` for pairs;
- or `sentence1`, `index1`, `sentence2` and `index2` for a word marked in each sentence: the number of the word,
  counted from 0, where words stand between single spaces (as in WiC).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from uncone.data.files import Table
from uncone.data.labelled import LabelledTexts, Span
from uncone.data.sources import Hub, Source, find, read, read_hub, read_known
from uncone.support.files import reading

_TEXT, _PAIR, _MARKED = ("text",), ("text1", "text2"), ("sentence1", "sentence2")


class _OnHub(NamedTuple):
    """How the hub's copy differs from the file: names of splits and of text columns; labels are numbers there."""

    name: str
    splits: Mapping[str, str]
    config: str | None = None
    texts: tuple[str, ...] = _TEXT


@dataclass(frozen=True)
class _Set:
    """Where a set is found, and what it then holds.

    Attributes:
        rows: published number of rows of each split.
        labels: all labels that may occur, in the order of their numbers on the hub; empty for any.
        folder: inside the data folder.
        merged: splits that count as part of another.
    """

    file: str
    rows: Mapping[str, int]
    labels: tuple[str, ...] = ("0", "1")
    texts: tuple[str, ...] = _TEXT
    merged: Mapping[str, str] = field(default_factory=dict)
    hub: _OnHub | None = None
    packaged: str | None = None
    folder: str = "classification"

    @property
    def source(self) -> Source:
        """Its places."""
        hub = Hub(self.hub.name, "+".join(self.hub.splits.values()), self.hub.config) if self.hub else None
        rows = sum(self.rows.values())
        return Source(f"{self.folder}/{self.file}", rows, self.packaged, hub=hub, foreign=_read_polarity)


def _read_polarity(path: Path) -> Table:
    """Read gensim's file: "__label__neg" or "__label__pos" and a space before each text."""
    lines = path.read_text(encoding="cp1252").splitlines()
    rows = []
    for number, line in enumerate(lines, 1):
        mark, _, text = line.partition(" ")
        rows.append((number, ("all", mark.removeprefix("__label__"), text)))
    return Table.of(path, ("split", "label", "text"), rows)


_GLUE = "nyu-mll/glue"
_TREC = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
_TRAIN_DEV = {"train": "train", "dev": "validation"}

SETS: dict[str, _Set] = {
    # Pang and Lee 2005: film reviews, for or against
    "mr": _Set(
        "mr.tsv",
        {"all": 10662},
        hub=_OnHub("cornell-movie-review-data/rotten_tomatoes", {"all": "train+validation+test"}),
    ),
    "cr": _Set("cr.tsv", {"all": 3771}),  # Hu and Liu 2004: product reviews, for or against
    # Pang and Lee 2004: plot or opinion
    "subj": _Set("subj.tsv", {"all": 10000}, hub=_OnHub("SetFit/subj", {"all": "train+test"})),
    "mpqa": _Set("mpqa.tsv", {"all": 10603}),  # Wiebe et al. 2005: phrases of opinion, good or bad
    # Socher et al. 2013: film reviews; phrases too in training. The hub's copies lack the phrases or the test labels.
    "sst2": _Set("sst2.tsv.gz", {"train": 67349, "dev": 872, "test": 1821}),
    # the same in five grades
    "sst5": _Set(
        "sst5.tsv",
        {"train": 8544, "dev": 1101, "test": 2210},
        labels=("0", "1", "2", "3", "4"),
        hub=_OnHub("SetFit/sst5", {**_TRAIN_DEV, "test": "test"}),
    ),
    "trec": _Set("trec.tsv", {"train": 5452, "test": 500}, labels=_TREC),  # Li and Roth 2002: questions
    # Dolan et al. 2004: paraphrases. As in SentEval, all that is not test is for training.
    "mrpc": _Set(
        "mrpc.tsv",
        {"train": 4076, "test": 1725},
        texts=_PAIR,
        merged={"val": "train"},
        hub=_OnHub(_GLUE, {"train": "train+validation", "test": "test"}, "mrpc", _MARKED),
    ),
    # entailment, as in GLUE, which does not publish the test labels; nor those of CoLA
    "rte": _Set(
        "rte.tsv",
        {"train": 2490, "dev": 277},
        labels=("entailment", "not_entailment"),
        texts=_PAIR,
        hub=_OnHub(_GLUE, _TRAIN_DEV, "rte", _MARKED),
    ),
    # Warstadt et al. 2019: is the sentence English?
    "cola": _Set("cola.tsv", {"train": 8551, "dev": 1043}, hub=_OnHub(_GLUE, _TRAIN_DEV, "cola", ("sentence",))),
    # Pilehvar and Camacho-Collados 2019: does the word mean the same in both sentences?
    "wic": _Set("wic.tsv", {"train": 5428, "dev": 638, "test": 1400}, labels=("F", "T"), texts=_MARKED),
    # Casanueva et al. 2020: what customers ask a bank, 77 intents
    "banking77": _Set("banking77.tsv.gz", {"train": 10003, "test": 3080}, labels=()),
    # Xu et al. 2015: titles of questions in 20 classes, and bags of words of search results in 8
    "stackoverflow": _Set("stackoverflow.tsv.gz", {"all": 20000}, labels=(), folder="clustering"),
    "searchsnippets": _Set("searchsnippets.tsv.gz", {"all": 12340}, labels=(), folder="clustering"),
    # The first 100 of each kind in "mr", far too few for more than a try.
    "polarity": _Set("polarity.tsv", {"all": 200}, labels=("neg", "pos"), packaged="pang_lee_polarity.cor"),
}


def load_classification(name: str | Path = "polarity", data_dir: str | Path | None = None) -> LabelledTexts:
    """Load one of `SETS`, of which "polarity" is packaged, or your own file, of the columns told at the top.

    Raises:
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.

    Example:
        >>> texts = load_classification("polarity")
        >>> len(texts), texts.classes, texts.text1[0]
        (200, ('neg', 'pos'), 'simplistic , silly and tedious .')
    """
    if name not in SETS:
        return _labelled(read_known(name, {}, ("label",), "classification set", others=list(SETS)))
    known = SETS[str(name)]
    table = _read(known, data_dir)
    for label, line in zip(table.text("label"), table.lines, strict=True):
        if known.labels and label not in known.labels:
            choices = ", ".join(known.labels)
            raise ValueError(f"{table.origin}, line {line}: label must be one of {choices}, got {label!r}")
    texts = _labelled(table, known.merged)
    rows = dict(Counter(texts.split))
    if rows != dict(known.rows):
        raise ValueError(f"{table.origin}: {dict(known.rows)} rows expected as published, found {rows}")
    return texts


def _read(known: _Set, data_dir: str | Path | None) -> Table:
    """The rows of a known set, named as in its file wherever they are found."""
    names, source = ("split", "label", *known.texts), known.source
    hub = known.hub
    if hub is None or find(source, data_dir):
        return read(source, names[1:] if set(known.rows) == {"all"} else names, data_dir)
    label_of = {str(i): label for i, label in enumerate(known.labels)}
    rows: list[tuple[int, Sequence[str]]] = []
    for split, theirs in hub.splits.items():
        part = read_hub(Hub(hub.name, theirs, hub.config), ("label", *hub.texts), looked_in=source.path)
        labels = [label_of.get(label, label) for label in part.columns["label"]]
        texts = zip(*(part.columns[name] for name in hub.texts), strict=True)
        rows += [(line, (split, label, *text)) for line, label, text in zip(part.lines, labels, texts, strict=True)]
    return Table.of(" ".join(filter(None, (hub.name, hub.config))), names, rows)


def _labelled(table: Table, merged: Mapping[str, str] | None = None) -> LabelledTexts:
    """Rows as labelled texts; which columns there are tells what kind they are of."""
    split = table.text("split") if "split" in table.columns else ("all",) * len(table)
    split = tuple((merged or {}).get(name, name) for name in split)
    names = next((names for names in (_MARKED, _PAIR) if set(names) <= set(table.columns)), _TEXT)
    text1, *rest = (table.text(name) for name in names)
    text2 = rest[0] if rest else ()
    marked = names == _MARKED
    span1 = _word_spans(table, text1, "index1") if marked else ()
    span2 = _word_spans(table, text2, "index2") if marked else ()
    with reading(table.origin, "a classification set"):
        return LabelledTexts(text1, table.text("label"), split, text2, span1, span2)


def _word_spans(table: Table, texts: tuple[str, ...], column: str) -> tuple[Span, ...]:
    """Characters of the marked word of each text, from the number of the word."""
    spans = []
    for text, index, line in zip(texts, table.numbers(column).tolist(), table.lines, strict=True):
        words = text.split(" ")
        if index not in range(len(words)) or not words[int(index)]:
            raise ValueError(f"{table.origin}, line {line}: {column} is {index:g}, but {text!r} has no such word")
        start = sum(len(word) + 1 for word in words[: int(index)])
        spans.append((start, start + len(words[int(index)])))
    return tuple(spans)
