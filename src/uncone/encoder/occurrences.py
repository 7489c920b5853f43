"""A word's vector as the mean over its occurrences in a corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uncone.encoder.transformer import TransformerEncoder

TEXTS_PER_BLOCK = 512  # token states of so many texts are in memory at once


def word_occurrence_means(
    encoder: TransformerEncoder, corpus: Sequence[str], words: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean vector of each word over its occurrences in a corpus (Bommasani et al., ACL 2020).

    Each occurrence is the mean of its pieces, in context; occurrences weigh equally. Case is ignored.

    Args:
        encoder: gives one vector per token of a text, in order.
        corpus: texts.
        words: n words.

    Returns:
        means (n, d) float32, zeros for a word that does not occur; counts (n,) int64 of occurrences.
    """
    index = {word.casefold(): i for i, word in enumerate(dict.fromkeys(words))}
    slots = {key: slot for slot, key in enumerate(index)}
    totals = np.zeros((len(slots), encoder.dimension))
    counts = np.zeros(len(slots), dtype=np.int64)
    for start in range(0, len(corpus), TEXTS_PER_BLOCK):
        block = corpus[start : start + TEXTS_PER_BLOCK]
        tokens = encoder.encode_tokens(block)
        begins = np.searchsorted(tokens.texts, np.arange(len(block)))
        for begin, pieces in zip(begins, encoder.word_spans(block), strict=True):
            for word, first, last in pieces:
                slot = slots.get(word.casefold())
                if slot is not None:
                    totals[slot] += tokens.vectors[begin + first : begin + last].mean(0)
                    counts[slot] += 1
    rows = np.array([slots[word.casefold()] for word in words], dtype=np.int64)
    means = totals / np.maximum(counts, 1)[:, None]
    return means[rows].astype(np.float32), counts[rows]
