"""Which tokens of a text make up its words, or one stretch of its characters; and the mean vectors of words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from uncone.encoder.base import Encoder, TokenVectors
from uncone.encoder.texts import blocks
from uncone.encoder.transformer import TransformerEncoder
from uncone.support.terminal import track


def word_spans(encoder: TransformerEncoder, texts: Sequence[str]) -> list[list[tuple[str, int, int]]]:
    """Words of each text as its tokenizer separates them: (word, first, last + 1), counting rows of `encode_tokens`."""
    encoded = encoder.as_read(texts)
    spans = []
    for i, (text, special) in enumerate(zip(texts, encoded["special_tokens_mask"], strict=True)):
        returned = [encoder.special_tokens or not is_special for is_special in special]
        row_of = [0, *accumulate(returned)]  # of each token among those returned
        row = []
        for word in dict.fromkeys(word for word in encoded.word_ids(i) if word is not None):
            letters, tokens = encoded.word_to_chars(i, word), encoded.word_to_tokens(i, word)
            row.append((text[letters.start : letters.end].strip(), row_of[tokens.start], row_of[tokens.end]))
        spans.append(row)
    return spans


def token_spans(encoder: TransformerEncoder, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Where each row of `encode_tokens` stands in its text, in characters; (0, 0) for [CLS] and its like."""
    return [_places(encoder, read) for read in encoder.as_read(texts).encodings]


def _places(encoder: TransformerEncoder, read: Any) -> list[tuple[int, int]]:
    tokens = zip(read.offsets, read.special_tokens_mask, strict=True)
    return [place for place, special in tokens if encoder.special_tokens or not special]


def span_tokens(encoder: TransformerEncoder, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """The tokens of one stretch text[start:end] of each text: (n, 2) first and last + 1 of its rows of `encode_tokens`.

    Raises:
        ValueError: naming the text, if no token covers the characters or truncation has cut some of them off.
    """
    found = np.empty((len(texts), 2), dtype=np.int64)
    encodings = encoder.as_read(texts).encodings
    for i, (text, (start, end), read) in enumerate(zip(texts, spans, encodings, strict=True)):
        places = _places(encoder, read)
        rows = [row for row, (first, last) in enumerate(places) if first < end and last > start]
        if read.overflowing and max((last for _, last in places), default=0) < end:
            raise ValueError(
                f"{text[start:end]!r} lies beyond the first {encoder.max_length} tokens of {text!r}: "
                "raise encoder.max_length or shorten the text"
            )
        if not rows:
            raise ValueError(f"no token covers {text[start:end]!r}, characters {start} to {end} of {text!r}")
        found[i] = rows[0], rows[-1] + 1
    return found


def span_means(
    encoder: Encoder,
    texts: Sequence[str],
    spans: Sequence[tuple[int, int]],
    tokens_of: Callable[[Sequence[str]], TokenVectors],
) -> tuple[np.ndarray, np.ndarray]:
    """Mean vector of the tokens of one stretch text[start:end] of each text; errors are those of `span_tokens`.

    In a static table the surroundings make no difference: the stretch is cut into pieces as if it stood alone.

    Returns:
        rows (m,) of the texts whose stretch has a token; means (m, w) float32.
    """
    if isinstance(encoder, TransformerEncoder):
        places = span_tokens(encoder, texts, spans)
    else:
        texts = encoder.as_words([text[start:end] for text, (start, end) in zip(texts, spans, strict=True)])
        counts = np.array([len(types) for types in encoder.tokenize(texts)])
        places = np.stack([np.zeros_like(counts), counts], axis=1)  # (n, 2) first token and last + 1
    rows = np.flatnonzero(places[:, 1])
    if not len(rows):
        return rows, np.zeros((0, encoder.dimension), dtype=np.float32)
    number = {text: i for i, text in enumerate(dict.fromkeys(texts[row] for row in rows.tolist()))}
    tokens = tokens_of(list(number))
    begins = np.searchsorted(tokens.texts, [number[texts[row]] for row in rows.tolist()])
    stretches = zip(begins, places[rows], strict=True)
    return rows, np.stack([tokens.vectors[b + first : b + end].mean(axis=0) for b, (first, end) in stretches])


def word_occurrence_means(
    encoder: TransformerEncoder,
    corpus: Iterable[str],
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
    total = sum(1 for _ in blocks(corpus))
    for block in track(blocks(corpus), "words in context", "encode", total, disable=not progress):
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
