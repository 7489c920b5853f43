"""Samples of streams that are too long to be held."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from random import Random
from typing import TypeVar

T = TypeVar("T")


def draw(items: Iterable[T], most: int, seed: int) -> list[T]:
    """At most so many of the items, each equally likely to be among them, in their order; all if there are no more.

    Algorithm R of Vitter (1985, Random sampling with a reservoir): one pass, of which no more is kept than is drawn.

    Example:
        >>> draw("abcde", 5, seed=0), draw("abcde", 2, seed=0)
        (['a', 'b', 'c', 'd', 'e'], ['c', 'e'])
    """
    random, kept = Random(seed), list[tuple[int, T]]()
    for number, item in enumerate(items):
        if len(kept) < most:
            kept.append((number, item))
        elif (place := random.randrange(number + 1)) < most:
            kept[place] = number, item
    return [item for _, item in sorted(kept, key=itemgetter(0))]
