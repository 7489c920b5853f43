"""How a Hugging Face tokenizer writes words and their pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WORD_START_MARKS = ("Ġ", "▁")  # how byte-level and sentencepiece vocabularies write a space


def word_prefix(tokenizer: Any) -> str:
    """What to put before a word so that, standing alone, it is cut as inside a sentence: a space, or nothing.

    Byte-level vocabularies (GPT-2, RoBERTa) have one piece for a word after a space and another for one at the start;
    sentencepiece ones put a space before every text, and may have a piece for two.
    """
    alone, after_space, twice = tokenizer(["a", " a", "a a"], add_special_tokens=False)["input_ids"]
    return " " if twice == alone + after_space != alone + alone else ""


def tokenize(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token types of each text, without special tokens and without truncation."""
    rows: list[list[int]] = []
    if len(texts):
        rows = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    return rows


def unknown_piece(tokenizer: Any) -> int | None:
    """Token type of unknown pieces; None for vocabularies that spell everything out and name another token for it."""
    return None if tokenizer.unk_token == tokenizer.eos_token else tokenizer.unk_token_id


def piece_names(tokenizer: Any) -> list[str]:
    """Token types by readable names: a piece that begins a word is named by its letters, others start with "##".

    Word-piece vocabularies write their pieces so already; in byte-level and sentencepiece vocabularies a piece that
    begins a word carries a mark, and bytes stand for letters.
    """
    pieces: list[str] = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    if not tokenizer.tokenize(" a")[0].startswith(WORD_START_MARKS):
        return pieces
    special = set(tokenizer.all_special_tokens)
    return [piece if piece in special else _marked_name(tokenizer, piece) for piece in pieces]


def _marked_name(tokenizer: Any, piece: str) -> str:
    letters = tokenizer.convert_tokens_to_string([piece]).lstrip(" ")
    if not letters or "\ufffd" in letters:  # spaces alone, or a part of a letter
        return piece
    return letters if piece.startswith(WORD_START_MARKS) else f"##{letters}"
