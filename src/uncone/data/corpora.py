"""Plain text to fit a spectrum on or to measure geometry with: one string a line, paragraph or document."""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from pathlib import Path

from uncone.data.files import say_left_out, stream_lines, stream_table, suffix
from uncone.data.pair_sets import SENTENCES, load_sts
from uncone.data.sources import Hub, Source, asking_hub, load_hub, packaged_file, read
from uncone.support.files import reading
from uncone.support.wording import meant

SOURCES: dict[str, Source] = {
    "ptb_train": Source("corpora/ptb_mikolov_train.tsv.gz", 42068),  # Penn Treebank, lower case, rare words <unk>
    "ptb_valid": Source("corpora/ptb_mikolov_valid.tsv.gz", 3370),
    "ptb_test": Source("corpora/ptb_mikolov_test.tsv.gz", 3761),
    "wikitext2_valid": Source("corpora/wikitext2_valid.tsv.gz", 2461),
    "wikitext2_test": Source("corpora/wikitext2_test.tsv.gz", 2891),
    "brown": Source("corpora/brown.tsv.gz", 57340),
}

# What the gensim package installs: 300 news documents, and about a hundred articles of a Wikipedia dump of 2014, in
# paragraphs or in sentences.
PACKAGED = ("lee_background", "wikipedia", "wikipedia_sentences")

_WIKIPEDIA = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
_PROSE = re.compile(r"""["'(]?\w.{80,}[.!?]["')]?$""")  # a line that is neither heading, list item nor caption
_SLICE = re.compile(r"(.+)\[:(\d+)\]")  # as splits are cut in `datasets`
_BOUNDARY = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["')\]]))\s+(?=["'(\[]?[A-Z0-9])""")
_MARKUP = re.compile(r"[{}|<>\[\]=]|https?:")


def load_texts(name: str | Path = "lee_background", data_dir: str | Path | None = None) -> tuple[str, ...]:
    """All texts of a `Corpus`, at once.

    Example:
        >>> len(load_texts("lee_background"))
        300
    """
    return tuple(Corpus(str(name), data_dir=data_dir))


def split_sentences(text: str) -> list[str]:
    """Cut text at full stops, question and exclamation marks that a capital or a digit follows.

    Example:
        >>> split_sentences("It rained. Dr No stayed at home!  Did he?")
        ['It rained.', 'Dr No stayed at home!', 'Did he?']
    """
    return [sentence for part in _BOUNDARY.split(text) if (sentence := part.strip())]


@cache  # stripping the markup takes seconds
def wikipedia_articles() -> Mapping[str, tuple[str, ...]]:
    """Title and paragraphs of each packaged article: running text, without headings, lists, tables and markup."""
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    articles = {}
    with bz2.open(packaged_file(_WIKIPEDIA)) as dump:
        for title, text, _ in extract_pages(dump, filter_namespaces=("0",)):
            lines = (line.replace("'''", "").replace("''", "").strip() for line in filter_wiki(text).splitlines())
            if prose := tuple(line for line in lines if _PROSE.match(line) and not _MARKUP.search(line)):
                articles[title] = prose
    return articles


def _wikipedia_paragraphs() -> Iterable[str]:
    return dict.fromkeys(chain.from_iterable(wikipedia_articles().values()))


@dataclass(frozen=True)
class Corpus:
    """A corpus that is read as a stream, as often as asked, and never held whole (but for the small packaged ones).

    Attributes:
        name: one of `PACKAGED` or `SOURCES`; an STS set such as "stsb_train", for its sentences; a text file, one text
            a line; a folder, whose .txt files are read in order of their paths; a table (.tsv, .csv) with a header
            line; or "hf://OWNER/NAME", a data set of the Hugging Face hub. Files may be compressed (.gz). "NAME[:N]" is
            the first N texts of any of them.
        column: of a table or data set, the column of texts.

    Raises:
        ValueError: while reading, if there is no such corpus, or a table lacks the column or is malformed;
            DataUnavailable, if it cannot be found.

    Example:
        >>> sum(1 for _ in Corpus("lee_background"))
        300
    """

    name: str
    column: str = "text"
    split: str = "train"
    data_dir: str | Path | None = None

    def __iter__(self) -> Iterator[str]:
        """Read the texts from the start, without empty ones and blanks around them."""
        sliced = _SLICE.fullmatch(self.name)
        name, limit = (sliced[1], int(sliced[2])) if sliced else (self.name, None)
        return islice(self._present(name), limit)

    def _present(self, name: str) -> Iterator[str]:
        missing, present = 0, False
        try:
            for text in self._texts(name):
                if text is None:
                    missing += 1
                elif stripped := text.strip():
                    present = True
                    yield stripped
            if not present:
                raise ValueError(f"the corpus {name} holds no text: name one that does, one text a line")
        finally:
            say_left_out(self.name, missing)

    def _texts(self, name: str) -> Iterator[str | None]:
        """All texts; None for one that is missing."""
        path = Path(name)
        known = [*PACKAGED, *SOURCES, *SENTENCES]
        if name.startswith("hf://"):
            yield from self._hub(name.removeprefix("hf://"))
        elif name in known:
            yield from self._known(name)
        elif path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.name.endswith((".txt", ".txt.gz")))
            if not files:
                raise ValueError(f"no .txt file in the folder {path.resolve()}")
            for file in files:
                yield from stream_lines(file)
        elif not path.is_file():
            names = ", ".join(known) + meant(name, known)
            raise ValueError(f"no corpus {name!r}: it is no file or folder here, not hf://…, and none of {names}")
        elif suffix(path) in (".tsv", ".csv"):
            rows = stream_table(path, [self.column])
            place = next(rows)[1].index(self.column)
            for _, row in rows:
                yield row[place].strip() or None
        else:
            yield from stream_lines(path)

    def _known(self, name: str) -> Iterable[str]:
        if name == "lee_background":
            return packaged_file("lee_background.cor").read_text(encoding="utf-8").splitlines()
        if name == "wikipedia":
            return _wikipedia_paragraphs()
        if name == "wikipedia_sentences":
            return dict.fromkeys(chain.from_iterable(map(split_sentences, _wikipedia_paragraphs())))
        if name in SOURCES:
            return read(SOURCES[name], ("text",), self.data_dir).text("text")
        pairs = load_sts(name, self.data_dir)
        return dict.fromkeys([*pairs.text1, *pairs.text2])

    def _hub(self, name: str) -> Iterator[str | None]:
        failure = f"reading {name} ({self.split}) from the Hugging Face hub failed"
        rows = iter(load_hub(Hub(name, self.split), failure, streaming=True))
        with asking_hub(name, failure):
            first = next(rows)
        if self.column not in first:
            raise ValueError(f"{name}: no column {self.column!r}, it has {', '.join(first)}; set column=NAME")
        with reading(f"hf://{name}", "texts"):
            for row in chain([first], rows):
                yield None if row[self.column] is None else str(row[self.column])


@dataclass(frozen=True)
class Corpora:
    """Several corpora, read one after another, as often as asked, at most `limit` texts of each."""

    parts: Sequence[Corpus]
    limit: int | None = None

    def __iter__(self) -> Iterator[str]:
        """Read the texts from the start."""
        return chain.from_iterable(islice(part, self.limit) for part in self.parts)
