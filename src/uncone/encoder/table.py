"""Static encoders: a table of vectors and a way to cut text into its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from uncone.encoder.base import Encoder, TokenVectors, check_pooling, no_known_token, unique_texts
from uncone.encoder.pooling import pool, token_weights

TEXTS_PER_BLOCK = 4096  # bounds the memory of the gathered rows


class TableEncoder(Encoder):
    """A static table: one vector per token type, the same in every text.

    Args:
        table: (V, d) vectors.
        pieces: V token types.
        tokenize: texts to lists of row indices; None or an index equal to `unknown` marks an unknown piece.
        name: what the user called it.
        table_hash: identity of table and tokenizer.
        layers: "static" for a model's input table, "words" for word vectors.
        pooling: see `uncone.encoder.pooling.POOLINGS`; `cls` has no meaning here.
        unknown: row of the unknown piece, if there is one.
        as_words: how words are written for the tokenizer; None leaves them as they are.
        probabilities: (V,) type probabilities, for idf and sif pooling.
    """

    table: Tensor
    weights: Tensor | None

    def __init__(
        self,
        table: Tensor,
        pieces: list[str],
        tokenize: Callable[[Sequence[str]], list[list[int]]],
        name: str,
        table_hash: str,
        layers: str = "static",
        pooling: str = "mean",
        unknown: int | None = None,
        prefix: str = "",
        probabilities: Tensor | None = None,
    ):
        super().__init__()
        if len(table) != len(pieces):
            raise ValueError(f"the table of {name} has {len(table)} rows but its vocabulary {len(pieces)} pieces")
        if check_pooling(pooling) == "cls":
            raise ValueError("a static table has no classification token: choose pooling 'mean', 'sum', 'idf' or 'sif'")
        self.register_buffer("table", table.detach(), persistent=False)
        self.pieces, self.name, self.hash, self.layers = pieces, name, table_hash, layers
        self.dimension, self.pooling, self.unknown = table.shape[1], pooling, unknown
        self._tokenize, self._prefix = tokenize, prefix
        weights = None
        if pooling in ("idf", "sif"):
            if probabilities is None:
                raise ValueError(f"pooling {pooling!r} needs the probabilities of token types")
            weights = token_weights(pooling, probabilities)
        self.register_buffer("weights", weights, persistent=False)
        self.freeze()

    @property
    def is_static(self) -> bool:
        """Always true here."""
        return True

    def as_words(self, words: Sequence[str]) -> list[str]:
        """Prefix what the tokenizer marks word starts by."""
        return [self._prefix + word for word in words]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Row indices of each text."""
        return self._tokenize(texts)

    def known(self, words: Sequence[str]) -> np.ndarray:
        """Whether each word has a known piece: (n,) bool."""
        return np.array(
            [any(i != self.unknown for i in ids) for ids in self.tokenize(self.as_words(words))], dtype=bool
        )

    @torch.no_grad()
    def encode(self, texts: Sequence[str], progress: bool = True) -> np.ndarray:
        """Pooled vectors (n, d) float32 of n texts; see `Encoder.encode`."""
        if not len(texts):
            raise ValueError("nothing to encode: the list of texts is empty")
        unique, inverse = unique_texts(texts)
        blocks = [self._pooled(unique[i : i + TEXTS_PER_BLOCK]) for i in range(0, len(unique), TEXTS_PER_BLOCK)]
        return cast(np.ndarray, torch.cat(blocks)[inverse].numpy())

    def _pooled(self, texts: list[str]) -> Tensor:
        ids, lengths, _ = self._flat(texts)
        weights = self.weights[ids] if self.weights is not None else None
        return pool(self.table[ids], lengths, self.pooling, weights).float().cpu()

    @torch.no_grad()
    def encode_tokens(self, texts: Sequence[str], progress: bool = True) -> TokenVectors:
        """The row of every token occurrence of texts; see `Encoder.encode_tokens`."""
        ids, _, index = self._flat(texts)
        return TokenVectors(self.table[ids].float().cpu().numpy(), ids.cpu().numpy(), index.numpy())

    def _flat(self, texts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Row indices (t,) of all texts, tokens per text (n,), and the text (t,) of each token."""
        ids = self.tokenize(texts)
        for text, row in zip(texts, ids, strict=True):
            if all(i == self.unknown for i in row):
                raise no_known_token(text)
        lengths = torch.tensor([len(row) for row in ids])
        flat = torch.tensor([i for row in ids for i in row], dtype=torch.long)
        index = torch.repeat_interleave(torch.arange(len(ids)), lengths)
        device = self.table.device
        return flat.to(device), lengths.to(device), index
