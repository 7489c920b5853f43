"""Word analogies: a is to b as c is to d."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uncone.data.files import Source, Table, find, read, read_table

# The questions of Mikolov et al. 2013 (arXiv 1301.3781).
GOOGLE = Source("analogy/google.tsv", 19544, packaged="questions-words.txt")
# Those of them whose four words are single pieces of bert-base-uncased, as Liang et al. 2021 use.
LIANG = Source("liang2021/word_analogy.csv", 12154)

_COLUMNS = ("category", "a", "b", "c", "d")
_LIANG_COLUMNS = ("dataset_name", "word1", "word2", "word3", "word4")


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
    """Whether a category asks about grammar; the Google set marks these by names that begin with "gram".

    Example:
        >>> is_syntactic("gram8-plural"), is_syntactic("currency")
        (True, False)
    """
    return category.startswith("gram")


def load_analogies(name: str | Path = "google", data_dir: str | Path | None = None) -> Analogies:
    """Load analogy questions.

    Args:
        name: "google" (19544 questions, packaged), "liang" (its 12154 with single-piece words) or the path of your own
            file with a header line naming category, a, b, c and d.

    Raises:
        DataUnavailable: if the set cannot be found.
        ValueError: if the name is unknown or the file malformed; the message names file and line.

    Example:
        >>> questions = load_analogies("google")
        >>> len(questions), questions.a[0], questions.b[0], questions.c[0], questions.d[0]
        (19544, 'Athens', 'Greece', 'Baghdad', 'Iraq')
    """
    if name == "google":
        place = find(GOOGLE, data_dir)
        if isinstance(place, Path) and place.name == GOOGLE.packaged:
            return _analogies(_read_sections(place, GOOGLE.rows), _COLUMNS)
        return _analogies(read(GOOGLE, _COLUMNS, data_dir), _COLUMNS)
    if name == "liang":
        return _analogies(read(LIANG, _LIANG_COLUMNS, data_dir), _LIANG_COLUMNS)
    if not Path(name).suffix:
        raise ValueError(f"unknown analogy set {str(name)!r}; known: google, liang, or a file")
    return _analogies(read_table(name, _COLUMNS), _COLUMNS)


def _analogies(table: Table, columns: tuple[str, ...]) -> Analogies:
    return Analogies(*(table.text(column) for column in columns))


def _read_sections(path: Path, rows: int) -> Table:
    """Read word2vec's own format: lines ": category", each followed by lines of four words."""
    columns: dict[str, list[str]] = {column: [] for column in _COLUMNS}
    lines = []
    category = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith(": "):
            category = line[2:]
            continue
        for column, word in zip(_COLUMNS, (category, *line.split()), strict=True):
            columns[column].append(word)
        lines.append(number)
    if len(lines) != rows:
        raise ValueError(f"{path}: {rows} questions expected as published, found {len(lines)}; reinstall gensim")
    return Table(str(path), columns, lines)
