"""Which tokens of a text make up its words, or one stretch of its characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from uncone.encoder.transformer import TransformerEncoder


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
    return _token_spans(encoder, texts)[0]


def _token_spans(encoder: TransformerEncoder, texts: Sequence[str]) -> tuple[list[list[tuple[int, int]]], list[bool]]:
    """`token_spans`, and which texts were truncated."""
    encodings = encoder.as_read(texts).encodings
    kept = [
        [
            span
            for span, special in zip(each.offsets, each.special_tokens_mask, strict=True)
            if encoder.special_tokens or not special
        ]
        for each in encodings
    ]
    return kept, [bool(each.overflowing) for each in encodings]


def span_tokens(encoder: TransformerEncoder, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """The tokens of one stretch text[start:end] of each text: (n, 2) first and last + 1 of its rows of `encode_tokens`.

    Raises:
        ValueError: naming the text, if no token covers the characters or truncation has cut some of them off.
    """
    found = np.empty((len(texts), 2), dtype=np.int64)
    columns = _token_spans(encoder, texts)
    for i, (text, (start, end), own, truncated) in enumerate(zip(texts, spans, *columns, strict=True)):
        rows = [row for row, (first, last) in enumerate(own) if first < end and last > start]
        if truncated and max((last for _, last in own), default=0) < end:
            raise ValueError(
                f"{text[start:end]!r} lies beyond the first {encoder.max_length} tokens of {text!r}: "
                "raise encoder.max_length or shorten the text"
            )
        if not rows:
            raise ValueError(f"no token covers {text[start:end]!r}, characters {start} to {end} of {text!r}")
        found[i] = rows[0], rows[-1] + 1
    return found
