"""Contextual layers of any model that transformers' `AutoModel` loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import accumulate
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from uncone.encoder.base import Encoder, TokenVectors
from uncone.encoder.convention import Convention
from uncone.encoder.layers import Layers, LayerStates, average, reads_by_blocks
from uncone.encoder.pieces import piece_names, tokenize, unknown_piece, word_prefix
from uncone.encoder.pooling import PICKS, WEIGHTED, check_pooling, pool
from uncone.encoder.table import STATIC, input_table
from uncone.encoder.texts import check_known, check_texts, make_batches, ranges, unique_texts
from uncone.support import distributed
from uncone.support.terminal import track

logger = logging.getLogger(__name__)

NO_LIMIT = 1 << 20  # tokens, of models that state none
PROBE = ["The cat sat.", "A longer text, in which more words stand than in the other one."]  # to see how a model reads
TOKEN_BUDGET = 2048  # rows at which matrix products run at full speed, on a CPU
TokenBatch = tuple[list[int], dict[int, Tensor], Tensor, Tensor]  # see TransformerEncoder.token_batches
SHOW_PROGRESS_FROM = 64  # batches; shorter work is over before a bar can be read


def position_limit(model: nn.Module) -> int | None:
    """How many tokens a model has positions for; None if it does not say."""
    config: Any = model.config
    positions: int | None = getattr(config, "max_position_embeddings", None)
    for module in model.modules():  # RoBERTa and its kin count positions from padding_idx + 1
        if isinstance(module, nn.Embedding) and module.num_embeddings == positions and module.padding_idx is not None:
            return positions - module.padding_idx - 1
    return positions


class TransformerEncoder(Encoder):
    """Hidden states of a frozen transformer, averaged over the chosen layers and pooled.

    Args:
        model: from `AutoModel`; it is frozen, and blocks above the highest chosen layer are cut off.
        model_hash: identity of weights and tokenizer.
        pooling: one of `uncone.encoder.pooling.POOLINGS`, with nothing behind it; None is what `own` says, with its
            tail if the layer is the last one alone.
        special_tokens: whether special tokens are pooled and returned; None pools those of texts, as the field does,
            but not those of words alone, and returns none, as papers on tokens do. The model always sees them.
        max_length: longer texts are truncated (with a warning); None takes the model's own limit.
        token_budget: tokens per batch, padding included.
        own: what the folder of the model says of itself.
        prompt: name of the one that goes before texts; None for what the folder says, "" for none.

    Attributes:
        layer_indices: the chosen layers, as indices of hidden states.
        max_length: tokens of a text that the model reads, special ones included.

    Raises:
        ValueError: if a choice does not fit the model.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        name: str,
        model_hash: str,
        layers: Layers = "last",
        pooling: str | None = None,
        special_tokens: bool | None = None,
        max_length: int | None = None,
        token_budget: int = TOKEN_BUDGET,
        own: Convention | None = None,
        prompt: str | None = None,
    ):
        super().__init__()
        self._own = own = own or Convention()
        self._pooling_of_table = pooling or "mean"
        if pooling is None:  # whose "cls" is the first token, whatever it is
            is_first = own.pooling == "cls" and not (own.pools_prompt and tokenizer.cls_token_id is not None)
            pooling = "first" if is_first else own.pooling
        else:
            self._own = replace(own, tail=nn.Sequential())
        if check_pooling(pooling) == "cls" and tokenizer.cls_token_id is None:
            raise ValueError(f"{name} has no classification token for pooling 'cls': choose 'last' or 'mean'")
        self.name, self.hash, self.pooling = name, model_hash, pooling
        self._choose_prompt(own, prompt)
        self.special_tokens, self.token_budget = special_tokens, token_budget
        stated = own.max_length if max_length is None else max_length
        limits = [n for n in (stated, tokenizer.model_max_length, position_limit(model)) if n and 0 < n < NO_LIMIT]
        self.max_length = min(limits, default=NO_LIMIT)
        self.tokenizer = tokenizer
        self._prefix, self._unknown = word_prefix(tokenizer), unknown_piece(tokenizer)
        self.pieces = piece_names(tokenizer)
        rows: list[list[int]] = tokenizer(PROBE)["input_ids"]
        by_blocks = reads_by_blocks(model, [row[: self.max_length] for row in rows])
        self._stand_at(LayerStates(model, layers, by_blocks=by_blocks))
        self._weigh_and_freeze()

    def at_layers(self, layers: Layers) -> Encoder:
        """The encoder that loading the model with other layers gives, up to the deepest of the present ones."""
        if layers == STATIC:
            return input_table(
                self.states.model, self.tokenizer, self.name, self.hash, self._pooling_of_table, self.special_tokens
            )
        other = copy(self)
        other._modules = {}
        other._stand_at(self.states.at(layers))
        return other

    def _stand_at(self, states: LayerStates) -> None:
        self.states, self.layer_indices = states, states.indices
        self.tail = self._own.tail if states.indices == [states.depth] else nn.Sequential()
        self._width = states.width()
        device = next((weight.device for weight in self.tail.parameters()), torch.device("cpu"))
        self.dimension = self.tail(torch.zeros(1, self._width, device=device)).shape[1]
        self.layers = "+".join(map(str, states.indices))

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.states.parameters()).device

    @property
    def settings(self) -> dict[str, str | int | bool | None]:
        """Weights, layers, pooling and what else changes the vectors."""
        return {
            **super().settings,
            "special_tokens": self.special_tokens,
            "max_length": self.max_length,
            "dtype": str(next(self.states.parameters()).dtype),
        }

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token types of each text, without special tokens and without truncation."""
        return tokenize(self.tokenizer, texts)

    def pools_special(self, alone: bool = False) -> bool:
        """See `Encoder.pools_special`.

        A pooling that picks one token picks the same of words and of texts. Special tokens have no frequency to weigh.
        """
        if self.special_tokens is not None:
            return self.special_tokens
        return self.pooling in PICKS or not (alone or self.pooling in WEIGHTED)

    @torch.no_grad()
    def pooled(self, texts: Sequence[str], progress: bool = True, alone: bool = False) -> np.ndarray:
        """Pooled vectors (n, w) float32 of n texts; see `Encoder.pooled`."""
        unique, inverse = unique_texts(texts)
        ids, special = self._checked_input(unique, "" if alone else self.prompt)
        unknown = sum(all(i == self._unknown for i in row) for row in _chosen(ids, special, 0))
        if unknown:
            logger.warning("%d of %d texts are made of unknown pieces only", unknown, len(unique))
        return self._pool(ids, special, progress, alone)[inverse].numpy()

    @torch.no_grad()
    def empty_text(self) -> np.ndarray:
        """See `Encoder.empty_text`."""
        ids, special = self._model_input([self.prompt])
        if not any(map(any, self._pooled_ones(special))):
            return super().empty_text()
        return self.finish(self._pool(ids, special, progress=False).numpy())

    def _pool(self, ids: list[list[int]], special: list[list[int]], progress: bool, alone: bool = False) -> Tensor:
        """Pooled vectors (n, w) of what the model reads of each text."""
        if self.pooling == "cls":
            wanted = [[i == self.tokenizer.cls_token_id for i in row] for row in ids]
        else:
            wanted = self._pooled_ones(special, alone)
        vectors = torch.zeros(len(ids), self._width)
        for rows, states, types, lengths in self._run(ids, wanted, progress, divided=True):
            weights = self.weights[types] if self.weights is not None else None
            vectors[rows] = pool(average(states), lengths, self.pooling, weights).cpu()
        return distributed.add_up(vectors)

    @torch.no_grad()
    def encode_tokens(self, texts: Sequence[str], progress: bool = True, pooled: bool = False) -> TokenVectors:
        """Every token occurrence of texts, in order, special ones only if `pooled` or with `special_tokens`."""
        return self._collect(texts, progress, pooled, {self.layers: average})[self.layers]

    @torch.no_grad()
    def encode_layers(
        self, texts: Sequence[str], progress: bool = True, pooled: bool = False
    ) -> dict[str, TokenVectors]:
        """What `encode_tokens` gives for each chosen layer alone, by its name, from one pass through the model."""
        return self._collect(texts, progress, pooled, {str(i): itemgetter(i) for i in self.layer_indices})

    def _collect(
        self,
        texts: Sequence[str],
        progress: bool,
        pooled: bool,
        wanted_states: Mapping[str, Callable[[dict[int, Tensor]], Tensor]],
    ) -> dict[str, TokenVectors]:
        """Token occurrences of texts, in order: by name, what is wanted of the states of the chosen layers."""
        unique, inverse = unique_texts(texts)
        ids, special = self._checked_input(unique, self.prompt if pooled else "")
        wanted = self._pooled_ones(special) if pooled else self._wanted(special)
        starts = torch.tensor([0, *accumulate(map(sum, wanted))])  # of each text among the tokens of all
        vectors = {name: torch.zeros(int(starts[-1]), self._width) for name in wanted_states}
        for rows, states, _, _ in self._run(ids, wanted, progress, divided=True):
            places = ranges(starts, torch.tensor(rows))
            for name, choose in wanted_states.items():
                vectors[name][places] = choose(states).cpu()
        types = torch.tensor([i for row in _chosen(ids, wanted) for i in row])
        tokens = ranges(starts, inverse)
        owners = torch.repeat_interleave(torch.arange(len(inverse)), starts.diff()[inverse]).numpy()
        return {
            name: TokenVectors(distributed.add_up(found)[tokens].numpy(), types[tokens].numpy(), owners)
            for name, found in vectors.items()
        }

    def token_types(self, texts: Sequence[str]) -> list[list[int]]:
        """Types of the tokens that `token_batches` gives for each text, without running the model."""
        if not len(texts):
            return []
        ids, special = self._model_input(texts)
        return _chosen(ids, self._wanted(special))

    @torch.no_grad()
    def token_batches(self, texts: Sequence[str], progress: bool = True) -> Iterator[TokenBatch]:
        """Run the model once over texts, for the states of all chosen layers apart.

        Yields:
            rows (n,) of the batch in `texts`; states (t, d) float32 of each chosen layer, by its index; types (t,); and
            tokens per text (n,). Tokens are ragged, one text after another.
        """
        ids, special = self._checked_input(texts)
        yield from self._run(ids, self._wanted(special), progress)

    def _checked_input(self, texts: Sequence[str], prompt: str = "") -> tuple[list[list[int]], list[list[int]]]:
        """`_model_input` of texts that each have a token, with a prompt before them."""
        check_texts(texts)
        ids, special = self._model_input([prompt + text for text in texts] if prompt else texts)
        check_known(texts, [bool(text.strip()) and not all(row) for text, row in zip(texts, special, strict=True)])
        return ids, special

    def as_read(self, texts: Sequence[str]) -> Any:
        """What the tokenizer makes of texts for the model (a `BatchEncoding`): truncated, with special tokens."""
        return self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_length,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )

    def _model_input(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
        """Token types of each text as the model reads it, and 1 where these are special."""
        encoded = self.as_read(texts)
        truncated = sum(bool(row.overflowing) for row in encoded.encodings if len(row) == self.max_length)
        if truncated:
            logger.warning("%d of %d texts were truncated to %d tokens", truncated, len(texts), self.max_length)
        return encoded["input_ids"], encoded["special_tokens_mask"]

    def _wanted(self, special: list[list[int]]) -> list[list[bool]]:
        return [[self.special_tokens or not is_special for is_special in row] for row in special]

    def _pooled_ones(self, special: list[list[int]], alone: bool = False) -> list[list[bool]]:
        """Which tokens are pooled: special ones or not, those of the prompt or not."""
        keep, skipped = self.pools_special(alone), 0
        if self.prompt and not alone and not self.pools_prompt:
            (prompt,) = self.tokenizer([self.prompt])["input_ids"]
            skipped = len(prompt) - (prompt[-1] in self.tokenizer.all_special_ids)  # what ends a text is not its end
        return [[i >= skipped and (keep or not mark) for i, mark in enumerate(row)] for row in special]

    def _run(
        self, ids: list[list[int]], wanted: list[list[bool]], progress: bool, divided: bool = False
    ) -> Iterator[TokenBatch]:
        """Run the model over texts, given by the types of their tokens, for the states of the wanted ones.

        Divided among processes, each runs its share of the batches that one would run: all vectors are what they
        would be there, since rounding depends on the texts that share a batch.
        """
        batches = make_batches([len(row) for row in ids], self.token_budget)
        if divided:
            batches = list(distributed.share(batches))
        show = progress and len(batches) >= SHOW_PROGRESS_FROM
        for rows in track(batches, f"Encoding with {self.name}", disable=not show):
            yield rows, *self._forward([ids[row] for row in rows], [wanted[row] for row in rows])

    def _forward(self, ids: list[list[int]], wanted: list[list[bool]]) -> tuple[dict[int, Tensor], Tensor, Tensor]:
        """States (t, d) float32 of each layer, types (t,) and counts (n,) of the wanted tokens of one batch."""
        lengths = torch.tensor([len(row) for row in ids])
        inside = torch.arange(int(lengths.max())) < lengths[:, None]  # (n, longest)
        padded = torch.full(inside.shape, self.tokenizer.pad_token_id or 0)
        padded[inside] = torch.tensor([i for row in ids for i in row])
        # positions, found here: a mask would make a GPU wait to learn how many there are
        positions = inside.flatten().nonzero()[torch.tensor([w for row in wanted for w in row])].squeeze(1)  # (t,)
        counts = torch.tensor([sum(row) for row in wanted])
        # without a mask, attention takes its fast path
        attention = None if inside.all() else inside.long().to(self.device)
        padded, positions, counts = (x.to(self.device) for x in (padded, positions, counts))
        states = self.states(padded, attention)  # of each layer (n, longest, d)
        return {i: x.flatten(0, 1)[positions].float() for i, x in states.items()}, padded.flatten()[positions], counts


def _chosen(ids: list[list[int]], marks: Sequence[Sequence[int]], mark: int = 1) -> list[list[int]]:
    """The types of each text whose mark is the given one."""
    return [[i for i, its in zip(*row, strict=True) if its == mark] for row in zip(ids, marks, strict=True)]
