"""Contextual layers of any model that transformers' `AutoModel` loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from uncone.encoder.base import Encoder, TokenVectors
from uncone.encoder.batches import Batching, Made, gather, pad, ranges, send
from uncone.encoder.convention import Convention
from uncone.encoder.layers import Layers, LayerStates, average, position_limit, reads_by_blocks
from uncone.encoder.pieces import Tokens, piece_names, tokenize, word_prefix
from uncone.encoder.pooling import PICKS, WEIGHTED, check_pooling, pool
from uncone.encoder.reading import TextReader, beside_a_thread
from uncone.encoder.table import STATIC, input_table
from uncone.encoder.texts import unique_texts
from uncone.support import distributed
from uncone.support.terminal import track

NO_LIMIT = 1 << 20  # tokens, of models that state none
PROBE = ["The cat sat.", "A longer text, in which more words stand than in the other one."]  # to see how a model reads
TokenBatch = tuple[list[int], dict[int, Tensor], Tensor, Tensor]  # see TransformerEncoder.token_batches


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
        token_budget: tokens per batch, padding included; see `Batching`.
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
        token_budget: int | None = None,
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
        self.special_tokens, self.batching = special_tokens, Batching(name, token_budget)
        stated = own.max_length if max_length is None else max_length
        limits = [n for n in (stated, tokenizer.model_max_length, position_limit(model)) if n and 0 < n < NO_LIMIT]
        self.max_length = min(limits, default=NO_LIMIT)
        self.tokenizer = tokenizer
        self.reader = TextReader(tokenizer, self.max_length)
        self._prefix, self._unknown = word_prefix(tokenizer), self.reader.unknown
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
        prompt = "" if alone else self.prompt
        portions = self.reader.portions(unique, prompt, self.device.type != "cpu")
        found = self._pool(portions, len(unique), self._skipped(prompt), progress, alone)
        return (found if len(unique) == len(texts) else found[inverse]).numpy()

    @torch.no_grad()
    def empty_text(self) -> np.ndarray:
        """See `Encoder.empty_text`."""
        read, skipped = self.reader.read([self.prompt]), self._skipped(self.prompt)
        if not self._pooled_ones(read, skipped).any():
            return super().empty_text()
        return self.finish(self._pool([([0], read)], 1, skipped, progress=False).numpy())

    def _pool(
        self, portions: Iterable[tuple[list[int], Tokens]], n: int, skipped: int, progress: bool, alone: bool = False
    ) -> Tensor:
        """Pooled vectors (n, w) of n texts, from portions of them; each begins with tokens that are skipped."""

        def pool_batch(states: dict[int, Tensor], types: Tensor, lengths: Tensor) -> Tensor:
            weights = self.weights[types] if self.weights is not None else None
            return pool(average(states), lengths, self.pooling, weights)[None]

        def batches() -> Iterator[tuple[list[int], Tensor]]:
            for rows, read in portions:
                wanted = self._pooled_ones(read, skipped, alone)
                if self.pooling == "cls":
                    wanted = read.types == self.tokenizer.cls_token_id
                reader = self._reader(read, wanted, pool_batch)
                for batch, vectors in self.batching.run(read.lengths, self.device, reader, divided=True):
                    yield [rows[i] for i in batch], vectors

        with nullcontext() if self.device.type == "cpu" else beside_a_thread():
            watched = self._watched(batches(), n, progress)
            return gather(watched, self.device, 1, self._width, torch.arange(n + 1))[0]

    def _watched(
        self, batches: Iterator[tuple[list[int], Made]], texts: int, progress: bool
    ) -> Iterator[tuple[list[int], Made]]:
        """Batches, with a bar that counts the texts of this process."""
        share = texts // distributed.processes()
        what = f"encoding with {self.name}"
        return track(batches, what, "encode", share, not progress, lambda batch: len(batch[0]))

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
        read = self.reader.checked(unique, self.prompt if pooled else "")
        wanted = self._pooled_ones(read, self._skipped(self.prompt)) if pooled else self._wanted(read)
        starts = torch.cat([torch.zeros(1, dtype=torch.long), read.counts(wanted).cumsum(0)])  # of texts, among these

        def choose(states: dict[int, Tensor], _: Tensor, __: Tensor) -> Tensor:
            return torch.stack([choice(states) for choice in wanted_states.values()])

        reader = self._reader(read, wanted, choose)
        batches = self.batching.run(read.lengths, self.device, reader, divided=True)
        batches = self._watched(batches, len(unique), progress)
        vectors = gather(batches, self.device, len(wanted_states), self._width, starts)
        types = read.types[wanted]
        tokens = ranges(starts, inverse)
        owners = torch.repeat_interleave(torch.arange(len(inverse)), starts.diff()[inverse]).numpy()
        return {
            name: TokenVectors(found[tokens].numpy(), types[tokens].numpy(), owners)
            for name, found in zip(wanted_states, vectors, strict=True)
        }

    def token_types(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Types (t,) of the tokens that `token_batches` gives, and how many each text (n,) has; no model is run."""
        read = self.reader.read(texts)
        wanted = self._wanted(read)
        return read.types[wanted].numpy(), read.counts(wanted).numpy()

    @torch.no_grad()
    def token_batches(self, texts: Sequence[str], progress: bool = True) -> Iterator[TokenBatch]:
        """Run the model once over texts, for the states of all chosen layers apart.

        Yields:
            rows (n,) of the batch in `texts`; states (t, d) float32 of each chosen layer, by its index, where the model
            is; types (t,) and tokens per text (n,) in main memory. Tokens are ragged, one text after another.
        """
        read = self.reader.checked(texts)
        wanted = self._wanted(read)
        counts = read.counts(wanted)
        batches = self.batching.run(read.lengths, self.device, self._reader(read, wanted, lambda states, *_: states))
        for rows, states in self._watched(batches, len(texts), progress):
            tokens = ranges(read.starts, torch.tensor(rows))
            yield rows, states, read.types[tokens[wanted[tokens]]], counts[rows]

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

    def _wanted(self, read: Tokens) -> Tensor:
        return torch.ones_like(read.special) if self.special_tokens else ~read.special

    def _skipped(self, prompt: str) -> int:
        """How many tokens of a prompt are left out of the pooling."""
        return self.reader.tokens_of(prompt) if prompt and not self.pools_prompt else 0

    def _pooled_ones(self, read: Tokens, skipped: int, alone: bool = False) -> Tensor:
        """Which tokens (t,) are pooled: special ones or not, after those that are skipped."""
        return (read.places >= skipped) & (~read.special | self.pools_special(alone))

    def _reader(self, read: Tokens, wanted: Tensor, make: Callable[..., Made]) -> Callable[[list[int]], Made]:
        """What runs the model over a batch of the texts, and gives what `make` says of what `_forward` found."""

        def of_rows(rows: list[int]) -> Made:
            tokens = ranges(read.starts, torch.tensor(rows))
            return make(*self._forward(read.types[tokens], read.lengths[rows], wanted[tokens]))

        return of_rows

    def _forward(self, types: Tensor, lengths: Tensor, wanted: Tensor) -> tuple[dict[int, Tensor], Tensor, Tensor]:
        """States (t, d) float32 of each layer, types (t,) and counts (n,) of the wanted tokens of one batch.

        Args:
            types: of all its tokens, one text after another.
            lengths: (n,) of its texts.
            wanted: which of the tokens.
        """
        # all is counted here: a GPU would be waited for until it knows how many there are
        padded, inside, positions = pad(types, lengths, wanted, self.tokenizer.pad_token_id or 0)
        counts = torch.bincount(positions // padded.shape[1], minlength=len(lengths))
        attention = None if inside is None else send(inside.long(), self.device)
        padded, positions, counts = (send(x, self.device) for x in (padded, positions, counts))
        states = self.states(padded, attention)  # of each layer (n, longest, d)
        return {i: x.flatten(0, 1)[positions].float() for i, x in states.items()}, padded.flatten()[positions], counts
