"""Fixed methods are chosen on validation pairs, as learned removals are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from uncone.learning.problem import Problem
from uncone.removal import Correction
from uncone.tasks.base import distinct, paired_cosine
from uncone.tasks.statistics import macro_spearman


def choose(problem: Problem, candidates: Iterable[Correction]) -> Correction:
    """The candidate whose cosines agree best with the scores of the validation pairs; of equals, the first."""
    pairs, kept, cosines = problem.validation, [], []
    texts, first, second = distinct(pairs.text1, pairs.text2)
    for candidate in candidates:
        kept.append(candidate)
        cosines.append(paired_cosine(problem.corrected(candidate, texts), first, second))
    scores = macro_spearman(pairs.score, np.stack(cosines), np.array(pairs.dataset))
    return kept[int(np.argmax(scores))]
