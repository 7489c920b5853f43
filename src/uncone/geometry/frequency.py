"""Word frequency: how far the leading principal components follow it.

Frequent words huddle: the first component of BERT's input table correlates at about 0.7 with log frequency (Liang,
Cao, Zheng, Ren and Gao, "Learning to Remove: Towards Isotropic Pre-trained BERT Embedding", ICANN 2021). A component
that mostly says how often a word occurs is one to remove.
"""

from __future__ import annotations

from typing import Literal

import torch
from scipy.stats import rankdata
from torch import Tensor

from uncone.geometry.dimension import spectrum_of
from uncone.removal.spectrum import Spectrum
from uncone.support.arrays import Array, ArrayT, as_given, as_tensor, matrix

Method = Literal["pearson", "spearman"]


def frequency_correlation(
    X: ArrayT, log_counts: Array, components: int = 10, method: Method = "pearson", spectrum: Spectrum | None = None
) -> ArrayT:
    """Correlation of log frequency with the projection on each leading principal component.

    An eigenvector has no sign of its own. It is fixed, as in scikit-learn's PCA, so that the coordinate that is largest
    in absolute value is positive. Compare absolute values across encoders: they are invariant to rotation, translation
    and scale of `X` (where eigenvalues differ). Scale and shift of `log_counts` change nothing.

    Args:
        X: (n, d), n ≥ 2, a vector per word or per occurrence.
        log_counts: (n,) log frequency of each, not constant. The logarithm matters to Pearson's correlation only.
        components: how many leading components, at most the rank of the centred vectors.
        method: "pearson", or "spearman" for Pearson's correlation of ranks, where ties share their average rank.
        spectrum: whose components are taken, where `X` is part of a whole; None for those of `X`.

    Returns (components,) correlations in [−1, 1], float64, in order of decreasing variance. A ValueError if rows or
    `log_counts` are all equal, or another argument does not fit.

    Example:
        >>> X = torch.tensor([[-3.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [3.0, 1.0]])
        >>> frequency_correlation(X, torch.tensor([1.0, 2.0, 3.0, 4.0]), components=2).round(decimals=4)
        tensor([1., 0.], dtype=torch.float64)
    """
    if method not in ("pearson", "spearman"):
        raise ValueError(f'method must be "pearson" or "spearman", got {method!r}')
    vectors = matrix(X, minimum_rows=2)
    frequency = as_tensor(log_counts, torch.float64).to(vectors.device)
    if frequency.shape != (len(vectors),):
        raise ValueError(f"log_counts must hold {len(vectors)} values, one a row of X, got {tuple(frequency.shape)}")
    infinite = (~frequency.isfinite()).nonzero()
    if len(infinite):
        raise ValueError(f"log_counts holds NaN or infinity, first at {int(infinite[0])}; is log(0) among them?")
    if (frequency == frequency[0]).all():
        raise ValueError(f"log_counts has no variance: all {len(frequency)} are equal; give words that differ")
    whole = spectrum_of(vectors if spectrum is None else spectrum)
    if not 1 <= components <= whole.rank:
        raise ValueError(f"components must lie in [1, {whole.rank}], the rank of the centred vectors, got {components}")
    once = torch.ones(1, len(vectors), dtype=torch.float64, device=vectors.device)
    return as_given(resampled_correlation(project(vectors, whole, components), frequency, once, method)[0], X)


def project(X: Tensor, spectrum: Spectrum, components: int) -> Tensor:
    """Coordinates (n, k), float64, of `X` (n, d) on the first k principal components."""
    return (X.double() - spectrum.mean.to(X.device)) @ spectrum.components[:, :components].to(X.device)


def weighted_mean(weights: Tensor, values: Tensor) -> Tensor:
    """Means (r, k) of values (n, k) under each row of weights (r, n)."""
    return weights @ values / weights.sum(1, keepdim=True)


def resampled_correlation(values: Tensor, other: Tensor, weights: Tensor, method: Method) -> Tensor:
    """Correlations (r, k) of values (n, k) with `other` (n,), float64, under each row of weights (r, n).

    Spearman's ranks are those of the whole sample. NaN where values are constant.
    """
    if method == "spearman":
        values, other = (torch.from_numpy(rankdata(x.cpu().numpy(), axis=0)).to(weights) for x in (values, other))
    values, other = values - values.mean(0), (other - other.mean())[:, None]
    mean, other_mean = weighted_mean(weights, values), weighted_mean(weights, other)
    shared = weighted_mean(weights, values * other) - mean * other_mean
    variance = weighted_mean(weights, values.square()) - mean.square()
    other_variance = weighted_mean(weights, other.square()) - other_mean.square()
    return (shared / (variance * other_variance).sqrt()).clamp(-1, 1)
