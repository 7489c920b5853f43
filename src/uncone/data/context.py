"""Words in context, and sentences for asking whether vectors stand by meaning or by form.

Files are tab separated and unquoted, with a header line. Columns, among others and in any order:

- pairs of words: `context1` and `context2`, each with one word between <b> and </b>; and `score`, how alike people find
  their meaning there. The published ratings of SCWS become such a file under the header line (tabs for spaces)
  id word1 pos1 word2 pos2 context1 context2 score r1 r2 r3 r4 r5 r6 r7 r8 r9 r10
- verbs: `context`, with one verb between <b> and </b>; its `lemma`; its `meaning`, any name for one sense of the lemma;
  and its `tense`, any name. SemCor, for instance, has all four.
- groups: `text`, a sentence; and `group`, any name for the sentences of one structure that mean different things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from uncone.data.files import Table, read_table
from uncone.data.labelled import Span
from uncone.data.pairs import ScoredPairs
from uncone.data.sources import Source, read_known
from uncone.support.files import reading

COLUMNS = ("context1", "context2", "score")

SOURCES = {"scws": Source("context/scws.tsv", 2003)}  # Huang et al. 2012

_MARK = re.compile(r"<b>\s*(.*?)\s*</b>")


@dataclass(frozen=True)
class WordsInContext:
    """Pairs of texts with a word marked in each.

    Attributes:
        span1: characters (first, last + 1) of the word in each first text.
        span2: in each second text.
    """

    pairs: ScoredPairs
    span1: tuple[Span, ...]
    span2: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.pairs)


def load_words_in_context(name: str | Path = "scws", data_dir: str | Path | None = None) -> WordsInContext:
    """Load the pairs "scws", or those of your own file; its columns are described at the top of this module.

    Raises:
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.
    """
    table = read_known(name, SOURCES, COLUMNS, "set of words in context", data_dir)
    text1, span1 = _without_marks(table, "context1")
    text2, span2 = _without_marks(table, "context2")
    with reading(table.origin, "words in context"):
        pairs = ScoredPairs(text1, text2, table.numbers("score"), (Path(name).stem,) * len(table))
    return WordsInContext(pairs, span1, span2)


class Verbs(NamedTuple):
    """Occurrences of verbs, all n long; `span` are the characters (first, last + 1) of the verb in each text."""

    text: tuple[str, ...]
    span: tuple[Span, ...]
    lemma: tuple[str, ...]
    meaning: tuple[str, ...]
    tense: tuple[str, ...]


def load_verbs(path: str | Path) -> Verbs:
    """Load verbs in sentences from a file; errors as of `read_table`."""
    table = read_table(path, ("context", "lemma", "meaning", "tense"))
    return Verbs(*_without_marks(table, "context"), *map(table.text, ("lemma", "meaning", "tense")))


class Groups(NamedTuple):
    """Sentences and the structural group of each, both n long."""

    text: tuple[str, ...]
    group: tuple[str, ...]


def load_groups(path: str | Path) -> Groups:
    """Load sentences in structural groups from a file; errors as of `read_table`."""
    table = read_table(path, ("text", "group"))
    return Groups(table.text("text"), table.text("group"))


def _without_marks(table: Table, column: str) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    """Texts without their marks, and where the marked words then stand."""
    texts, spans = [], []
    for text, line in zip(table.text(column), table.lines, strict=True):
        marks = list(_MARK.finditer(text))
        if len(marks) != 1 or not marks[0][1]:
            raise ValueError(f"{table.origin}, line {line}: {column} must have one word between <b> and </b>: {text!r}")
        before, word, after = text[: marks[0].start()], marks[0][1], text[marks[0].end() :]
        texts.append(before + word + after)
        spans.append((len(before), len(before) + len(word)))
    return tuple(texts), tuple(spans)
