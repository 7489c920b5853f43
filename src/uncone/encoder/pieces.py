"""Names of token types."""

from __future__ import annotations

from typing import Any

WORD_START_MARKS = "Ġ▁"  # how byte-level and sentencepiece vocabularies write a space


def piece_names(tokenizer: Any, marks_word_starts: bool) -> list[str]:
    """Token types by readable names: a piece that can stand alone as a word is named by that word, others start with
    "##"."""
    pieces: list[str] = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    if not marks_word_starts:  # word pieces are written so already
        return pieces
    special = set(tokenizer.all_special_tokens)
    return [
        piece if piece in special else piece[1:] if piece[0] in WORD_START_MARKS and len(piece) > 1 else f"##{piece}"
        for piece in pieces
    ]
