"""The vectors of a survey as a stream: token occurrences of a corpus, cut into windows, or rows of a static table."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from uncone.encoder import Encoder, StoredEncoder, TableEncoder, TransformerEncoder
from uncone.encoder.batches import send
from uncone.encoder.spans import token_spans
from uncone.support import distributed

WINDOWS_PER_BLOCK = 512  # tokenised and sorted by length together
ROWS_PER_BLOCK = 4096  # of a table
PILOT_ROWS = 65_536  # of stored vectors, which may be more than fit into memory
_POSITIONS = 1 << 16  # more than the tokens of any window
_SPECIAL = re.compile(r"\[[A-Z]+\]|<.+>")  # [CLS], <s>, <|endoftext|>


@dataclass(frozen=True)
class Batch:
    """Some occurrences, in every layer.

    Attributes:
        states: (t, d) vectors of each layer, by the layer's name, on the device of the occurrences.
        types: (t,) int64 token types, in main memory.
        slots: (t,) int64, the place of each occurrence in the sample, −1 if it was not drawn, in main memory.
    """

    states: dict[str, Tensor]
    types: Tensor
    slots: Tensor


@dataclass
class Drawn:
    """A uniform sample of `size` occurrences without replacement: those with the smallest keys of all that stream by.

    Attributes:
        keys: (m,) uniform random numbers.
        codes: (m,) int64, text · 2¹⁶ + position of the occurrence, ascending.
        types: (m,) int64 token types.
    """

    size: int
    keys: np.ndarray = field(default_factory=lambda: np.empty(0))
    codes: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    types: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, codes: np.ndarray, types: np.ndarray, generator: np.random.Generator) -> None:
        """Let the occurrences (t,) take part in the draw."""
        keys = np.concatenate([self.keys, generator.random(len(codes))])
        kept = np.sort(np.argsort(keys, kind="stable")[: self.size])  # codes stay ascending
        self.keys = keys[kept]
        self.codes = np.concatenate([self.codes, codes])[kept]
        self.types = np.concatenate([self.types, types])[kept]

    @property
    def texts(self) -> np.ndarray:
        """(m,) index of the text each occurrence stands in."""
        return self.codes // _POSITIONS

    @property
    def positions(self) -> np.ndarray:
        """(m,) position of each occurrence in its text."""
        return self.codes % _POSITIONS

    def slots(self, codes: np.ndarray) -> Tensor:
        """The place (t,) of occurrences in the sample, −1 for those that were not drawn."""
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return torch.from_numpy(np.where(self.codes[place] == codes, place, -1))


class Occurrences(ABC):
    """What a survey measures: counted and sampled when it is made, then streamed, each occurrence once.

    Several processes (see `uncone.support.distributed`) count and sample alike, and share what follows the pilot.

    Attributes:
        layers: names of the layers.
        counts: (V,) int64 occurrences of each type that take part.
        drawn: the sample.
        sentences: the texts of the sample, by their index; empty for a table.
        texts: number of texts; 0 for a table.
        device: that the vectors are on, and are measured on.
    """

    layers: list[str]
    counts: np.ndarray
    drawn: Drawn
    sentences: dict[int, str]
    texts: int
    device: torch.device
    have_types: ClassVar[bool] = True  # whether several occurrences can be of one type

    def spans(self, rows: np.ndarray) -> list[tuple[int, int] | None]:
        """Where some of the drawn occurrences (m,) stand in their texts, in characters; None where there is no text."""
        return [None] * len(rows)

    @abstractmethod
    def pilot(self) -> Iterator[Batch]:
        """Occurrences of a random sample of texts, in every process, to fit means and removals on."""

    def rest(self) -> Iterator[Batch]:
        """All other occurrences, if there are any; of several processes, each has some of them."""
        yield from ()


class CorpusOccurrences(Occurrences):
    """Token occurrences of a corpus in the chosen layers of a transformer.

    Making one reads and tokenises the corpus once; `rest` reads it again, so `windows` must be the same each time. Each
    window passes through the encoder once, for all layers. `kept` (V,) tells which types take part. A ValueError if no
    token is left.
    """

    def __init__(
        self,
        encoder: TransformerEncoder,
        windows: Iterable[str],
        kept: np.ndarray,
        size: int,
        pilot_windows: int,
        seed: int,
    ):
        self.encoder, self.windows, self.kept, self.device = encoder, windows, kept, encoder.device
        self.layers = [str(layer) for layer in encoder.layer_indices]
        self.counts = np.zeros(len(kept), dtype=np.int64)
        self.drawn, self.sentences, self.texts = Drawn(size), {}, 0
        generator = np.random.default_rng(seed)
        pilot: list[tuple[float, int, str]] = []
        for block in _blocks(enumerate(windows)):
            texts = dict(block)
            types, lengths = encoder.token_types(list(texts.values()))
            codes = _codes(np.array(list(texts)), lengths)
            wanted = kept[types]
            self.counts += np.bincount(types[wanted], minlength=len(kept))
            self.drawn.add(codes[wanted], types[wanted], generator)
            known = self.sentences | texts
            self.sentences = {i: known[i] for i in np.unique(self.drawn.texts).tolist()}
            keys = generator.random(len(texts)).tolist()
            pilot = sorted([*pilot, *zip(keys, texts, texts.values(), strict=True)])[:pilot_windows]
            self.texts += len(texts)
        self._pilot = {number: text for _, number, text in pilot}
        if not len(self.drawn.codes):
            raise ValueError(
                f"none of the {self.texts} windows of the corpus holds a token to measure: give more text, or allow "
                "punctuation, sub-word pieces or special tokens"
            )

    def spans(self, rows: np.ndarray) -> list[tuple[int, int] | None]:
        """Where drawn occurrences (m,) stand in their texts, as the tokenizer says; (0, 0) for [CLS] and its like."""
        texts, positions = self.drawn.texts[rows].tolist(), self.drawn.positions[rows].tolist()
        needed = sorted(set(texts))
        spans = dict(zip(needed, token_spans(self.encoder, [self.sentences[i] for i in needed]), strict=True))
        return [spans[text][position] for text, position in zip(texts, positions, strict=True)]

    def pilot(self) -> Iterator[Batch]:
        """Occurrences of a random sample of windows."""
        for block in _blocks(self._pilot.items()):
            yield from self._batches(block)

    def rest(self) -> Iterator[Batch]:
        """Those of the other windows, each batch in all layers; of P processes, each reads every P-th block."""
        others = ((number, text) for number, text in enumerate(self.windows) if number not in self._pilot)
        for count, block in enumerate(_blocks(others)):
            if count % distributed.processes() == distributed.rank():
                yield from self._batches(block)

    def _batches(self, block: list[tuple[int, str]]) -> Iterator[Batch]:
        numbers, kept = np.array([number for number, _ in block]), torch.from_numpy(self.kept)
        for rows, states, types, lengths in self.encoder.token_batches([text for _, text in block], progress=False):
            wanted = kept[types].nonzero()[:, 0]
            if len(wanted):
                codes = _codes(numbers[rows], lengths.numpy())[wanted.numpy()]
                there = send(wanted, self.device)
                vectors = {str(i): state[there] for i, state in states.items()}
                yield Batch(vectors, types[wanted], self.drawn.slots(codes))


class TableOccurrences(Occurrences):
    """The rows of a static table, each once, whatever the corpus. Zero rows, which have no direction, take no part.

    A ValueError if no row is left.
    """

    def __init__(self, encoder: TableEncoder, kept: np.ndarray, size: int, seed: int):
        self.table, self.device = encoder.table, encoder.table.device
        self.layers, self.sentences, self.texts = [encoder.layers], {}, 0
        nonzero = [(block != 0).any(1).cpu() for block in self.table.split(ROWS_PER_BLOCK)]
        self.rows = np.flatnonzero(kept & torch.cat(nonzero).numpy())
        if not len(self.rows):
            raise ValueError(f"no row of the table of {encoder.name} is left to measure: allow more kinds of pieces")
        self.counts = np.bincount(self.rows, minlength=len(kept))
        self.drawn = Drawn(size)
        self.drawn.add(self.rows * _POSITIONS, self.rows, np.random.default_rng(seed))

    def pilot(self) -> Iterator[Batch]:
        """All rows: they are there already."""
        return self._batches(self.rows)

    def _batches(self, chosen: np.ndarray) -> Iterator[Batch]:
        for start in range(0, len(chosen), ROWS_PER_BLOCK):
            rows = chosen[start : start + ROWS_PER_BLOCK]
            types = torch.from_numpy(rows)
            vectors = self.table[types.to(self.device)].float()
            yield Batch({self.layers[0]: vectors}, types, self.drawn.slots(rows * _POSITIONS))


class StoredOccurrences(TableOccurrences):
    """Stored vectors, each once, read block by block. Every one is a type of its own, of which no sums are kept."""

    have_types: ClassVar[bool] = False

    def __init__(self, encoder: StoredEncoder, size: int, seed: int):
        super().__init__(encoder, np.ones(len(encoder.pieces), dtype=bool), size, seed)
        first = np.random.default_rng(seed).permutation(len(self.rows))[:PILOT_ROWS]
        self._first = np.zeros(len(self.rows), dtype=bool)
        self._first[first] = True

    def pilot(self) -> Iterator[Batch]:
        """A random sample of the rows."""
        return self._batches(self.rows[self._first])

    def rest(self) -> Iterator[Batch]:
        """The other rows; of P processes, each reads every P-th block."""
        others = self.rows[~self._first]
        blocks = np.array_split(others, max(1, len(others) // ROWS_PER_BLOCK))
        for block in blocks[distributed.rank() :: distributed.processes()]:
            yield from self._batches(block)


def kept_types(encoder: Encoder, special_tokens: bool, punctuation: bool, pieces: bool) -> np.ndarray:
    """Which token types (V,) take part: special ones, those without a letter or digit, those that continue a word.

    Example:
        >>> encoder = Encoder.from_pretrained("minilm", layers="static")
        >>> kept = kept_types(encoder, special_tokens=False, punctuation=False, pieces=False)
        >>> [bool(kept[encoder.pieces.index(piece)]) for piece in ("cat", "##s", ",", "[CLS]")]
        [True, False, False, False]
    """

    def keeps(name: str) -> bool:
        if _SPECIAL.fullmatch(name):
            return special_tokens
        if not any(character.isalnum() for character in name):
            return punctuation
        return pieces or not name.startswith("##")

    return np.array([keeps(name) for name in encoder.pieces])


def _blocks(windows: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    texts = iter(windows)
    while block := list(islice(texts, WINDOWS_PER_BLOCK)):
        yield block


def _codes(texts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Codes, text · 2¹⁶ + position (t,) of every token of texts (n,) that have `lengths` (n,) tokens."""
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(texts, lengths) * _POSITIONS + np.arange(lengths.sum()) - starts
