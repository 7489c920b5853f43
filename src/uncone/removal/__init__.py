"""Removals: what is taken out of the vectors, and the rules that say how much."""

from uncone.removal.base import Removal
from uncone.removal.fixed import all_but_the_top, centre, conceptor, none, renormalize, soft_zca, whitening

__all__ = ["Removal", "all_but_the_top", "centre", "conceptor", "none", "renormalize", "soft_zca", "whitening"]
