"""The points that the views of an atlas show: which of the sampled vectors, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from uncone.geometry.atlas.occurrences import Occurrences
from uncone.geometry.atlas.store import Sample

VIEW_POINTS = 3000


def word_groups(pieces: Sequence[str], words: Sequence[Sequence[str]]) -> dict[int, int]:
    """The group of each token type that is a word of one, case ignored; a word of several pieces has no type.

    Example:
        >>> word_groups(["monday", "Monday", "one"], [["Monday"], ["one", "eleventeen"]])
        {0: 0, 1: 0, 2: 1}
    """
    group_of = {word.casefold(): number for number, group in enumerate(words) for word in group}
    names = enumerate(piece.casefold() for piece in pieces)
    return {i: group_of[name] for i, name in names if name in group_of}


def view_points(types: np.ndarray, groups: Iterable[int], seed: int, size: int = VIEW_POINTS) -> np.ndarray:
    """Which (m,), ascending, of sampled vectors of types (n,) to show: those of types in `groups` first.

    The others are a random choice.
    """
    chosen = np.isin(types, list(groups))
    order = np.random.default_rng(seed).permutation(len(types))
    order = order[np.argsort(~chosen[order], kind="stable")]
    return np.sort(order[:size])


def view_sample(
    occurrences: Occurrences,
    shown: np.ndarray,
    pieces: Sequence[str],
    log10_frequency: np.ndarray,
    words: Sequence[Sequence[str]],
    groups: Mapping[int, int],
) -> Sample:
    """What the points (m,) of the views stand for.

    `pieces` and `log10_frequency` (V,) are those of the types, `groups` their groups in `words`.
    """
    types, texts = occurrences.drawn.types[shown].tolist(), occurrences.drawn.texts[shown].tolist()
    place = {text: i for i, text in enumerate(sorted(occurrences.sentences.keys() & set(texts)))}
    return Sample(
        token=[pieces[t] for t in types],
        type=types,
        log10_frequency=log10_frequency[types].tolist(),
        group=[groups.get(t) for t in types],
        sentence=[place.get(text) for text in texts],
        span=occurrences.spans(shown),
        sentences=[occurrences.sentences[text] for text in place],
        groups=[list(group) for group in words],
    )
