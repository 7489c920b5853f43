"""Contextual layers of any model that transformers' `AutoModel` loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn

from uncone.encoder.base import Encoder, Layers, TokenVectors, check_pooling, no_known_token, unique_texts
from uncone.encoder.pieces import piece_names
from uncone.encoder.pooling import pool, token_weights

logger = logging.getLogger(__name__)

SHOW_PROGRESS_FROM = 64  # batches; shorter work is over before a bar can be read


def resolve_layers(choice: Layers, depth: int) -> list[int]:
    """Turn a choice of layers into indices of hidden states.

    Args:
        choice: one index, a list of indices (averaged), "first_last" or "last". Index 0 is the embedding layer, `i` the
            output of block i, negative indices count from the last block; "all" is 0 to depth.
        depth: number of blocks.

    Returns:
        Sorted, distinct indices in 0..depth.

    Example:
        >>> resolve_layers("first_last", 6), resolve_layers(-1, 6), resolve_layers([3, 1], 6)
        ([1, 6], [6], [1, 3])
    """
    named = {"last": [depth], "first_last": [1, depth], "all": list(range(depth + 1))}
    indices = named.get(choice) if isinstance(choice, str) else [choice] if isinstance(choice, int) else list(choice)
    if not indices or not all(isinstance(i, int) and -depth <= i <= depth for i in indices):
        raise ValueError(
            f"unknown layers {choice!r}: this model has {depth} blocks, so choose an index from 0 (the embedding layer) to "
            f'{depth}, a list of them, "first_last", "last", "all" or "static" (the input table)'
        )
    return sorted({i % (depth + 1) if i >= 0 else depth + 1 + i for i in indices})


def find_blocks(model: nn.Module, depth: int) -> nn.ModuleList:
    """The list of transformer blocks inside a model: its first ModuleList as long as the model is deep.

    Raises:
        ValueError: if there is none (for example ALBERT, whose blocks share one set of weights).
    """
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module
    raise ValueError(
        f"{type(model).__name__} has no list of {depth} blocks, so its layers cannot be told apart; uncone reads models that "
        "stack distinct blocks (BERT, DistilBERT, RoBERTa, MPNet, ELECTRA, GPT-2, Llama and the like)"
    )


class TransformerEncoder(Encoder):
    """Hidden states of a frozen transformer, averaged over the chosen layers and pooled.

    Only the blocks up to the highest chosen layer are kept. States are those of `output_hidden_states=True`: 0 is the
    input of the first block, `depth` is the model's own output (after the final normalisation of decoders).

    Args:
        model: from `AutoModel`; it is frozen, and blocks above the highest chosen layer are cut off.
        tokenizer: its fast tokenizer.
        name: what the user called it.
        model_hash: identity of weights and tokenizer.
        layers: see `resolve_layers`.
        pooling: see `uncone.encoder.pooling.POOLINGS`.
        special_tokens: whether special tokens are pooled and returned; the model always sees them.
        max_length: longer texts are truncated (with a warning); None takes the model's own limit.
        token_budget: tokens per batch, padding included.
        probabilities: (V,) type probabilities, for idf and sif pooling.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        name: str,
        model_hash: str,
        layers: Layers = "last",
        pooling: str = "mean",
        special_tokens: bool = False,
        max_length: int | None = None,
        token_budget: int = 2048,
        probabilities: Tensor | None = None,
    ):
        super().__init__()
        config: Any = model.config
        depth = config.num_hidden_layers
        self.layer_indices = resolve_layers(layers, depth)
        self.layers = "+".join(map(str, self.layer_indices))
        self.pooling = check_pooling(pooling)
        if pooling == "cls" and tokenizer.cls_token_id is None:
            raise ValueError(
                f"{name} has no classification token, so pooling 'cls' has nothing to take: choose 'last' or 'mean'"
            )
        self.name, self.hash, self.dimension = name, model_hash, config.hidden_size
        self.special_tokens, self.token_budget = special_tokens, token_budget
        limits = (max_length, tokenizer.model_max_length, getattr(config, "max_position_embeddings", None))
        padding_positions = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0
        self.max_length = min(n for n in (limits[0], limits[1], limits[2] and limits[2] - padding_positions) if n)
        self.tokenizer = tokenizer
        self._prefix = " " if self.tokenize([" a"]) != self.tokenize(["a"]) else ""
        self.pieces = piece_names(tokenizer, marks_word_starts=bool(self._prefix))
        self.model = model
        blocks = find_blocks(model, depth)
        self._takes_final = depth in self.layer_indices
        del blocks[max(1, self.layer_indices[-1]) :]  # hooks below need one block even for the embedding layer alone
        self._states: dict[int, Tensor] = {}
        self._capture(blocks)
        weights = (
            token_weights(pooling, probabilities) if pooling in ("idf", "sif") and probabilities is not None else None
        )
        if pooling in ("idf", "sif") and weights is None:
            raise ValueError(f"pooling {pooling!r} needs the probabilities of token types")
        self.register_buffer("weights", weights, persistent=False)
        self.freeze()

    def _capture(self, blocks: nn.ModuleList) -> None:
        """Hook the wanted inner states as they pass; `model(...)` itself returns the final one."""

        def keep_input(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
            self._states[0] = args[0] if args else kwargs["hidden_states"]

        def keep_output(index: int) -> Callable[..., None]:
            def hook(_: nn.Module, __: Any, output: Any) -> None:
                self._states[index] = output[0] if isinstance(output, tuple) else output

            return hook

        depth_kept = len(blocks)
        if 0 in self.layer_indices:
            blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True)
        for index in self.layer_indices:
            if index > 0 and not (self._takes_final and index == depth_kept):
                blocks[index - 1].register_forward_hook(keep_output(index))

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def settings(self) -> dict[str, str | int | bool]:
        """Weights, layers, pooling and what else changes the vectors."""
        return {
            **super().settings,
            "special_tokens": self.special_tokens,
            "max_length": self.max_length,
            "dtype": str(next(self.model.parameters()).dtype),
        }

    def as_words(self, words: Sequence[str]) -> list[str]:
        """Prefix a space where the tokenizer marks word starts by it (byte-level vocabularies such as GPT-2's)."""
        return [self._prefix + word for word in words]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token types of each text, without special tokens and without truncation."""
        if not texts:
            return []
        return self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]

    def known(self, words: Sequence[str]) -> np.ndarray:
        """Whether each word has a piece other than the unknown token: (n,) bool."""
        unknown = self.tokenizer.unk_token_id if self.tokenizer.unk_token != self.tokenizer.eos_token else None
        return np.array([any(i != unknown for i in ids) for ids in self.tokenize(self.as_words(words))], dtype=bool)

    def word_spans(self, texts: Sequence[str]) -> list[list[tuple[str, int, int]]]:
        """Words of each text with the tokens they consist of.

        Returns:
            For each text (word, first, last + 1), where first and last count the rows that `encode_tokens` gives for
            it.
        """
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_length,
            return_special_tokens_mask=True,
            return_offsets_mapping=True,
        )
        spans = []
        for i, text in enumerate(texts):
            offsets, special = encoded["offset_mapping"][i], encoded["special_tokens_mask"][i]
            row: list[tuple[str, int, int]] = []
            position, previous = 0, None
            for (begin, end), word, is_special in zip(offsets, encoded.word_ids(i), special, strict=True):
                if is_special and not self.special_tokens:
                    continue
                if word is not None and word == previous:  # one more piece of the same word
                    start = row[-1][1]
                    row[-1] = (text[word_begin:end].strip(), start, position + 1)
                elif word is not None:
                    word_begin = begin
                    row.append((text[begin:end].strip(), position, position + 1))
                position, previous = position + 1, word
            spans.append(row)
        return spans

    def encode(self, texts: Sequence[str], progress: bool = True) -> np.ndarray:
        """Pooled vectors (n, d) float32 of n texts; see `Encoder.encode`."""
        unique, inverse = unique_texts(texts)
        vectors = torch.empty(len(unique), self.dimension)
        for rows, states, ids, lengths in self._batches(unique, progress):
            weights = self.weights[ids] if self.weights is not None else None
            vectors[rows] = pool(states, lengths, self.pooling, weights).float().cpu()
        return (vectors if len(unique) == len(inverse) else vectors[inverse]).numpy()

    def encode_tokens(self, texts: Sequence[str], progress: bool = True) -> TokenVectors:
        """Every token occurrence of texts, in the order of the texts; see `Encoder.encode_tokens`."""
        unique, inverse = unique_texts(texts)
        vectors: list[Tensor] = [torch.empty(0)] * len(unique)
        types: list[Tensor] = [torch.empty(0)] * len(unique)
        for rows, states, ids, lengths in self._batches(unique, progress):
            sizes = lengths.tolist()
            for row, v, t in zip(rows, states.float().cpu().split(sizes), ids.cpu().split(sizes), strict=True):
                vectors[row], types[row] = v, t
        counts = torch.tensor([len(types[i]) for i in inverse])
        return TokenVectors(
            torch.cat([vectors[i] for i in inverse]).numpy(),
            torch.cat([types[i] for i in inverse]).numpy(),
            torch.repeat_interleave(torch.arange(len(texts)), counts).numpy(),
        )

    def token_types(self, texts: Sequence[str]) -> list[list[int]]:
        """Types of the tokens that `token_batches` gives for each text, without running the model."""
        ids, special = self._tokenized(texts)
        return [
            [i for i, is_special in zip(*row, strict=True) if self.special_tokens or not is_special]
            for row in zip(ids, special, strict=True)
        ]

    def _batches(self, texts: list[str], progress: bool) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor]]:
        """As `token_batches`, with the chosen layers averaged: states (t, d)."""
        for rows, states, ids, lengths in self.token_batches(texts, progress):
            layers = list(states.values())
            yield rows, layers[0] if len(layers) == 1 else torch.stack(layers).mean(0), ids, lengths

    def _tokenized(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
        """Ids of each text, specials and truncation included, and whether each of them is special."""
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_length,
            return_special_tokens_mask=True,
            return_attention_mask=False,
        )
        return encoded["input_ids"], encoded["special_tokens_mask"]

    @torch.no_grad()
    def token_batches(
        self, texts: Sequence[str], progress: bool = True
    ) -> Iterator[tuple[list[int], dict[int, Tensor], Tensor, Tensor]]:
        """Run the model once over texts, longest first, in batches of about `token_budget` tokens.

        Yields:
            rows (n,) of the batch in `texts`; token states (t, d) of each chosen layer, by its index; ids (t,); and tokens
            per text (n,). Tokens are ragged, one text after another.

        Raises:
            ValueError: if there is no text, or one without a known token.
        """
        if not texts:
            raise ValueError("nothing to encode: the list of texts is empty")
        ids, special = self._tokenized(texts)
        for text, mask in zip(texts, special, strict=True):
            if not mask or (all(mask) and not self.special_tokens):
                raise no_known_token(text)
        truncated = sum(len(i) == self.max_length for i in ids)
        if truncated:
            logger.warning(
                "%d of %d texts reach the limit of %d tokens and may be truncated", truncated, len(ids), self.max_length
            )
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        starts = self._batch_starts([len(ids[i]) for i in order])
        spans = list(zip(starts, [*starts[1:], len(order)], strict=True))
        show = progress and len(spans) >= SHOW_PROGRESS_FROM
        for start, stop in track(spans, f"Encoding with {self.name}", disable=not show):
            rows = order[start:stop]
            yield (rows, *self._forward([ids[i] for i in rows], [special[i] for i in rows]))

    def _batch_starts(self, lengths: list[int]) -> list[int]:
        """Where batches begin in a list of descending lengths, each batch padded to its first."""
        starts, begin = [], 0
        while begin < len(lengths):
            starts.append(begin)
            begin += max(1, self.token_budget // lengths[begin])
        return starts

    def _forward(self, ids: list[list[int]], special: list[list[int]]) -> tuple[dict[int, Tensor], Tensor, Tensor]:
        """States (t, d) of each chosen layer, ids (t,) and lengths (n,) of the wanted tokens of one batch."""
        lengths = torch.tensor([len(i) for i in ids])
        attention = torch.arange(len(ids[0])) < lengths[:, None]  # (n, longest)
        padded = torch.zeros(attention.shape, dtype=torch.long)
        padded[attention] = torch.tensor([i for row in ids for i in row])
        wanted = attention.clone()
        if not self.special_tokens:
            is_special = torch.tensor([i for row in special for i in row], dtype=torch.bool)
            if self.pooling == "cls":  # the one special token this pooling is about
                is_special &= padded[attention] != self.tokenizer.cls_token_id
            wanted[attention] = ~is_special
        padded, attention, wanted = (x.to(self.device, non_blocking=True) for x in (padded, attention, wanted))
        final = self.model(input_ids=padded, attention_mask=attention.long()).last_hidden_state  # (n, longest, d)
        if self._takes_final:
            self._states[self.layer_indices[-1]] = final
        states = {i: self._states[i][wanted] for i in self.layer_indices}
        self._states.clear()
        return states, padded[wanted], wanted.sum(1)
