"""What each measure means, in a sentence: printed beside the numbers and written to definitions.json."""

from __future__ import annotations

from uncone.geometry.atlas.sampled import SampledSettings

CAI = "Cai et al., ICLR 2021"

_TEMPLATES: dict[str, str] = {
    "s_inter": f"S_inter: mean cosine of different word types, a random occurrence of each, in expectation ({CAI})",
    "s_intra": f"S_intra: mean cosine between occurrences of a type, averaged over types that occur twice ({CAI})",
    "s_inter_centred": "S_inter after subtracting the mean vector",
    "s_intra_centred": "S_intra after subtracting the mean vector",
    "mean_cosine": "mean cosine over all pairs of occurrences, (‖Σx̂‖² − n) / (n(n − 1))",
    "norm_mean": "mean Euclidean norm of the vectors",
    "norm_std": "standard deviation of the norms",
    "isoscore": "IsoScore: (participation ratio − 1) / (d − 1), 1 is isotropic (Rudman et al., ACL 2022)",
    "participation_ratio": "(Σλ)² / Σλ² of the covariance eigenvalues",
    "effective_dimension": f"d(0.8): leading components that hold 80 % of the variance ({CAI})",
    "rogue_dimension": "the coordinate that adds most to the mean cosine (Timkey & van Schijndel, EMNLP 2021)",
    "rogue_contribution": "what that coordinate adds: ((Σx̂_j)² − Σx̂_j²) / (n(n − 1))",
    "isotropy": "I(V): min / max of F(u) = Σ exp(uᵀx) over eigenvectors u of VᵀV, {signs} (Mu & Viswanath, ICLR 2018)",
    "log10_isotropy": "log10 of I(V)",
    "lid": "mean local intrinsic dimension, −1 / mean ln(r_i / r_k), with r_i the {distance} distances to the k = {k} "
    "nearest of (at most) {sample} sampled vectors, copies counted once ({cai})",
    "lid_harmonic": "harmonic mean of the local dimensions, not ruled by outliers (MacKay & Ghahramani 2005)",
    "lid_std": "standard deviation of the local dimensions over points",
    "lid_q10": "10 % quantile of the local dimensions",
    "lid_q50": "median of the local dimensions",
    "lid_q90": "90 % quantile of the local dimensions",
    "lid_cosine": "mean local intrinsic dimension of the vectors scaled to length 1 (chord distance)",
    "lid_cosine_harmonic": "harmonic mean of those",
    "lid_cosine_std": "standard deviation of those",
    "lid_duplicates": "sampled vectors that are exact copies of another one",
    "clusters": f"K*: k-means clusters with the largest mean silhouette, 1 if that is below 0.1 ({CAI})",
    "mms": f"MMS: maximum over K of the mean silhouette ({CAI})",
    "s_inter_clustered": "S'_inter: S_inter inside each of K* clusters after subtracting its mean, averaged over them, "
    "{weights} ({cai})",
    "s_intra_clustered": "S'_intra: S_intra inside each of K* clusters after subtracting its mean, averaged over them, "
    "{weights} ({cai})",
    "norm_frequency_pearson": "Pearson correlation of norm and log frequency",
    "norm_frequency_spearman": "Spearman correlation of norm and frequency",
    "cosine_frequency_pearson": "Pearson correlation of log frequency and cosine to the mean vector",
    "frequency_component": "the leading component (1 to 10) that follows log frequency most closely, by |Pearson|",
    "frequency_pearson": "Pearson correlation of that component with log frequency, in absolute value",
    "frequency_spearman": "Spearman correlation of that component with frequency, in absolute value",
    "frequency_pc1": "Pearson correlation of component 1 with log frequency, in absolute value",
    "frequency_pc2": "Pearson correlation of component 2 with log frequency, in absolute value",
    "frequency_pc3": "Pearson correlation of component 3 with log frequency, in absolute value",
}


def definitions(settings: SampledSettings, sample: int) -> dict[str, str]:
    """A sentence for each metric, with the settings it was measured under.

    Args:
        settings: of the sampled measures.
        sample: vectors drawn for them, at most.

    Example:
        >>> definitions(SampledSettings(), sample=80_000)["mms"]
        'MMS: maximum over K of the mean silhouette (Cai et al., ICLR 2021)'
    """
    values = {
        "signs": "both signs of each" if settings.signs == "both" else "signs as LAPACK returns them",
        "k": settings.neighbours,
        "sample": f"{sample:,}".replace(",", " "),
        "weights": "weighted by types" if settings.cluster_weights == "types" else "unweighted",
        "distance": "squared Euclidean" if settings.squared else "Euclidean",
        "cai": CAI,
    }
    return {metric: sentence.format(**values) for metric, sentence in _TEMPLATES.items()}
