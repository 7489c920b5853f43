"""The members of a bank: removals that are learned side by side in one fit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple


class Member(NamedTuple):
    """One removal of a bank.

    Attributes:
        components: how many leading components it learns (of each cluster, on a clustered basis).
        seed: of its initial weights and of the order in which it sees the pairs.
        pull: strength of its pull toward the identity.
        learning_rate: of its Adam.
    """

    components: int
    seed: int = 0
    pull: float = 0.1
    learning_rate: float = 0.01


def members(
    numbers_of_components: Sequence[int],
    seeds: Sequence[int] = (0,),
    pulls: Sequence[float] = (0.1,),
    learning_rates: Sequence[float] = (0.01,),
) -> list[Member]:
    """Every combination, one seed after another: the order in which `RemovalModule` takes them.

    Example:
        >>> [member.components for member in members([1, 2], seeds=[0, 1])]
        [1, 2, 1, 2]
    """
    return [
        Member(count, seed, pull, rate)
        for seed, count, pull, rate in product(seeds, numbers_of_components, pulls, learning_rates)
    ]


def labels(bank: Sequence[Member]) -> list[str]:
    """A name for each member: its number of components, and whatever else not all members share.

    Example:
        >>> labels(members([10, 20]))
        ['10', '20']
        >>> labels(members([10], seeds=[0, 1], pulls=[0.1, 1.0]))
        ['10_seed0_pull0.1', '10_seed0_pull1', '10_seed1_pull0.1', '10_seed1_pull1']
    """
    short = {"seed": "seed", "pull": "pull", "learning_rate": "rate"}
    varying = [key for key in short if len({getattr(member, key) for member in bank}) > 1]
    return [
        "_".join([str(member.components), *(f"{short[key]}{getattr(member, key):g}" for key in varying)])
        for member in bank
    ]
