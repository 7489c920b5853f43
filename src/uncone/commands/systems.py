"""The removals that a command compares: constructed ones, chosen on validation pairs, and saved ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.progress import track

from uncone.config import Spectra, is_saved, make_candidates, names
from uncone.data.pairs import ScoredPairs
from uncone.data.sts import load_sts
from uncone.data.word_pairs import load_word_pairs
from uncone.removal import Correction
from uncone.removal import load as load_removal
from uncone.statistics import spearman
from uncone.tasks.base import distinct, paired_cosine
from uncone.vectors import Vectors

Read = Callable[[Sequence[str]], np.ndarray]


def load_splits(config: DictConfig, vectors: Vectors) -> tuple[ScoredPairs, ScoredPairs, ScoredPairs]:
    """Training, validation and test pairs, of words or of sentences, whose words the encoder knows.

    `data.validation_sets` and `data.test_sets` are parts of their own; without them, parts are split off
    `data.sets` in the proportions of `data.fractions`. With neither validation sets nor a second fraction there is no
    validation, and the training pairs take its place. A test part never holds a pair that stands in another part.

    Raises:
        ValueError: if fractions do not fit the parts to make, or no pair is left.
    """
    data = config.data

    def load(sets: Any) -> ScoredPairs:
        read = load_sts if data.kind == "sentences" else load_word_pairs
        return covered(read(names(sets), config.data_dir), vectors)

    pairs = load(data.sets)
    own = [load(sets) if sets is not None else None for sets in (data.validation_sets, data.test_sets)]
    split_off = [name for name, part in zip(("validation", "test"), own, strict=True) if part is None]
    fractions = list(data.fractions)
    if len(fractions) != 1 + len(split_off) and not (split_off == ["validation"] and len(fractions) == 1):
        shares = ", ".join(["train", *split_off])
        raise ValueError(f"data.fractions needs {1 + len(split_off)} numbers ({shares}), got {fractions}")
    train, *rest = pairs.split(fractions, seed=data.seed) if len(fractions) > 1 else (pairs,)
    made = dict(zip(split_off, rest, strict=False))
    validation = own[0] or made.get("validation", train)
    test = made["test"] if own[1] is None else own[1].without(pairs).without(validation)
    return train, validation, test


def reader(config: DictConfig, vectors: Vectors) -> Read:
    """What gives the vectors of the texts in `config.data`: they are sentences, or words."""
    return vectors.sentences if config.data.kind == "sentences" else vectors.words


def covered(pairs: ScoredPairs, vectors: Vectors) -> ScoredPairs:
    """The pairs of two known texts.

    Raises:
        ValueError: if there is none.
    """
    rows = np.flatnonzero(vectors.known(pairs.text1) & vectors.known(pairs.text2))
    if not len(rows):
        raise ValueError(f"{vectors.encoder.name} knows the words of none of the {len(pairs)} pairs")
    return pairs.take(rows)


def validation_score(pairs: ScoredPairs, read: Read) -> float:
    """Macro Spearman of the cosines of pairs: the unweighted mean over data sets."""
    texts, first, second = distinct(pairs.text1, pairs.text2)
    cosine = paired_cosine(read(texts), first, second)
    dataset = np.array(pairs.dataset)
    sets = [dataset == name for name in pairs.datasets if (dataset == name).sum() > 2]
    return float(np.mean([spearman(pairs.score[rows], cosine[rows]) for rows in sets]))


def make_systems(
    config: DictConfig, vectors: Vectors, spectra: Spectra, validation: ScoredPairs
) -> dict[str, Correction]:
    """Every removal that `config.removal` names, by the name it has in the results.

    A method whose settings are lists is tried with each; the best on the validation pairs is kept.

    Raises:
        ValueError: for an unknown name, a damaged file, or a saved removal of another encoder.
    """
    systems: dict[str, Correction] = {}
    for name in names(config.removal):
        if is_saved(name):
            removal = load_removal(name)
            systems[saved_name(name)] = removal.for_encoder(vectors.encoder) if config.allow_other_encoder else removal
            continue
        candidates = [removal.for_encoder(vectors.encoder) for removal in make_candidates(config, name, spectra)]
        best = candidates[0]
        if len(candidates) > 1:
            shown = track(candidates, f"Choosing {name} on {len(validation)} pairs", transient=True)
            scores = [validation_score(validation, reader(config, vectors.corrected(each))) for each in shown]
            best = candidates[int(np.argmax(scores))]
        systems[name] = best
    return systems


def saved_name(folder: str) -> str:
    """How results call a saved removal: by its run's folder.

    Example:
        >>> saved_name("outputs/train/monday/removal")
        'monday'
    """
    path = Path(folder).resolve()
    return path.parent.name if path.name == "removal" else path.name
