"""Static encoders: a table of vectors and a way to cut text into its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uncone.encoder.base import Encoder, TokenVectors
from uncone.encoder.convention import Convention
from uncone.encoder.pieces import flat, piece_names, tokenize, unknown_piece, word_prefix
from uncone.encoder.pooling import check_pooling, pool
from uncone.encoder.texts import check_known, check_texts, unique_texts

STATIC = "static"  # layers of a model's input table
TEXTS_PER_BLOCK = 4096  # bounds the memory of the gathered rows


class TableEncoder(Encoder):
    """A static table: one vector per token type, the same in every text.

    Args:
        pieces: V token types.
        tokenize: texts to lists of row indices.
        table_hash: identity of table and tokenizer.
        layers: "static" for a model's input table, "words" for word vectors.
        unknown: row of the unknown piece, if there is one.
        prefix: goes before a word that stands alone, so that it is cut as inside a sentence.
        tokenizer: the one behind `tokenize`, if it is a model's.
        own: of the folder that it comes from; its tail and its prompts are used.
        prompt: name of the one that goes before texts; None for what the folder says, "" for none.

    Attributes:
        table: (V, d) vectors.

    Raises:
        ValueError: if table and pieces differ in number, or the pooling has no meaning here.
    """

    is_static = True
    table: Tensor

    def __init__(
        self,
        table: Tensor,
        pieces: list[str],
        tokenize: Callable[[Sequence[str]], list[list[int]]],
        name: str,
        table_hash: str,
        layers: str = STATIC,
        pooling: str = "mean",
        unknown: int | None = None,
        prefix: str = "",
        tokenizer: Any = None,
        own: Convention | None = None,
        prompt: str | None = None,
    ):
        super().__init__()
        own = own or Convention()
        if len(table) != len(pieces):
            raise ValueError(f"the table of {name} has {len(table)} rows but its vocabulary {len(pieces)} pieces")
        if check_pooling(pooling) == "cls":
            raise ValueError("a static table has no classification token for pooling 'cls': choose 'mean' or another")
        self.register_buffer("table", table.detach(), persistent=False)
        self.pieces, self.name, self.hash, self.layers = pieces, name, table_hash, layers
        self.pooling, self.tail = pooling, own.tail
        self.dimension = self.tail(torch.zeros(1, table.shape[1])).shape[1]
        self._choose_prompt(own, prompt)
        self._tokenize, self._unknown, self._prefix = tokenize, unknown, prefix
        self.tokenizer = tokenizer
        self._weigh_and_freeze()

    @property
    def settings(self) -> dict[str, str | int | bool | None]:
        """Weights, layers, pooling and what else changes the vectors."""
        return {**super().settings, "dtype": str(self.table.dtype)}

    @property
    def rows(self) -> np.ndarray:
        """(V, w) float32, the table."""
        return self.table.float().cpu().numpy()

    def rows_at(self, ids: Tensor) -> Tensor:
        """Rows (t, w) float32 of these numbers."""
        return self.table[ids].float()

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Row indices of each text."""
        return self._tokenize(texts)

    @torch.no_grad()
    def pooled(self, texts: Sequence[str], progress: bool = True, alone: bool = False) -> np.ndarray:
        """Pooled vectors (n, w) float32 of n texts; see `Encoder.pooled`."""
        unique, inverse = unique_texts(texts)
        unique = unique if alone else [self.prompt + text for text in unique]
        blocks = [self._pooled(unique[i : i + TEXTS_PER_BLOCK]) for i in range(0, len(unique), TEXTS_PER_BLOCK)]
        return torch.cat(blocks)[inverse].numpy()

    def _pooled(self, texts: list[str]) -> Tensor:
        rows = self.tokenize(texts)
        check_known(texts, [any(i != self._unknown for i in row) for row in rows])
        ids, lengths = (part.to(self.table.device) for part in flat(rows))
        weights = self.weights[ids] if self.weights is not None else None
        return pool(self.rows_at(ids), lengths, self.pooling, weights).cpu()

    @torch.no_grad()
    def encode_tokens(self, texts: Sequence[str], progress: bool = True, pooled: bool = False) -> TokenVectors:
        """The row of every token occurrence of texts; see `Encoder.encode_tokens`."""
        check_texts(texts)
        texts = [self.prompt + text for text in texts] if pooled else texts
        rows = self.tokenize(texts)
        check_known(texts, [len(row) > 0 for row in rows])
        ids, lengths = flat(rows)
        owners = torch.repeat_interleave(torch.arange(len(texts)), lengths)
        return TokenVectors(self.rows_at(ids.to(self.table.device)).cpu().numpy(), ids.numpy(), owners.numpy())


def row_names(tokenizer: Any, count: int) -> list[str]:
    """Names of the rows of a table, which is often rounded up in size."""
    pieces = piece_names(tokenizer)
    return pieces + [f"[padding row {i}]" for i in range(len(pieces), count)]


def input_table(
    model: Any, tokenizer: Any, name: str, model_hash: str, pooling: str, special_tokens: bool | None
) -> TableEncoder:
    """The rows of a model's input table, without positions and normalisation, as an encoder."""
    if special_tokens:
        raise ValueError("layers='static' gives special tokens one vector in all texts: set special_tokens=False")
    table = model.get_input_embeddings().weight
    return TableEncoder(
        table,
        row_names(tokenizer, len(table)),
        partial(tokenize, tokenizer),
        name,
        model_hash,
        pooling=pooling,
        unknown=unknown_piece(tokenizer),
        prefix=word_prefix(tokenizer),
        tokenizer=tokenizer,
    )
