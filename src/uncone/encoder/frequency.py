"""How probable words and token types are.

An `encoder` here is whatever has `pieces`, `tokenize` and `as_words`: encoders weigh their tokens by these.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uncone.encoder.pieces import flat
from uncone.encoder.texts import blocks
from uncone.support.terminal import step

WORDS = 100_000  # the most frequent words of English; the rest have a millionth of the mass each at most


@lru_cache(maxsize=2)
def frequent_words(count: int = WORDS) -> tuple[tuple[str, ...], np.ndarray]:
    """The most frequent English words of `wordfreq`, and their probabilities (n,) in running text."""
    from wordfreq import top_n_list, word_frequency

    words = tuple(top_n_list("en", count))  # leaves out "00" and the like, which stand for all numbers of that length
    return words, np.array([word_frequency(word, "en") for word in words])


def word_probabilities(words: Sequence[str]) -> np.ndarray:
    """Probability (n,) of each word in running English; 0 for words that `wordfreq` does not know."""
    from wordfreq import word_frequency

    return np.array([word_frequency(word, "en") for word in words], dtype=np.float64)


@step("How frequent pieces are", "load")
def piece_probabilities(encoder: Any, words: int = WORDS) -> Tensor:
    """Probability of each token type in running English, from word frequencies alone.

    Each frequent word is cut into its pieces, and each piece collects the probability of the word: continuation pieces
    ("##ing"), which no word list knows, get their share too.

    Returns:
        (V,) float64 summing to 1; 0 for pieces in none of the most frequent `words`.
    """
    mass = piece_mass(encoder, *frequent_words(words))
    if not mass.any():
        raise ValueError(f"{encoder.name} knows none of the {words} most frequent English words: its pieces have no p")
    return mass / mass.sum()


def type_probabilities(encoder: Any) -> Tensor:
    """Probability (V,) float64 of each token type in running English: as words where they are words, else as pieces."""
    if encoder.layers == "words":
        return torch.from_numpy(word_probabilities(encoder.pieces))
    return piece_probabilities(encoder)


def piece_mass(encoder: Any, words: Sequence[str], mass: np.ndarray) -> Tensor:
    """Mass (V,) float64 of token types: each piece of a word collects the mass of the word, one of `mass` (n,)."""
    types, counts = flat(encoder.tokenize(encoder.as_words(words)))
    collected = torch.zeros(len(encoder.pieces), dtype=torch.float64)
    return collected.index_add_(0, types, torch.repeat_interleave(torch.from_numpy(mass), counts))


def word_shares(words: Sequence[str], texts: Iterable[str]) -> np.ndarray:
    """Share (n,) of each word, in lower case, of all the words of texts."""
    counts = Counter(word.casefold() for text in texts for word in re.findall(r"\w+", text))
    return np.array([counts[word] for word in words]) / counts.total()


@step("How frequent pieces are in the corpus", "load")
def type_shares(encoder: Any, texts: Iterable[str]) -> np.ndarray:
    """Share (V,) of each token type of all the tokens of texts, which are read as a stream."""
    counts = np.zeros(len(encoder.pieces), dtype=np.int64)
    for block in blocks(texts):
        counts += np.bincount(flat(encoder.tokenize(block))[0].numpy(), minlength=len(counts))
    if not counts.any():
        raise ValueError("a corpus without known tokens has no frequencies")
    return counts / counts.sum()
