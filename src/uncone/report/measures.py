"""The measures that a report draws over depth, in plain words; their exact definitions come with the numbers."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """A chart over depth.

    Attributes:
        metric: its name in results.json.
        title: of the chart.
        text: what it says, for someone who has not met it before.
        from_zero: whether the ordinate starts at 0.
    """

    metric: str
    title: str
    text: str
    from_zero: bool = True


MEASURES = (
    Measure("mean_cosine", "Mean cosine", "How alike any two tokens look. 0: all directions are used; 1: a needle."),
    Measure("s_inter", "Between words", "How alike two different words look, S_inter. Near 0 words keep apart."),
    Measure(
        "s_intra",
        "Within a word",
        "How alike the occurrences of one word stay, S_intra. It falls as context moves them.",
    ),
    Measure(
        "s_inter_centred",
        "Between words, centred",
        "S_inter once the mean vector is subtracted: what is left of the cone.",
    ),
    Measure("s_intra_centred", "Within a word, centred", "S_intra once the mean vector is subtracted."),
    Measure(
        "log10_isotropy", "Isotropy I(V), log₁₀", "0 is isotropic; −3 means a thousand times more mass one way.", False
    ),
    Measure("isoscore", "IsoScore", "The share of the dimensions used evenly: 0 a single one, 1 all."),
    Measure("effective_dimension", "Effective dimension", "How many components hold 80 % of the variance."),
    Measure("participation_ratio", "Participation ratio", "How many components share the variance, counted smoothly."),
    Measure(
        "lid",
        "Local dimension",
        "In how many directions a token's neighbourhood spreads: the manifold's own dimension.",
    ),
    Measure("lid_cosine", "Local dimension, cosine", "The same once every vector has length 1."),
    Measure("clusters", "Clusters K*", "How many separate clusters k-means finds; 1 means none."),
    Measure(
        "mms", "Cluster quality", "How well separated they are: the maximum mean silhouette. Below 0.1 they are not."
    ),
    Measure("s_inter_clustered", "Between words, inside clusters", "S′_inter, once each cluster sits on its own mean."),
    Measure("s_intra_clustered", "Within a word, inside clusters", "S′_intra, once each cluster sits on its own mean."),
    Measure(
        "frequency_pearson",
        "Frequency in a component",
        "How closely one leading component follows word frequency, |r|.",
    ),
    Measure("rogue_contribution", "Rogue dimension", "What a single coordinate adds to the mean cosine."),
    Measure("norm_mean", "Length", "Mean length of the vectors."),
)
