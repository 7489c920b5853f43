"""Plain text to fit a spectrum on or to measure geometry with: one string a line, paragraph or document."""

from __future__ import annotations

import bz2
import re
from pathlib import Path

from uncone.data.files import Source, packaged_file, read, read_table

SOURCES: dict[str, Source] = {
    "ptb_train": Source("corpora/ptb_mikolov_train.tsv.gz", 42068),  # Penn Treebank, lower case, rare words <unk>
    "ptb_valid": Source("corpora/ptb_mikolov_valid.tsv.gz", 3370),
    "ptb_test": Source("corpora/ptb_mikolov_test.tsv.gz", 3761),
    "wikitext2_valid": Source("corpora/wikitext2_valid.tsv.gz", 2461),
    "wikitext2_test": Source("corpora/wikitext2_test.tsv.gz", 2891),
    "brown": Source("corpora/brown.tsv.gz", 57340),
}

# What the gensim package installs: 300 news documents, and about a hundred articles of a Wikipedia dump of 2014.
PACKAGED = ("lee_background", "wikipedia")

_WIKIPEDIA = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
_PROSE = re.compile(r"""["'(]?\w.{80,}[.!?]["')]?$""")  # a line that is neither heading, list item nor caption
_MARKUP = re.compile(r"[{}|<>\[\]=]|https?:")


def load_texts(name: str | Path = "lee_background", data_dir: str | Path | None = None) -> tuple[str, ...]:
    """Load a corpus.

    Args:
        name: "lee_background" (300 news documents) or "wikipedia" (4718 paragraphs), both packaged; a name in
            `SOURCES`, which needs the data folder; or the path of your own file with a header line naming text.
        data_dir: the data folder; see `uncone.data.files`.

    Raises:
        DataUnavailable: if the corpus cannot be found.
        ValueError: if the name is unknown or the file malformed; the message names file and line.

    Example:
        >>> len(load_texts("lee_background"))
        300
    """
    if name == "lee_background":
        return tuple(packaged_file("lee_background.cor").read_text(encoding="utf-8").splitlines())
    if name == "wikipedia":
        return _wikipedia_paragraphs()
    if name in SOURCES:
        return read(SOURCES[str(name)], ("text",), data_dir).text("text")
    if not Path(name).suffix:
        raise ValueError(f"unknown corpus {str(name)!r}; known: {', '.join([*PACKAGED, *SOURCES])}, or a file")
    return read_table(name, ("text",)).text("text")


def _wikipedia_paragraphs() -> tuple[str, ...]:
    """Paragraphs of running text, without headings, lists, tables and left-over markup."""
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    paragraphs = []
    with bz2.open(packaged_file(_WIKIPEDIA)) as dump:
        for _, text, _ in extract_pages(dump, filter_namespaces=("0",)):
            for line in filter_wiki(text).splitlines():
                line = line.replace("'''", "").replace("''", "").strip()  # bold, italic
                if _PROSE.match(line) and not _MARKUP.search(line):
                    paragraphs.append(line)
    return tuple(dict.fromkeys(paragraphs))
