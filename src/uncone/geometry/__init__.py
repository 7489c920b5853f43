"""Measures of the shape of a set of vectors, and the states that stream what they need.

Functions take numpy arrays or torch tensors; numbers come back as Python floats, vectors in the kind that was given.
What follows from moments is a function of a `Spectrum` too, what follows from unit vectors a method of `TypeSums`: both
are fed in chunks (`update`) and merge (`merge`). The other measures need their vectors at once. What each number means
is said in `uncone.geometry.measures`.
"""

from uncone.geometry.alignment import alignment, uniformity, uniformity_terms
from uncone.geometry.clusters import Clusters, find_clusters, silhouettes
from uncone.geometry.cosine import TypeSums, mean_cosine, s_inter, s_intra
from uncone.geometry.dimension import effective_dimension, isoscore, participation_ratio
from uncone.geometry.frequency import frequency_correlation
from uncone.geometry.isotropy import isotropy, log10_isotropy
from uncone.geometry.local_dimension import DuplicateWarning, lid, local_dimensions

__all__ = [
    "Clusters",
    "DuplicateWarning",
    "TypeSums",
    "alignment",
    "effective_dimension",
    "find_clusters",
    "frequency_correlation",
    "isoscore",
    "isotropy",
    "lid",
    "local_dimensions",
    "log10_isotropy",
    "mean_cosine",
    "participation_ratio",
    "s_inter",
    "s_intra",
    "silhouettes",
    "uniformity",
    "uniformity_terms",
]
