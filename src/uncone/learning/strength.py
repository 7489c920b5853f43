"""How much of a learned removal to take: judged on running text that it was not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from uncone.removal import Removal

ONE_SIDED = 1.645  # standard errors: 5 % of a normal distribution lie above


def choose_strength(removal: Removal, strengths: Sequence[float], first: np.ndarray, second: np.ndarray) -> Removal:
    """The weakest version of a removal that finds a sentence's neighbour as well as the best one does, but for chance.

    Each strength (see `at_strength`) is scored by the mean reciprocal rank of a sentence's neighbour among those of all
    others. The smallest is taken whose score is not clearly below the best, by a one-sided paired test at the level of
    5 %: a stricter one-standard-error rule (Breiman et al. 1984, Classification and regression trees, section 3.4.3). A
    space that needs no correction thus stays close to what it was.

    Args:
        removal: as learned.
        strengths: candidates in [0, 1].
        first: (n, d) raw vectors of sentences, n ≥ 2, that the removal was not learned from; all are compared with all.
        second: (n, d) raw vectors of their neighbours.

    Raises:
        ValueError: for fewer than two sentences, and as `at_strength`.
    """
    if len(first) < 2:
        raise ValueError(f"a strength is chosen on at least 2 neighbouring sentences, got {len(first)}: give more text")
    candidates = [at_strength(removal, strength) for strength in sorted(set(strengths))]
    scores = np.array([reciprocal_ranks(each.apply(first), each.apply(second)) for each in candidates])
    behind = scores[scores.mean(1).argmax()] - scores  # (strengths, n)
    tolerance = ONE_SIDED * behind.std(1, ddof=1) / np.sqrt(len(first))
    return candidates[int(np.flatnonzero(behind.mean(1) <= tolerance)[0])]


def at_strength(removal: Removal, strength: float) -> Removal:
    """The removal on the way from the identity, at 0, to what it is, at 1: its gains are g^t and its centre is t c.

    Args:
        removal: a removal; its settings will tell the strength.
        strength: t in [0, 1].

    Raises:
        ValueError: for a strength outside [0, 1], or below 1 for negative gains, whose powers are not real.

    Example:
        >>> whole = Removal(torch.ones(2), torch.eye(2), torch.tensor([0.25, 1.0]), method="learned")
        >>> at_strength(whole, 0.5).gains
        tensor([0.5000, 1.0000])
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be in [0, 1], got {strength}")
    if strength < 1 and (removal.gains < 0).any():
        raise ValueError(f"a removal with negative gains can be taken whole only: strength must be 1, got {strength}")
    part = replace(removal, centre=removal.centre * strength, gains=removal.gains**strength)
    return part.with_settings(strength=strength)


def reciprocal_ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n,) 1 / rank of each vector's counterpart by cosine, the mean of both directions, in (0, 1].

    Args:
        first: (n, d) vectors.
        second: (n, d) their counterparts.

    Example:
        >>> reciprocal_ranks(np.eye(3), np.eye(3)[[0, 2, 1]])
        array([1. , 0.5, 0.5])
    """
    a, b = (nn.functional.normalize(torch.as_tensor(side, dtype=torch.float32), dim=1) for side in (first, second))
    cosines = a @ b.T
    own = cosines.diagonal()
    ranks = torch.stack([1 + (cosines > own[:, None]).sum(1), 1 + (cosines > own).sum(0)])
    return (1 / ranks.double()).mean(0).numpy()
