"""Removals: what is taken out of the vectors, and the rules that say how much."""

from uncone.removal.affine import Removal
from uncone.removal.base import Correction
from uncone.removal.clustered import ClusteredRemoval, TransductiveRemoval, clustered, transductive
from uncone.removal.fixed import all_but_the_top, centre, conceptor, none, renormalize, soft_zca, whitening

__all__ = [
    "ClusteredRemoval",
    "Correction",
    "Removal",
    "TransductiveRemoval",
    "all_but_the_top",
    "centre",
    "clustered",
    "conceptor",
    "load",
    "none",
    "renormalize",
    "soft_zca",
    "transductive",
    "whitening",
]

load = Correction.load
