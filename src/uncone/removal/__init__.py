"""Removals: what is taken out of the vectors, and the rules that say how much."""

from uncone.removal.affine import Removal as Removal
from uncone.removal.base import Correction as Correction
from uncone.removal.clustered import ClusteredRemoval as ClusteredRemoval
from uncone.removal.clustered import TransductiveRemoval as TransductiveRemoval
from uncone.removal.clustered import clustered as clustered
from uncone.removal.clustered import transductive as transductive
from uncone.removal.fixed import all_but_the_top as all_but_the_top
from uncone.removal.fixed import centre as centre
from uncone.removal.fixed import common_components as common_components
from uncone.removal.fixed import conceptor as conceptor
from uncone.removal.fixed import discriminants as discriminants
from uncone.removal.fixed import middle as middle
from uncone.removal.fixed import none as none
from uncone.removal.fixed import random_directions as random_directions
from uncone.removal.fixed import renormalize as renormalize
from uncone.removal.fixed import soft_zca as soft_zca
from uncone.removal.fixed import spectral_tempering as spectral_tempering
from uncone.removal.fixed import standardize as standardize
from uncone.removal.fixed import whitening as whitening
from uncone.removal.reduced import ReducedRemoval as ReducedRemoval
from uncone.removal.reduced import reduced as reduced

load = Correction.load
