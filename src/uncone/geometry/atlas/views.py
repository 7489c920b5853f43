"""The points that the views of an atlas show: which of the sampled vectors, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uncone.geometry.atlas.occurrences import Occurrences
from uncone.geometry.atlas.store import Sample

VIEW_POINTS = 3000


def word_groups(pieces: Sequence[str], words: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The token types of each group of words, case ignored; a word of several pieces has none.

    Example:
        >>> [group.tolist() for group in word_groups(["monday", "Monday", "one"], [["Monday"], ["one", "eleventeen"]])]
        [[0, 1], [2]]
    """
    wanted = [{word.casefold() for word in group} for group in words]
    return [
        np.array([i for i, piece in enumerate(pieces) if piece.casefold() in group], dtype=np.int64) for group in wanted
    ]


def view_points(types: np.ndarray, groups: Sequence[np.ndarray], seed: int, size: int = VIEW_POINTS) -> np.ndarray:
    """Which (m,), ascending, of sampled vectors of types (n,) to show: those of the groups first, then a random choice.

    Example:
        >>> view_points(np.array([5, 6, 7, 5]), [np.array([5])], seed=0, size=2).tolist()
        [0, 3]
    """
    chosen = np.isin(types, np.concatenate([np.empty(0, dtype=np.int64), *groups]))
    order = np.random.default_rng(seed).permutation(len(types))
    order = order[np.argsort(~chosen[order], kind="stable")]
    return np.sort(order[:size])


def view_sample(
    occurrences: Occurrences,
    shown: np.ndarray,
    pieces: Sequence[str],
    log10_frequency: np.ndarray,
    words: Sequence[Sequence[str]],
    groups: Sequence[np.ndarray],
) -> Sample:
    """What the points (m,) of the views stand for.

    `pieces` and `log10_frequency` (V,) are those of the types; `groups` are the types of each group of `words`.
    """
    drawn = occurrences.drawn
    types = drawn.types[shown]
    group_of = {int(t): g for g, members in enumerate(groups) for t in members}
    texts = drawn.texts[shown] if occurrences.sentences else None
    kept = np.unique(texts) if texts is not None else np.empty(0, dtype=np.int64)
    return Sample(
        token=[pieces[t] for t in types],
        type=types.tolist(),
        log10_frequency=log10_frequency[types].tolist(),
        group=[group_of.get(int(t)) for t in types],
        sentence=np.searchsorted(kept, texts).tolist() if texts is not None else [None] * len(types),
        span=list(occurrences.spans(shown)),
        sentences=[occurrences.sentences[int(i)] for i in kept],
        groups=[list(group) for group in words],
    )
