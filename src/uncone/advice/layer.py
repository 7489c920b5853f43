"""One layer studied: every candidate removal, and the cosines it gives to all pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from uncone.advice.choice import Candidate, Design
from uncone.advice.learner import Learner
from uncone.removal import Correction
from uncone.removal.vectors import Vectors
from uncone.tasks.base import distinct, paired_cosine

LEARNED = "learned"


@dataclass(frozen=True)
class LayerStudy:
    """What was found of one layer.

    Attributes:
        layer: its name.
        candidates: raw vectors first, then every removal at every setting.
        final: number of the candidate that all pairs choose.
        removal: that removal, fitted on all there is.
    """

    layer: str
    candidates: list[Candidate]
    final: int
    removal: Correction


def study_layer(
    vectors: Vectors,
    design: Design,
    removals: Mapping[str, Sequence[Correction]],
    learner: Learner | None,
    advance: Callable[[], None] = lambda: None,
) -> LayerStudy:
    """Score every candidate on all pairs, and choose one.

    Removals of `removals` know nothing of the pairs: one fit serves all folds. The learned one is fitted for every two
    folds without both of them, so that each split can choose by a fold that neither the test nor the learning saw.

    Args:
        vectors: raw ones, of one layer.
        design: pairs, and how they are divided.
        removals: by method, one for each setting; "none" first.
        learner: how to learn one more; None for fixed removals only.
        advance: called after each fit.
    """
    candidates, corrections = [], []
    for method, settings in removals.items():
        for removal in settings:
            words, sentences = cosines(vectors, removal, design)
            candidates.append(Candidate(method, described(removal), words[None], sentences[None]))
            corrections.append(removal)
            advance()
    if learner is not None:
        fits = []
        for left_out in pairs_of_folds(design.folds.count):
            fits.append(learner.cosines(np.flatnonzero(design.folds.training(*left_out))))  # (2, settings, pairs)
            advance()
        words, sentences = (np.stack(side, axis=1) for side in zip(*fits, strict=True))  # (settings, fits, pairs)
        candidates += map(Candidate, [LEARNED] * len(words), learner.settings, words, sentences)
    final = design.scores(candidates).best(raw=0)
    if learner is not None and final >= len(corrections):
        removal = learner.removal(final - len(corrections)).for_encoder(vectors.encoder)
        return LayerStudy(vectors.encoder.layers, candidates, final, removal)
    return LayerStudy(vectors.encoder.layers, candidates, final, corrections[final])


def pairs_of_folds(folds: int) -> list[tuple[int, int]]:
    """The folds that each fit leaves out, in the order of `uncone.advice.choice.fit_of`.

    Example:
        >>> pairs_of_folds(3)
        [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    """
    return [(int(a), int(b)) for a, b in zip(*np.triu_indices(folds), strict=True)]


def cosines(vectors: Vectors, removal: Correction, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (n,) of the word pairs and (m,) of the sentence pairs of a design, after a removal."""
    corrected = vectors.corrected(removal)
    words, first, second = distinct(design.words.text1, design.words.text2)
    of_words = paired_cosine(corrected.words(words), first, second)
    sentences, first, second = distinct(design.sentences.text1, design.sentences.text2)
    return of_words, paired_cosine(corrected.sentences(sentences), first, second)


def described(removal: Correction) -> str:
    """The settings of a removal in a few words, such as "D=5"."""
    return ", ".join(f"{key}={value}" for key, value in removal.settings.items())
