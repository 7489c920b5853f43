"""Where a removal is learned, and the training texts as that basis takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from uncone.config import Spectra
from uncone.data.basis import Basis
from uncone.data.clustered_pairs import ClusteredBasis
from uncone.data.corpora import load_texts
from uncone.data.neighbours import neighbouring_sentences
from uncone.data.pair_module import EncodedPairs, Side
from uncone.data.pairs import ScoredPairs
from uncone.encoder import TokenVectors
from uncone.spectrum import Spectrum
from uncone.vectors import Vectors


def make_basis(config: DictConfig, spectra: Spectra) -> tuple[Basis | ClusteredBasis, list[int]]:
    """The basis that `config.learned` asks for, and how many components each candidate uses (of each cluster).

    Raises:
        ValueError: if no number of components is possible.
    """
    settings = config.learned
    if settings.clusters is None:
        return learned_basis(spectra.blend(settings.uniform_share), settings.numbers_of_components, settings.centred)
    return clustered_basis(config, spectra)


def learned_basis(spectrum: Spectrum, numbers_of_components: Any, centred: bool) -> tuple[Basis, list[int]]:
    """The components that the candidates need, and how many each uses.

    Args:
        spectrum: of the vectors.
        numbers_of_components: candidates; null stands for all. Those beyond the rank are left out, if one remains.
        centred: whether the mean is subtracted.

    Raises:
        ValueError: if all numbers are larger than the rank.
    """
    asked = [spectrum.rank if count is None else int(count) for count in numbers_of_components]
    counts = sorted({count for count in asked if count <= spectrum.rank})
    if not counts:
        raise ValueError(f"learned.numbers_of_components asks for {asked}, but these vectors have rank {spectrum.rank}")
    return Basis.of(spectrum, max(counts), centred), counts


def clustered_basis(config: DictConfig, spectra: Spectra) -> tuple[ClusteredBasis, list[int]]:
    """The components of every cluster that the candidates need, and how many of a cluster each uses.

    Raises:
        ValueError: if a number of components is null or beyond the dimension, or pooling is not linear.
    """
    settings = config.learned
    counts = [*settings.numbers_of_components]
    if not all(isinstance(count, int) and 1 <= count <= spectra.dimension for count in counts):
        raise ValueError(
            f"with learned.clusters, learned.numbers_of_components lists components of each cluster, from 1 to "
            f"{spectra.dimension}, got {counts}"
        )
    clustering = spectra.clustering(settings.clusters, config.seed)
    return ClusteredBasis.of(clustering, max(counts), spectra.level, settings.temperature), sorted(counts)


def encoded(pairs: ScoredPairs, kind: str, vectors: Vectors, basis: Basis | ClusteredBasis) -> EncodedPairs:
    """Pairs with both sides as the basis takes them; `kind` is "words" or "sentences"."""
    return pairs, _side(pairs.text1, kind, vectors, basis), _side(pairs.text2, kind, vectors, basis)


def _side(texts: Sequence[str], kind: str, vectors: Vectors, basis: Basis | ClusteredBasis) -> Side:
    """Raw vectors (n, d) of texts; for clusters of tokens, what the basis makes of the tokens of each text."""
    if not isinstance(basis, ClusteredBasis) or basis.level == "texts":
        raw = vectors.raw_sentences(texts) if kind == "sentences" else vectors.raw_words(texts)
        if not isinstance(basis, ClusteredBasis):
            return torch.tensor(raw)
        each = np.arange(len(raw))
        return basis.express(TokenVectors(raw, np.zeros_like(each), each), lambda tokens: tokens.vectors)
    encoder = vectors.encoder
    if encoder.pooling in ("max", "cls"):
        raise ValueError(f"clusters of tokens cannot be learned under pooling {encoder.pooling!r}: choose mean")
    if kind == "words" and vectors.word_vectors == "corpus" and not encoder.is_static:
        raise ValueError("clusters of tokens are learned from words standing alone: set word_vectors=alone")
    tokens = vectors.raw_tokens(encoder.as_words(texts) if kind == "words" else texts)
    return basis.express(tokens, encoder.pool_tokens)


def encoded_neighbours(config: DictConfig, vectors: Vectors, basis: Basis | ClusteredBasis) -> tuple[Side, Side]:
    """Sentences that follow each other in the contrast's corpus: the first ones, and the second."""
    texts = load_texts(config.learned.contrast.corpus, config.data_dir)[: config.learned.contrast.limit]
    pairs = neighbouring_sentences(texts)
    known = vectors.encoder.known([first for first, _ in pairs]) & vectors.encoder.known(
        [second for _, second in pairs]
    )
    sentences = [sentence for pair, is_known in zip(pairs, known, strict=True) if is_known for sentence in pair]
    if not sentences:
        corpus = config.learned.contrast.corpus
        raise ValueError(f"the corpus {corpus} has no two known sentences behind each other: choose another")
    return _side(sentences[0::2], "sentences", vectors, basis), _side(sentences[1::2], "sentences", vectors, basis)
