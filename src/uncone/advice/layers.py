"""The layers that advise.py studies, and their vectors, encoded in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from uncone.advice.choice import Design
from uncone.commands.build import make_vectors
from uncone.data import load_texts
from uncone.encoder import TransformerEncoder
from uncone.encoder.layers import resolve_layers
from uncone.learning.problem import contrast_corpus, known_neighbours
from uncone.removal.vectors import Vectors

STATIC = "static"
Layer = int | str | None  # an index of a block, "static", or None for word vectors, which have one layer


def choose_layers(config: DictConfig) -> list[Layer]:
    """The layers that `config.layers` names, by depth; those that the encoder's pooling allows, for "all".

    Raises:
        ValueError: if the encoder has no such layer, or its layers are chosen in the encoder group.
    """
    given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    if any(override.split("=")[0].lstrip("+") == "encoder.layers" for override in given):
        raise ValueError("advise.py compares layers: write layers=[…] instead of encoder.layers=…")
    if "layers" not in config.encoder:
        if config.layers != "all":
            raise ValueError(f"word vectors have one layer: leave out layers={config.layers}")
        return [None]
    last = vectors_of(config, "last").encoder
    depth = cast(TransformerEncoder, last).layer_indices[-1]
    if config.layers == "all":
        pools_special = config.encoder.pooling == "cls" or config.encoder.special_tokens
        return [*([] if pools_special else [STATIC]), *range(1, depth + 1)]  # a table has no special tokens
    asked: Any = OmegaConf.to_container(config.layers) if not isinstance(config.layers, (int, str)) else [config.layers]
    blocks = [layer for layer in asked if layer != STATIC]
    return [*([STATIC] if STATIC in asked else []), *(resolve_layers(blocks, depth) if blocks else [])]


def vectors_of(config: DictConfig, layer: Layer | list[int]) -> Vectors:
    """Raw vectors of one layer (or of several, to share their encoding)."""
    chosen: Any = {} if layer is None else {"encoder": {"layers": layer}}
    made = make_vectors(cast(DictConfig, OmegaConf.merge(config, chosen)))
    return replace(made, keep_tokens=isinstance(made.encoder, TransformerEncoder))


def share_encoding(config: DictConfig, first: Vectors, layers: Sequence[Layer], design: Design) -> None:
    """Encode all that the study reads in one pass for all blocks; the table needs none.

    Where words are taken from a corpus, or the classification token is pooled, each layer encodes for itself.
    """
    blocks = [layer for layer in layers if isinstance(layer, int)]
    if not blocks or first.word_vectors != "alone" or first.encoder.pooling == "cls":
        return
    whole = vectors_of(config, blocks)
    as_words = whole.encoder.as_words
    probed = load_texts(config.corpus, config.data_dir)[: config.probe.texts]
    for texts in (
        as_words(list(dict.fromkeys([*design.words.text1, *design.words.text2]))),
        list(dict.fromkeys([*design.sentences.text1, *design.sentences.text2])),
        probed,
    ):
        whole.share_layers(texts, tokens=True)
    if config.learning is not None:
        sides = known_neighbours(contrast_corpus(config.learning.contrast, config.data_dir), whole)
        whole.share_layers([text for side in sides for text in side])
    if config.fitted_on == "vocabulary" or config.task:
        whole.share_layers(as_words(whole.vocabulary_words()))
    if config.fitted_on != "vocabulary":
        whole.share_layers(whole.corpus, tokens=True)
