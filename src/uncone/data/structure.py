"""Sentences for asking whether vectors stand by meaning or by form.

Files are tab separated and unquoted, with a header line. Columns, among others and in any order:

- verbs: `context`, with one verb between <b> and </b>; its `lemma`; its `meaning`, any name for one sense of the lemma;
  and its `tense`, any name. SemCor, for instance, has all four.
- groups: `text`, a sentence; and `group`, any name for the sentences of one structure that mean different things.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uncone.data.context import without_marks
from uncone.data.files import read_table
from uncone.data.labelled import Span


@dataclass(frozen=True)
class Verbs:
    """Occurrences of verbs, all n long.

    Attributes:
        span: characters (first, last + 1) of the verb in each.
    """

    text: tuple[str, ...]
    span: tuple[Span, ...]
    lemma: tuple[str, ...]
    meaning: tuple[str, ...]
    tense: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    """Sentences and the structural group of each, both n long."""

    text: tuple[str, ...]
    group: tuple[str, ...]


def load_verbs(path: str | Path) -> Verbs:
    """Load verbs in sentences from a file; columns and errors are those of this module and of `read_table`."""
    table = read_table(path, ("context", "lemma", "meaning", "tense"))
    text, span = without_marks(table, "context")
    return Verbs(text, span, table.text("lemma"), table.text("meaning"), table.text("tense"))


def load_groups(path: str | Path) -> Groups:
    """Load sentences in structural groups from a file; columns and errors as of `load_verbs`."""
    table = read_table(path, ("text", "group"))
    return Groups(table.text("text"), table.text("group"))
