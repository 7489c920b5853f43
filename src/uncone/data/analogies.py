"""Word analogies: a is to b as c is to d."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uncone.data.files import Table, stream_lines
from uncone.data.sources import Source, read_known

_COLUMNS = ("category", "a", "b", "c", "d")


def _read_sections(path: Path) -> Table:
    """Read word2vec's own format: lines ": category", each followed by lines of four words."""
    rows = []
    category = ""
    for number, line in enumerate(stream_lines(path), 1):
        words = line.split()
        if line.startswith(":"):
            category = line[1:].strip()
        elif len(words) == 4:
            rows.append((number, (category, *words)))
        elif words:
            raise ValueError(f"{path}, line {number}: four words or a colon and a category expected, got {line!r}")
    if not rows:
        raise ValueError(f"{path} holds no question")
    return Table.of(path, _COLUMNS, rows)


SOURCES = {
    # The questions of Mikolov et al. 2013 (arXiv 1301.3781).
    "google": Source("analogy/google.tsv", 19544, packaged="questions-words.txt", foreign=_read_sections),
    # Those of them whose four words are single pieces of bert-base-uncased, as Liang et al. 2021 use.
    "liang": Source(
        "liang2021/word_analogy.csv",
        12154,
        renamed={"dataset_name": "category", "word1": "a", "word2": "b", "word3": "c", "word4": "d"},
    ),
}


@dataclass(frozen=True)
class Analogies:
    """Questions "a is to b as c is to what?" with their answers d, all n long."""

    category: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]
    c: tuple[str, ...]
    d: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.category)

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, in order of appearance."""
        return tuple(dict.fromkeys(self.category))


def is_syntactic(category: str) -> bool:
    """Whether a category asks about grammar; the Google set marks these by names that begin with "gram"."""
    return category.startswith("gram")


def load_analogies(name: str | Path = "google", data_dir: str | Path | None = None) -> Analogies:
    """Load the questions "google" (19544, packaged), "liang" (its 12154 with single-piece words), or of your own file.

    The file is a table of category, a, b, c and d, or lines ": category" and of four words, as questions-words.txt.

    Raises:
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.

    Example:
        >>> questions = load_analogies("google")
        >>> len(questions), questions.a[0], questions.b[0], questions.c[0], questions.d[0]
        (19544, 'Athens', 'Greece', 'Baghdad', 'Iraq')
    """
    path = Path(name)
    if name not in SOURCES and path.is_file() and next(stream_lines(path), "").startswith(":"):
        table = _read_sections(path)
    else:
        table = read_known(name, SOURCES, _COLUMNS, "analogy set", data_dir)
    return Analogies(*(table.text(column) for column in _COLUMNS))
