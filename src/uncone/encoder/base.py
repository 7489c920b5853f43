"""The face of every frozen encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from uncone.encoder.convention import Convention
from uncone.encoder.frequency import type_probabilities
from uncone.encoder.pooling import WEIGHTED, check_pooling, pool, token_weights
from uncone.support.arrays import as_tensor

ROLES = {"query": ("query",), "document": ("document", "passage", "corpus")}  # prompts of each, by their usual names


@dataclass(frozen=True)
class TokenVectors:
    """Token occurrences of a corpus: vectors (t, d) float32, types (t,) int64, and the text each stands in (t,)."""

    vectors: np.ndarray
    types: np.ndarray
    texts: np.ndarray


class Encoder(nn.Module, ABC):
    """A frozen encoder: a model, a choice of layers and a pooling.

    Its parameters never require gradients and it never leaves evaluation mode. Make one with `from_pretrained`,
    `from_word_vectors` or `from_vectors`.

    Attributes:
        is_static: whether every occurrence of a token type has the same vector.
        hash: hex digest of weights and tokenizer; two encoders with one hash give the same states.
        source: the folder or the name on the Hugging Face hub that it was loaded from; empty for one from elsewhere.
        layers: the layers chosen, as written to results ("static", "3", "1+6", "words").
        pooling: one of `uncone.encoder.pooling.POOLINGS`.
        tail: what the model's own folder puts behind the pooling: `Dense` and `Normalize` of `encoder.convention`.
        prompts: what its folder says to put before a text, by what the text is; `prompt` is the one that is put there;
            `pools_prompt` tells whether its tokens are pooled.
        pieces: the token types, in vocabulary order.
        tokenizer: the fast tokenizer of its model; None for word vectors.
        weights: (V,) weight of each token type under weighted pooling; None under the others.

    Example:
        >>> encoder = Encoder.from_pretrained("minilm", layers="static")
        >>> encoder.encode(["a word"], progress=False).shape
        (1, 384)
    """

    is_static: ClassVar[bool] = False

    name: str
    hash: str
    source: str = ""
    layers: str
    pooling: str
    dimension: int
    pieces: list[str]
    tokenizer: Any
    tail: nn.Sequential
    prompts: Mapping[str, str]
    prompt: str
    pools_prompt: bool
    weights: Tensor | None  # of token types, under weighted pooling
    # Loading knows every kind of encoder and sets these (`uncone.encoder.loading`); this face knows none of them.
    from_pretrained: ClassVar[Callable[..., Encoder]]
    from_word_vectors: ClassVar[Callable[..., Encoder]]
    from_vectors: ClassVar[Callable[..., Encoder]]

    _unknown: int | None  # type of unknown pieces
    _prefix: str  # what as_words puts before a word

    @property
    def identity(self) -> dict[str, str]:
        """What a removal fitted on this encoder belongs to: weights, layers and their tail, whatever the pooling."""
        return {"name": self.name, "hash": self.hash, "layers": " ".join([self.layers, *self._tail_names])}

    @property
    def _tail_names(self) -> list[str]:
        return [type(module).__name__ for module in self.tail]

    @property
    def convention(self) -> str:
        """How a text becomes a vector, in a few words for tables: "mean", "mean, special tokens, Normalize"."""
        special = ["special tokens"] if self.pools_special() and self.pooling != "cls" else []
        prompt = [f"prompt {self.prompt!r}"] if self.prompt else []
        return ", ".join([self.pooling, *special, *prompt, *self._tail_names])

    def pools_special(self, alone: bool = False) -> bool:
        """Whether special tokens are pooled, of texts or of words that stand alone."""
        return False

    @property
    def settings(self) -> dict[str, str | int | bool | None]:
        """Everything that the vectors depend on besides the texts; names stored features."""
        tail = " ".join(self._tail_names)
        return {"hash": self.hash, "layers": self.layers, "pooling": self.pooling, "prompt": self.prompt, "tail": tail}

    @property
    def precision(self) -> str:
        """The numbers in which it computes, and where: "float32 on cuda:0"."""
        precision = str(self.settings.get("dtype", torch.float32)).removeprefix("torch.")
        device = next((tensor.device for tensor in chain(self.parameters(), self.buffers())), torch.device("cpu"))
        return f"{precision} on {device}"

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever the surrounding module does: a frozen encoder has no dropout."""
        return super().train(False)

    def with_pooling(self, pooling: str) -> Self:
        """The same encoder, of which texts are pooled otherwise."""
        other = copy(self)
        other._buffers = dict(self._buffers)
        other.pooling = check_pooling(pooling)
        other._weigh_and_freeze()
        return other

    def _choose_prompt(self, own: Convention, name: str | None) -> None:
        """Take the prompts of a folder, and the one of that name; None is the one that the folder says."""
        if name and name not in own.prompts:
            choices = ", ".join(own.prompts) or "none"
            raise ValueError(f"{self.name} has no prompt {name!r}: its folder has {choices}")
        self.prompts, chosen = own.prompts, own.prompt if name is None else name
        self.prompt, self.pools_prompt = own.prompts.get(chosen or "", ""), own.pools_prompt

    def _weigh_and_freeze(self) -> None:
        """The last step of making one: weights of token types, if the pooling needs them."""
        weights = token_weights(self.pooling, type_probabilities(self)) if self.pooling in WEIGHTED else None
        self.register_buffer("weights", weights, persistent=False)
        self.requires_grad_(False)
        self.train(False)

    def encode(self, texts: Sequence[str], progress: bool = True) -> np.ndarray:
        """Vectors (n, d) float32 of n texts; one that occurs several times is encoded once.

        Raises:
            ValueError: if there is no text, or one is empty; in a static table also if one has unknown pieces only.
        """
        return self.finish(self.pooled(texts, progress))

    def encode_words(self, words: Sequence[str], progress: bool = True) -> np.ndarray:
        """Vectors (n, d) float32 of words standing alone, without special tokens unless the encoder was told so."""
        return self.finish(self.pooled(self.as_words(words), progress, alone=True))

    @abstractmethod
    def pooled(self, texts: Sequence[str], progress: bool = True, alone: bool = False) -> np.ndarray:
        """Pooled vectors (n, w) float32 of n texts, before their tail.

        Args:
            alone: texts are words from `as_words`: no prompt goes before them, no special tokens are pooled.
        """

    def empty_text(self) -> np.ndarray:
        """Vector (1, d) of the text without a word: what the special tokens say that every text has.

        Raises:
            ValueError: if no special token is pooled, so that it has none.
        """
        raise ValueError(f"{self.name} pools no special tokens, and the empty text has no others")

    @torch.no_grad()
    def finish(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, d) of pooled ones (n, w): `tail`."""
        if not len(self.tail):
            return vectors
        device = next((weight.device for weight in self.tail.parameters()), torch.device("cpu"))
        finished: np.ndarray = self.tail(as_tensor(vectors).to(device)).cpu().numpy()
        return finished

    def with_prompt(self, role: Literal["query", "document"]) -> Self:
        """The same encoder for texts that are queries, or documents to be found, with its folder's prompt for them."""
        other = copy(self)
        other.prompt = next((self.prompts[name] for name in ROLES[role] if name in self.prompts), "")
        return other

    @abstractmethod
    def encode_tokens(self, texts: Sequence[str], progress: bool = True, pooled: bool = False) -> TokenVectors:
        """Vectors of every token occurrence of texts, unknown ones included; a text without any is a ValueError.

        Args:
            pooled: those that `pooled` pools: special ones and those of a prompt, where it does.
        """

    @torch.no_grad()
    def pool_tokens(self, tokens: TokenVectors) -> np.ndarray:
        """Pooled vectors (n, w) of texts from the vectors of their tokens: `pooled`, had it begun with these.

        The classification token, which is no token of the text, cannot be pooled so: a ValueError.
        """
        if self.pooling == "cls":
            raise ValueError(
                "pooling 'cls' takes a token that is not among those of the text: correct it after pooling"
            )
        weights = None if self.weights is None else self.weights.cpu()[as_tensor(tokens.types)]
        lengths = torch.from_numpy(np.bincount(tokens.texts))
        return pool(as_tensor(tokens.vectors), lengths, self.pooling, weights).numpy()

    @abstractmethod
    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token types of each text, without special tokens."""

    def as_words(self, words: Sequence[str]) -> list[str]:
        """Texts that encode words standing alone, cut into pieces as inside a sentence (see `pieces.word_prefix`)."""
        return [self._prefix + word for word in words]

    def known(self, words: Sequence[str]) -> np.ndarray:
        """Whether each word, standing alone, has at least one known piece: (n,) bool."""
        rows = self.tokenize(self.as_words(words))
        return np.array([any(i != self._unknown for i in row) for row in rows], dtype=bool)
