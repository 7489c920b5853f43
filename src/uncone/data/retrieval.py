"""Search: queries, the documents to find, and which of them people judged relevant.

A folder in the layout of BEIR (Thakur et al. 2021, arXiv 2104.08663) holds

- `corpus.jsonl` and `queries.jsonl`, one JSON object a line: `_id`, `text`, and of a document maybe its `title`;
- `qrels/SPLIT.tsv`, tab separated, with the header line query-id, corpus-id, score: whole numbers, relevant above 0.

Any of them may be compressed (.gz).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uncone.data.corpora import split_sentences, wikipedia_articles
from uncone.data.files import DataUnavailable, read_table, stream_lines
from uncone.data.sources import Source, find

logger = logging.getLogger(__name__)

PACKAGED = "wikipedia"  # an article's first sentence finds the rest of it
SETS = {"cranfield": 1837, "cisi": 3114, "npl": 2083, "adi": 170}  # judgements in qrels/test.tsv
_COLUMNS = ("query-id", "corpus-id", "score")


@dataclass(frozen=True)
class Searches:
    """Queries, documents and judgements.

    Attributes:
        queries: those that have a relevant document.
        documents: text of each, which may be empty; identifiers are distinct.
        relevance: of each query, the grade of each document that was judged, by its identifier; relevant above 0. A
            document that is not there counts as never found.
        skipped: number of queries that were left out.
        query_ids: identifiers of the queries, as the folder has them.

    Raises:
        ValueError: if there is no query or no document, a query is empty or has no relevant document, or an identifier
            stands twice.
    """

    queries: tuple[str, ...]
    document_ids: tuple[str, ...]
    documents: tuple[str, ...]
    relevance: tuple[Mapping[str, int], ...] = field(repr=False)
    skipped: int = 0
    query_ids: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.queries or not self.documents:
            raise ValueError(f"{len(self.queries)} judged queries and {len(self.documents)} documents: give both")
        lengths = (len(self.queries), len(self.relevance), len(self.documents), len(self.document_ids))
        if lengths[0] != lengths[1] or lengths[2] != lengths[3]:
            raise ValueError(f"queries and judgements, documents and identifiers must be equally many, got {lengths}")
        for query, grades in zip(self.queries, self.relevance, strict=True):
            if not query.strip() or max(grades.values(), default=0) <= 0:
                raise ValueError(f"the query {query!r} is empty or has no relevant document: leave it out")
        if len(set(self.document_ids)) < len(self.document_ids):
            raise ValueError("an identifier of a document stands twice")

    def __len__(self) -> int:
        return len(self.queries)


def load_searches(
    name: str | Path | None = PACKAGED, data_dir: str | Path | None = None, split: str = "test"
) -> Searches:
    """Load one of `SETS`, the packaged "wikipedia", or your own folder, whose layout is told at the top.

    A title is put before its text. Queries without a relevant document are left out, with a warning.

    Args:
        split: which file of judgements in `qrels`.

    Raises:
        ValueError: if the name is unknown or a file malformed; DataUnavailable, if the set cannot be found.

    Example:
        >>> searches = load_searches("wikipedia")
        >>> len(searches), searches.queries[0][:35]
        (98, 'Anarchism is a political philosophy')
    """
    if name is None:
        raise DataUnavailable("name a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv")
    if name == PACKAGED:
        return _wikipedia()
    if Path(name).is_dir():
        return _read(Path(name), split)
    if name not in SETS:
        known = ", ".join([PACKAGED, *SETS])
        raise ValueError(f"no set of searches {str(name)!r}: it is no folder here, and none of {known}")
    path = find(Source(f"retrieval/{name}/queries.jsonl", 0), data_dir)
    if path is None:
        raise DataUnavailable(
            f"not found: retrieval/{name}/queries.jsonl. Name a folder that holds it as data_dir or in the environment "
            "variable UNCONE_DATA"
        )
    searches = _read(path.parent, split)
    judgements = sum(map(len, searches.relevance))
    if split == "test" and judgements != SETS[str(name)]:
        raise ValueError(f"{path.parent}: {SETS[str(name)]} judgements expected as published, got {judgements}")
    return searches


def _wikipedia() -> Searches:
    """The first sentence of each packaged article, and what follows it."""
    cut = {title: split_sentences(paragraphs[0]) for title, paragraphs in wikipedia_articles().items()}
    rest = {title: " ".join([*cut[title][1:], *rest]) for title, (_, *rest) in wikipedia_articles().items()}
    titles = [title for title, text in rest.items() if text]
    return Searches(
        tuple(cut[title][0] for title in titles),
        tuple(titles),
        tuple(rest[title] for title in titles),
        tuple({title: 1} for title in titles),
    )


def _read(folder: Path, split: str) -> Searches:
    judged = folder / "qrels" / f"{split}.tsv"
    if not (judged := _either(judged)).is_file():
        there = ", ".join(sorted(path.name.partition(".")[0] for path in (folder / "qrels").glob("*.tsv*")))
        raise DataUnavailable(f"{judged} is not there; the splits that have judgements are: {there or 'none'}")
    table = read_table(judged, _COLUMNS)
    relevance: dict[str, dict[str, int]] = {}
    for query, document, grade, line in zip(
        table.text("query-id"), table.text("corpus-id"), table.numbers("score"), table.lines, strict=True
    ):
        if grade != int(grade):
            raise ValueError(f"{judged}, line {line}: score must be a whole number, got {grade:g}")
        relevance.setdefault(query, {})[document] = int(grade)
    texts = dict(_entries(folder / "queries.jsonl"))
    if missing := [query for query in relevance if query not in texts]:
        raise ValueError(f"{judged} judges the query {missing[0]!r}, which {folder / 'queries.jsonl'} does not have")
    asked = [query for query in texts if max(relevance.get(query, {}).values(), default=0) > 0]
    if len(asked) < len(texts):
        skipped = len(texts) - len(asked)
        logger.warning("%s: %d of %d queries have no relevant document: skipped", folder, skipped, len(texts))
    documents = dict(_entries(folder / "corpus.jsonl"))
    return Searches(
        tuple(texts[query] for query in asked),
        tuple(documents),
        tuple(documents.values()),
        tuple(relevance[query] for query in asked),
        len(texts) - len(asked),
        tuple(asked),
    )


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    """Identifier and text of each line."""
    seen = set()
    path = _either(path)
    if not path.is_file():
        raise DataUnavailable(f"no such file: {path}")
    for line, content in enumerate(stream_lines(path), 1):
        try:
            entry: Any = json.loads(content)
            key, text = str(entry["_id"]), " ".join([entry.get("title") or "", entry["text"]]).strip()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path}, line {line}: a JSON object with _id and text expected") from error
        if key in seen:
            raise ValueError(f"{path}, line {line}: the _id {key!r} stands twice")
        seen.add(key)
        yield key, text


def _either(path: Path) -> Path:
    """The path, or that of the compressed file in its place."""
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.is_file() and not path.is_file() else path
