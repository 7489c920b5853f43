"""How a Hugging Face tokenizer writes words and their pieces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.tokenization_utils_base import PaddingStrategy, TruncationStrategy

WORD_START_MARKS = ("Ġ", "▁")  # how byte-level and sentencepiece vocabularies write a space


def word_prefix(tokenizer: Any) -> str:
    """What to put before a word so that, standing alone, it is cut as inside a sentence: a space, or nothing.

    Byte-level vocabularies (GPT-2, RoBERTa) have one piece for a word after a space and another for one at the start;
    sentencepiece ones put a space before every text, and may have a piece for two.
    """
    alone, after_space, twice = tokenizer(["a", " a", "a a"], add_special_tokens=False)["input_ids"]
    return " " if twice == alone + after_space != alone + alone else ""


def flat(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token types (t,) of texts, one text after another, and tokens per text (n,).

    Example:
        >>> flat([[7, 8], [], [9]])
        (tensor([7, 8, 9]), tensor([2, 0, 1]))
    """
    counts = torch.tensor([len(row) for row in rows], dtype=torch.long)
    types = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(counts.sum()))
    return torch.from_numpy(types), counts


class Tokens:
    """The tokens of n texts, one text after another.

    Attributes:
        types: (t,) token types.
        lengths: (n,) tokens of each text.
        special: (t,) whether a token was put around its text.
        truncated: texts of which a part was left out.
    """

    def __init__(self, encodings: Sequence[Any], before: int = 0, after: int = 0):
        """Those that the backend of a tokenizer has found, with so many special ones `before` and `after` each text."""
        self.types, self.lengths = flat([each.ids for each in encodings])
        self.special = (self.places < before) | (self.places >= (self.lengths - after)[self.owners])
        self.truncated = 0

    @cached_property
    def owners(self) -> Tensor:
        """(t,) number of the text that each token stands in."""
        return torch.repeat_interleave(torch.arange(len(self.lengths)), self.lengths)

    @cached_property
    def starts(self) -> Tensor:
        """(n + 1,) where each text starts among the tokens, and where the last one ends."""
        return torch.cat([torch.zeros(1, dtype=torch.long), self.lengths.cumsum(0)])

    @cached_property
    def places(self) -> Tensor:
        """(t,) place of each token in its text, from 0."""
        return torch.arange(len(self.types)) - self.starts[self.owners]

    def counts(self, marked: Tensor) -> Tensor:
        """(n,) how many tokens of each text are among the marked ones, (t,) bool."""
        return torch.bincount(self.owners[marked], minlength=len(self.lengths))


def read_tokens(tokenizer: Any, texts: Sequence[str], max_length: int) -> Tokens:
    """What a model reads of texts: truncated, with special tokens around each.

    The backend is asked without offsets, and for nothing that a loop over tokens would have to turn into lists.
    """
    _set_truncation(tokenizer, TruncationStrategy.LONGEST_FIRST, max_length)
    backend = tokenizer.backend_tokenizer
    marks = backend.encode("a").special_tokens_mask
    before, after = (next((i for i, mark in enumerate(side) if not mark), 0) for side in (marks, marks[::-1]))
    encodings = backend.encode_batch_fast(list(texts))
    tokens = Tokens(encodings, before, after)
    tokens.truncated = sum(bool(each.overflowing) for each in encodings if len(each) == max_length)
    return tokens


def tokenize(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token types of each text, without special tokens and without truncation."""
    _set_truncation(tokenizer, TruncationStrategy.DO_NOT_TRUNCATE, 0)
    return [each.ids for each in tokenizer.backend_tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _set_truncation(tokenizer: Any, strategy: TruncationStrategy, max_length: int) -> None:
    options = {"stride": 0, "pad_to_multiple_of": None, "padding_side": None}
    tokenizer.set_truncation_and_padding(PaddingStrategy.DO_NOT_PAD, strategy, max_length, **options)


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
