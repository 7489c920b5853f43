"""A word's vector as the mean over its occurrences in a corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rich.progress import track

from uncone.encoder.base import TokenVectors
from uncone.encoder.spans import word_spans
from uncone.encoder.transformer import TransformerEncoder

TEXTS_PER_BLOCK = 512  # token states of so many texts are in memory at once


def word_occurrence_means(
    encoder: TransformerEncoder,
    corpus: Sequence[str],
    words: Sequence[str],
    tokens_of: Callable[[Sequence[str]], TokenVectors] | None = None,
    progress: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean vector of each word over its occurrences in a corpus (Bommasani et al., ACL 2020).

    Each occurrence is the mean of its pieces, in context; occurrences weigh equally. Case is ignored.

    Returns:
        means (n, d) float32, zeros for a word that does not occur; counts (n,) int64 of occurrences.
    """
    slots = {word: slot for slot, word in enumerate(dict.fromkeys(word.casefold() for word in words))}
    totals = np.zeros((len(slots), encoder.dimension))
    counts = np.zeros(len(slots), dtype=np.int64)
    blocks = [corpus[start : start + TEXTS_PER_BLOCK] for start in range(0, len(corpus), TEXTS_PER_BLOCK)]
    for block in track(blocks, f"Words in context, {encoder.name}", disable=not progress or len(blocks) == 1):
        tokens = tokens_of(block) if tokens_of else encoder.encode_tokens(block, progress=False)
        begins = np.searchsorted(tokens.texts, np.arange(len(block)))
        for begin, spans in zip(begins, word_spans(encoder, block), strict=True):
            for word, first, end in spans:
                slot = slots.get(word.casefold())
                if slot is not None:
                    totals[slot] += tokens.vectors[begin + first : begin + end].mean(0)
                    counts[slot] += 1
    rows = [slots[word.casefold()] for word in words]
    means = totals / np.maximum(counts, 1)[:, None]
    return means[rows].astype(np.float32), counts[rows]
