"""Removals: what is taken out of the vectors, and the rules that say how much."""

from pathlib import Path

from uncone.removal.affine import Removal
from uncone.removal.base import Correction
from uncone.removal.clustered import ClusteredRemoval, clustered
from uncone.removal.files import read_removal
from uncone.removal.fixed import all_but_the_top, centre, conceptor, none, renormalize, soft_zca, whitening
from uncone.removal.transductive import TransductiveRemoval, transductive

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


def load(folder: str | Path) -> Removal | ClusteredRemoval:
    """Read a saved removal of either kind; see `Correction.load`."""
    kind = read_removal(folder)[0]
    classes: dict[str, type[Removal] | type[ClusteredRemoval]] = {
        each.kind: each for each in (Removal, ClusteredRemoval)
    }
    if kind not in classes:
        raise ValueError(f"{folder} holds a removal of unknown kind {kind!r}; this uncone reads {', '.join(classes)}")
    return classes[kind].load(folder)
