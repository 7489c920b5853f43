"""Measures of the shape of a set of vectors: each a function, and a `torchmetrics.Metric` that streams it.

Functions take numpy arrays or torch tensors; numbers come back as Python floats, vectors in the kind that was given.
Metrics of one batch signature share work and arguments in a `torchmetrics.MetricCollection`.
"""

from uncone.geometry.alignment import Alignment, Uniformity, alignment, uniformity, uniformity_terms
from uncone.geometry.clusters import Clusters, find_clusters, silhouettes
from uncone.geometry.cosine import InterSimilarity, IntraSimilarity, MeanCosine, mean_cosine, s_inter, s_intra
from uncone.geometry.dimension import EffectiveDimension, ParticipationRatio, effective_dimension, participation_ratio
from uncone.geometry.frequency import FrequencyCorrelation, frequency_correlation
from uncone.geometry.isotropy import IsoScore, Isotropy, Log10Isotropy, isoscore, isotropy, log10_isotropy
from uncone.geometry.local_dimension import DuplicateWarning, LocalIntrinsicDimension, lid, local_dimensions

__all__ = [
    "Alignment",
    "Clusters",
    "DuplicateWarning",
    "EffectiveDimension",
    "FrequencyCorrelation",
    "InterSimilarity",
    "IntraSimilarity",
    "IsoScore",
    "Isotropy",
    "LocalIntrinsicDimension",
    "Log10Isotropy",
    "MeanCosine",
    "ParticipationRatio",
    "Uniformity",
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
