"""What is learned, and from what: the bank of removals of a recipe, and its texts as the basis takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress
from typing import Any

import hydra
import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from uncone.commands.build import numbers
from uncone.data.corpora import load_texts
from uncone.data.pairs import ScoredPairs
from uncone.encoder import TokenVectors
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis
from uncone.learning.clustered_pairs import ClusteredBasis
from uncone.learning.learn import train
from uncone.learning.module import RemovalModule
from uncone.learning.neighbours import neighbouring_sentences
from uncone.learning.pair_module import EncodedPairs, PairDataModule, Side
from uncone.learning.strength import at_strength, choose_strength
from uncone.learning.views import bag_views
from uncone.removal import ClusteredRemoval, Correction, Removal
from uncone.removal.spectra import Spectra
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.support.threads import one_thread

MOST_JUDGED = 4000  # held-out sentences that choose a strength: all are compared with all


def make_learner(
    config: DictConfig, vectors: Vectors, spectra: Spectra, pairs: ScoredPairs, validation: ScoredPairs
) -> tuple[RemovalModule, PairDataModule]:
    """The module and the data that a recipe asks for.

    Args:
        config: with `learned` (see conf/learned), `objective`, `data`, `data_dir` and `seed`.
        vectors: of the encoder.
        spectra: what removals are fitted on.
        pairs: training pairs.
        validation: validation pairs.
    """
    settings, contrast = config.learned, config.learned.contrast
    if not settings.weight and not contrast.weight:
        raise ValueError("there is nothing to learn from: learned.weight and learned.contrast.weight are both 0")
    _check_strengths(settings)
    basis, counts = make_basis(config, spectra)
    seeds = [config.seed] if settings.seeds is None else list(settings.seeds)
    bank = members(counts, seeds, numbers(settings.pull), numbers(settings.learning_rate))
    neighbours, views = encoded_neighbours(config, vectors, basis) if contrast.weight else (None, None)
    data = PairDataModule(
        encoded(pairs, config.data.kind, vectors, basis) if settings.weight else None,
        encoded(validation, config.data.kind, vectors, basis),
        basis,
        settings.batch_size,
        seeds,
        neighbours,
        contrast.batch_size,
        settings.minimum_steps,
        views,
    )
    module = RemovalModule(
        RemovalBank(basis, bank, settings.parameterisation, settings.learn_centre, settings.rank),
        hydra.utils.instantiate(config.objective, members=len(bank), datasets=len(data.datasets)),
        settings.weight * min(1.0, len(pairs) / settings.full_weight_at),
        contrast.weight,
        contrast.temperature,
        contrast.views,
        settings.mixing_pull,
        settings.gradient_clip,
        settings.optimizer,
        vectors.encoder,
    )
    return module, data


def _check_strengths(settings: DictConfig) -> None:
    """Refuse, before anything is learned, a strength at which the outcome could not be taken."""
    strengths = numbers(settings.strength)
    if not strengths or not all(0 <= strength <= 1 for strength in strengths):
        raise ValueError(f"learned.strength must lie in [0, 1], got {strengths}")
    if strengths != [1] and (settings.clusters is not None or settings.parameterisation == "paper"):
        raise ValueError(
            f"clusters and the parameterisation paper are taken whole: learned.strength must be 1, got {strengths}"
        )


def learn_plainly(
    config: DictConfig, vectors: Vectors, spectra: Spectra, pairs: ScoredPairs, validation: ScoredPairs
) -> Correction:
    """The removal of a recipe, without logs, checkpoints or measures: for comparing recipes (see `make_learner`)."""
    module, data = make_learner(config, vectors, spectra, pairs, validation)
    with one_thread():
        removal = train(module, data, epochs(config, data), config.learned.patience, config.learned.keep)
    return finished(config, vectors, removal)


def finished(config: DictConfig, vectors: Vectors, removal: Removal | ClusteredRemoval) -> Correction:
    """A learned removal at its strength, which held-out sentences choose from a list; and what it was trained on."""
    strengths = numbers(config.learned.strength)
    if isinstance(removal, Removal) and len(strengths) == 1:
        removal = at_strength(removal, strengths[0])
    elif isinstance(removal, Removal):
        sides = known_neighbours(contrast_texts(config)[1], vectors)
        removal = choose_strength(removal, strengths, *(vectors.raw_sentences(side[:MOST_JUDGED]) for side in sides))
    return removal.with_settings(**trained_on(config))


def epochs(config: DictConfig, data: PairDataModule) -> int:
    """Most epochs, from their number or from that of steps.

    Raises:
        ValueError: unless one of them is given.
    """
    most, steps = config.learned.max_epochs, config.learned.max_steps
    if (most is None) == (steps is None):
        raise ValueError(f"give either learned.max_epochs or learned.max_steps, got {most} and {steps}")
    return int(most) if steps is None else math.ceil(steps / len(data.batches()))


def trained_on(config: DictConfig) -> dict[str, Any]:
    """The setting by which evaluations leave out what a removal has seen; empty if it has looked at no score."""
    if not config.learned.weight and config.learned.keep == "last" and len(config.learned.numbers_of_components) == 1:
        return {}
    return {"trained_on": OmegaConf.to_container(config.data, resolve=True)}


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


def encoded_neighbours(
    config: DictConfig, vectors: Vectors, basis: Basis | ClusteredBasis
) -> tuple[tuple[Side, Side], Side]:
    """Sentences that follow each other in the contrast's corpus, and views of the first; as the basis takes them.

    The views are the same for all seeds, so that their vectors are stored once; None where they have no weight.
    """
    first, second = known_neighbours(contrast_texts(config)[0], vectors)
    neighbours = _side(first, "sentences", vectors, basis), _side(second, "sentences", vectors, basis)
    if not config.learned.contrast.views:
        return neighbours, None
    views = bag_views(first, seed=0)
    known = vectors.encoder.known(views)
    views = [view if is_known else whole for view, whole, is_known in zip(views, first, known, strict=True)]
    return neighbours, _side(views, "sentences", vectors, basis)


def contrast_corpus(contrast: DictConfig, data_dir: str | None) -> Sequence[str]:
    """The texts that a contrast takes neighbouring sentences from."""
    return load_texts(contrast.corpus, data_dir)[: contrast.limit]


def contrast_texts(config: DictConfig) -> tuple[Sequence[str], Sequence[str]]:
    """Texts of the contrast's corpus to learn from; and the last of them, which choose the strength if it is a list.

    Raises:
        ValueError: if one of the two parts would be empty.
    """
    contrast = config.learned.contrast
    texts = contrast_corpus(contrast, config.data_dir)
    if len(numbers(config.learned.strength)) == 1:
        return texts, ()
    held_out = round(contrast.held_out * len(texts))
    if not 0 < held_out < len(texts):
        raise ValueError(
            f"learned.contrast.held_out={contrast.held_out} of {len(texts)} texts leaves {held_out} to choose the "
            "strength on: give more text, another share, or one strength"
        )
    return texts[: len(texts) - held_out], texts[len(texts) - held_out :]


def known_neighbours(texts: Sequence[str], vectors: Vectors) -> tuple[list[str], list[str]]:
    """First and second sentences that follow each other in texts, of those that the encoder knows.

    Raises:
        ValueError: if there are none.
    """
    pairs = neighbouring_sentences(texts)
    first, second = ([pair[i] for pair in pairs] for i in (0, 1))
    known = vectors.encoder.known(first) & vectors.encoder.known(second)
    if not known.any():
        raise ValueError(
            f"{len(texts)} texts of contrast.corpus hold no two known sentences behind each other: choose another one"
        )
    return list(compress(first, known)), list(compress(second, known))
