"""The points that the views of an atlas show: which of the sampled vectors, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.atlas.occurrences import Occurrences
from uncone.geometry.atlas.store import Sample

VIEW_POINTS = 3000
NEIGHBOURS = 6


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


def nearest_points(X: Tensor, types: np.ndarray) -> dict[str, list[list[float]]]:
    """For each of the points (m, d) its nearest ones of other types, by cosine in all d dimensions, nearest first.

    Of each type the nearest point stands for all: six rows of "the" would say little of a neighbourhood. Returns the
    numbers of the points, "point", and their "cosine", both (m, 6), or fewer columns where there are fewer types (m,).

    Example:
        >>> nearest_points(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.6, 0.8]]), np.array([0, 0, 1]))
        {'point': [[2], [2], [1]], 'cosine': [[0.6], [0.68], [0.68]]}
    """
    unit = torch.nn.functional.normalize(X.float(), dim=1)
    cosine, kind = unit @ unit.T, torch.from_numpy(types).to(X.device)
    points, values, last = [], [], kind
    for _ in range(min(NEIGHBOURS, len(kind.unique()) - 1)):
        cosine.masked_fill_(last[:, None] == kind, -torch.inf)
        value, point = cosine.max(1)
        points.append(point)
        values.append(value)
        last = kind[point]
    if not points:
        return {"point": [[]] * len(X), "cosine": [[]] * len(X)}
    rounded = torch.stack(values, dim=1).double().round(decimals=2)
    return {"point": torch.stack(points, dim=1).tolist(), "cosine": rounded.tolist()}


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
