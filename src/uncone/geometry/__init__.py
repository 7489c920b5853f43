"""Measures of the shape of a set of vectors, and the states that stream what they need.

Functions take numpy arrays or torch tensors; numbers come back as Python floats, vectors in the kind that was given.
What follows from moments is a function of a `Spectrum` too, what follows from unit vectors a method of `TypeSums`: both
are fed in chunks (`update`) and merge (`merge`). The other measures need their vectors at once. What each number means
is said in `uncone.geometry.measures`.
"""

from uncone.geometry.alignment import alignment as alignment
from uncone.geometry.alignment import uniformity as uniformity
from uncone.geometry.alignment import uniformity_terms as uniformity_terms
from uncone.geometry.calibration import Calibration as Calibration
from uncone.geometry.calibration import read_calibrations as read_calibrations
from uncone.geometry.clusters import Clusters as Clusters
from uncone.geometry.clusters import find_clusters as find_clusters
from uncone.geometry.clusters import silhouettes as silhouettes
from uncone.geometry.cosine import TypeSums as TypeSums
from uncone.geometry.cosine import mean_cosine as mean_cosine
from uncone.geometry.cosine import s_inter as s_inter
from uncone.geometry.cosine import s_intra as s_intra
from uncone.geometry.dimension import effective_dimension as effective_dimension
from uncone.geometry.dimension import isoscore as isoscore
from uncone.geometry.dimension import participation_ratio as participation_ratio
from uncone.geometry.frequency import frequency_correlation as frequency_correlation
from uncone.geometry.isotropy import isotropy as isotropy
from uncone.geometry.isotropy import log10_isotropy as log10_isotropy
from uncone.geometry.local_dimension import DuplicateWarning as DuplicateWarning
from uncone.geometry.local_dimension import lid as lid
from uncone.geometry.local_dimension import local_dimensions as local_dimensions
