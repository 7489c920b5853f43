"""Search: does a query find the documents that people judged relevant to it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from uncone.data.retrieval import PACKAGED, Searches, load_searches
from uncone.encoder import StoredEncoder
from uncone.encoder.loading import resolve_device
from uncone.removal.vectors import Vectors
from uncone.support.arrays import matrix
from uncone.tasks.base import DataTask, Prediction, distinct

METRICS = ("ndcg@10", "map", "recall@100", "mrr@10")
DEPTH = 1000  # ranks that are looked at, as trec_eval and MTEB do
DOCUMENTS = 1 << 15  # encoded and searched at once
QUERIES = 64  # compared with them at once: a score and a place for each pair, 25 MB


class Retrieval(DataTask[Searches]):
    """Exact search by cosine.

    Reported are the means over queries, and what is resampled are queries. With grades g,
    nDCG@10 is Σ g / log2(rank + 1) over the first ten ranks, divided by the highest sum possible; MAP is the
    mean, over relevant documents, of the precision at the rank of each, 0 beyond rank 1000; recall@100 the share of
    relevant documents among the first hundred; MRR@10 one over the rank of the first relevant one, 0 beyond rank 10.
    These are trec_eval's definitions, and of documents with equal cosine the one whose identifier is later in
    alphabetical order comes first, as there. Documents of the same text have equal cosines.

    The packaged articles are those from which recipes learn by default: what a learned removal gains there is no
    evidence.

    Queries and documents get the prompts that the encoder's folder has for them. An empty document is never found; one
    of unknown words only has cosine 0 with everything. Of stored vectors, identifiers name the rows, and those of
    `encoder.queries`, unless `encoder.texts` names them by their texts.

    Args:
        data, data_dir, split: for `uncone.data.load_searches`.
        name: in the results; None takes that of the data.

    Memory is bounded whatever the number of documents, but for their texts.

    Example:
        >>> task = Retrieval("wikipedia")
        >>> task.name, len(task.data)
        ('wikipedia', 98)
    """

    use = "search"
    load = staticmethod(load_searches)

    def __init__(
        self,
        data: str | Path | Searches | None = PACKAGED,
        name: str | None = None,
        data_dir: str | Path | None = None,
        split: str = "test",
    ) -> None:
        super().__init__(data, name, data_dir)
        self._split = split

    def _read(self, data: str | Path | Searches | None) -> Searches:
        return data if isinstance(data, Searches) else self.load(data, self._data_dir, self._split)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """What each query contributes to each mean."""
        data = self.data
        kept = [i for i, text in enumerate(data.documents) if text.strip()]
        kept.sort(key=lambda i: data.document_ids[i], reverse=True)
        queries, documents = data.queries, data.documents
        encoder = getattr(vectors, "encoder", None)
        if isinstance(encoder, StoredEncoder) and encoder.known(data.document_ids[:1])[0]:
            queries, documents = data.query_ids, data.document_ids
            if encoder.queries is None or not queries:
                raise ValueError(f"{encoder.name} has no vectors of queries: set encoder.queries=FILE")
        ranked = search(
            vectors.with_prompt("query").sentences(queries),
            [documents[i] for i in kept],
            vectors.with_prompt("document").sentences,
        )
        found = [[data.document_ids[kept[place]] for place in row] for row in ranked]
        scores = np.array([measure(*each) for each in zip(found, data.relevance, strict=True)])  # (n, metrics)
        nothing = np.zeros(len(data))
        return [Prediction("all", nothing, scores[:, i], (metric,)) for i, metric in enumerate(METRICS)]


def search(queries: np.ndarray, texts: Sequence[str], encode: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray:
    """Places (n, k) among the texts of those with the highest cosine to each query (n, d), best first.

    k is 1000, or the number of texts if they are fewer. Of equal cosines, the first text comes first. `encode` is given
    some thousands of texts at a time. A ValueError if a vector holds NaN or infinity.
    """
    device = resolve_device("auto")
    asked = _unit(queries, device)
    best = torch.empty(len(asked), 0, device=device)
    places = torch.empty(len(asked), 0, dtype=torch.long, device=device)
    for start in range(0, len(texts), DOCUMENTS):
        unique, number, _ = distinct(texts[start : start + DOCUMENTS], ())
        vectors, row = _unit(encode(unique), device), torch.from_numpy(number).to(device)
        place = torch.arange(start, start + len(row), device=device)
        parts = []
        for block in torch.arange(len(asked), device=device).split(QUERIES):
            scores = torch.cat([best[block], (asked[block] @ vectors.T)[:, row]], dim=1)
            among = torch.cat([places[block], place.expand(len(block), -1)], dim=1)
            scores, order = scores.sort(dim=1, descending=True, stable=True)
            parts.append((scores[:, :DEPTH], among.gather(1, order[:, :DEPTH])))
        best, places = (torch.cat(each) for each in zip(*parts, strict=True))
    return places.cpu().numpy()


def _unit(vectors: np.ndarray, device: torch.device) -> Tensor:
    return normalize(matrix(vectors, "vectors").float().to(device), dim=1)


def measure(found: Sequence[str], relevance: Mapping[str, int]) -> tuple[float, ...]:
    """`METRICS` of one query.

    Args:
        found: identifiers of the documents found, best first.
        relevance: grades of those that were judged, of which one at least is above 0.

    Example:
        >>> [round(value, 3) for value in measure(["a", "b", "c"], {"b": 1, "d": 2, "a": 0})]
        [0.24, 0.25, 0.5, 0.5]
    """
    grades = np.array([max(relevance.get(document, 0), 0) for document in found], dtype=np.float64)
    ideal = np.sort([grade for grade in relevance.values() if grade > 0])[::-1]
    ranks = np.flatnonzero(grades) + 1  # of the relevant documents found
    return (
        _gain(grades[:10]) / _gain(ideal[:10]),
        float(np.sum(np.arange(1, len(ranks) + 1) / ranks)) / len(ideal),
        int(np.count_nonzero(ranks <= 100)) / len(ideal),
        1 / int(ranks[0]) if len(ranks) and ranks[0] <= 10 else 0.0,
    )


def _gain(grades: np.ndarray) -> float:
    return float(np.sum(grades / np.log2(np.arange(2, len(grades) + 2))))
