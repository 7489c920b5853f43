"""The removals that a command compares: constructed ones, chosen on validation pairs, and saved ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from uncone.config import Spectra, is_saved, make_candidates, names
from uncone.data.pairs import ScoredPairs
from uncone.data.word_pairs import load_word_pairs
from uncone.removal import Removal
from uncone.statistics import spearman
from uncone.tasks.base import paired_cosine
from uncone.vectors import Vectors


def load_splits(config: DictConfig, vectors: Vectors) -> tuple[ScoredPairs, ScoredPairs, ScoredPairs]:
    """Training, validation and test pairs whose words the encoder knows.

    With `data.test_sets`, those are the test pairs, without any pair that also stands in the training or validation
    part; a single fraction then means that there is no validation, and the training pairs take its place.

    Raises:
        ValueError: if no pair is left.
    """
    pairs = covered(load_word_pairs(names(config.data.sets), config.data_dir), vectors)
    fractions = list(config.data.fractions)
    wanted = 3 if config.data.test_sets is None else 2
    if len(fractions) != wanted and not (wanted == 2 and len(fractions) == 1):
        shares = "train, validation, test" if wanted == 3 else "train, validation"
        raise ValueError(f"data.fractions needs {wanted} numbers ({shares}), got {fractions}")
    parts = pairs.split(fractions, seed=config.data.seed) if len(fractions) > 1 else (pairs, pairs)
    if config.data.test_sets is None:
        train, validation, test = parts
    else:
        train, validation = parts
        test = covered(load_word_pairs(names(config.data.test_sets), config.data_dir), vectors).without(pairs)
    return train, validation, test


def covered(pairs: ScoredPairs, vectors: Vectors) -> ScoredPairs:
    """The pairs of two known words.

    Raises:
        ValueError: if there is none.
    """
    rows = np.flatnonzero(vectors.known(pairs.text1) & vectors.known(pairs.text2))
    if not len(rows):
        raise ValueError(f"{vectors.encoder.name} knows the words of none of the {len(pairs)} pairs")
    return pairs.take(rows)


def validation_score(removal: Removal, pairs: ScoredPairs, e1: np.ndarray, e2: np.ndarray) -> float:
    """Macro Spearman of the cosines of pairs (n, d), corrected: the unweighted mean over data sets."""
    n = len(pairs)
    cosine = paired_cosine(removal.apply(np.concatenate([e1, e2])), np.arange(n), np.arange(n, 2 * n))
    dataset = np.array(pairs.dataset)
    sets = [dataset == name for name in pairs.datasets if (dataset == name).sum() > 2]
    return float(np.mean([spearman(pairs.score[rows], cosine[rows]) for rows in sets]))


def make_systems(config: DictConfig, vectors: Vectors, spectra: Spectra, validation: ScoredPairs) -> dict[str, Removal]:
    """Every removal that `config.removal` names, by the name it has in the results.

    A method whose settings are lists is tried with each; the best on the validation pairs is kept.

    Raises:
        ValueError: for an unknown name, a damaged file, or a saved removal of another encoder.
    """
    e1, e2 = vectors.raw_words(validation.text1), vectors.raw_words(validation.text2)
    systems = {}
    for name in names(config.removal):
        if is_saved(name):
            removal = Removal.load(name)
            systems[saved_name(name)] = removal.for_encoder(vectors.encoder) if config.allow_other_encoder else removal
            continue
        candidates = make_candidates(config, name, spectra)
        best = candidates[0]
        if len(candidates) > 1:
            best = max(candidates, key=lambda removal: validation_score(removal, validation, e1, e2))
        systems[name] = best.for_encoder(vectors.encoder)
    return systems


def saved_name(folder: str) -> str:
    """How results call a saved removal: by its run's folder.

    Example:
        >>> saved_name("outputs/train/monday/removal")
        'monday'
    """
    path = Path(folder).resolve()
    return path.parent.name if path.name == "removal" else path.name
