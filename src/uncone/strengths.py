"""How much of a learned removal to take: judged on running text that it was not learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from uncone.removal import Removal

MOST_PAIRS = 4000  # of sentences that are compared with each other: all with all


def choose_strength(
    removal: Removal,
    strengths: Sequence[float],
    read: Callable[[Removal, Sequence[str]], np.ndarray],
    first: Sequence[str],
    second: Sequence[str],
) -> Removal:
    """The weakest version of a removal that finds a sentence's neighbour as well as the best one does, but for chance.

    Strengths lead from the identity at 0 to the removal as it is at the largest, T: at t its gains are g^(t/T) and its
    centre is c t/T. Each is scored by the mean reciprocal rank of a sentence's neighbour among those of all others. The
    smallest is taken whose score lies within one standard error, of the paired difference, of the best: the rule of
    Breiman et al. 1984 (Classification and regression trees, section 3.4.3). A space that needs no correction thus
    stays close to what it was.

    Args:
        removal: as learned, at the largest of the strengths.
        strengths: candidates ≥ 0.
        read: gives vectors (n, d) of texts under a removal.
        first: (n,) sentences, n ≥ 2, that the removal was not learned from; the first 4000 are used.
        second: (n,) their neighbours.

    Raises:
        ValueError: for fewer than two sentences, strengths below 0 or all 0, or negative gains.
    """
    ascending, most = sorted(set(strengths)), max(strengths)
    if ascending[0] < 0 or most == 0:
        raise ValueError(f"strengths must be at least 0, and one of them above, got {list(strengths)}")
    if (removal.gains < 0).any():
        raise ValueError("a removal with negative gains has no versions in between: give one strength")
    if len(first) < 2:
        raise ValueError(f"a strength is chosen on at least 2 neighbouring sentences, got {len(first)}: give more text")
    first, second = first[:MOST_PAIRS], second[:MOST_PAIRS]
    shares = [(t, t / most) for t in ascending]
    candidates = [
        replace(removal, centre=removal.centre * share, gains=removal.gains**share).with_settings(strength=t)
        for t, share in shares
    ]
    scores = np.array([reciprocal_ranks(read(each, first), read(each, second)) for each in candidates])
    behind = scores[scores.mean(1).argmax()] - scores  # (strengths, n)
    tolerance = behind.std(1, ddof=1) / np.sqrt(len(first))
    return candidates[int(np.flatnonzero(behind.mean(1) <= tolerance)[0])]


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
