"""Words in context: two words, each marked in a text of its own, and how alike people find their meaning there.

Files are tab separated and unquoted, with a header line. Columns, among others and in any order: `context1` and
`context2`, each with one word between <b> and </b>, and `score`. The published ratings of SCWS become such a file under

    id word1 pos1 word2 pos2 context1 context2 score r1 r2 r3 r4 r5 r6 r7 r8 r9 r10

as a header line, with tabs in place of the spaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from uncone.data.files import Table
from uncone.data.labelled import Span
from uncone.data.pairs import ScoredPairs
from uncone.data.sources import Source, read, read_own

COLUMNS = ("context1", "context2", "score")

SCWS = Source("context/scws.tsv", 2003)  # Huang et al. 2012

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

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "mine.tsv")
        >>> rows = "the <b>bank</b> of a river\\ta <b> bank </b> lends\\t2", "a <b>cup</b>\\ta <b>mug</b>\\t9"
        >>> _ = path.write_text("\\n".join(("context1\\tcontext2\\tscore", *rows)))
        >>> words = load_words_in_context(path)
        >>> words.pairs.text2[0], words.span2[0]
        ('a bank lends', (2, 6))
    """
    if name == "scws":
        table = read(SCWS, COLUMNS, data_dir)
    else:
        table = read_own(name, COLUMNS, "set of words in context", ["scws"])
    text1, span1 = without_marks(table, "context1")
    text2, span2 = without_marks(table, "context2")
    pairs = ScoredPairs(text1, text2, table.numbers("score"), (Path(name).stem,) * len(table))
    return WordsInContext(pairs, span1, span2)


def without_marks(table: Table, column: str) -> tuple[tuple[str, ...], tuple[Span, ...]]:
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
