"""Word frequency: how far the leading principal components follow it.

Frequent words huddle: the first component of BERT's input table correlates at about 0.7 with log frequency (Liang,
Cao, Zheng, Ren and Gao, "Learning to Remove: Towards Isotropic Pre-trained BERT Embedding", ICANN 2021). A component
that mostly says how often a word occurs is one to remove.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from scipy.stats import rankdata
from torch import Tensor
from torchmetrics import Metric

from uncone.geometry.moments import covariance, merge, moments
from uncone.geometry.rows import rows_of
from uncone.support.arrays import Array, ArrayT, as_given, as_tensor, matrix

Method = Literal["pearson", "spearman"]


def frequency_correlation(X: ArrayT, log_counts: Array, components: int = 10, method: Method = "pearson") -> ArrayT:
    """Correlation of log frequency with the projection on each leading principal component.

    The components are those of the covariance of `X` (centred). Pearson's correlation needs no projection: with c the
    covariance of the vectors with log frequency f, it is u_iᵀc / √(λ_i var f).

    An eigenvector has no sign of its own. It is fixed, as in scikit-learn's PCA, so that the coordinate of u_i that is
    largest in absolute value is positive. Compare absolute values across encoders: they are invariant to rotation,
    translation and scale of `X` (where eigenvalues differ). Scale and shift of `log_counts` change nothing.

    Args:
        X: (n, d), n ≥ 2, a vector per word or per occurrence.
        log_counts: (n,) log frequency of each, not constant. The logarithm matters to Pearson's correlation only.
        components: k, how many leading components; at most the rank of the centred vectors.
        method: "pearson", or "spearman" for Pearson's correlation of ranks, where ties share their average rank.

    Returns:
        (k,) correlations in [−1, 1], float64, in order of decreasing variance.

    Raises:
        ValueError: if `X` is not a finite matrix of at least two different rows, `log_counts` does not fit, is not
            finite or is constant, `components` is below 1 or above the rank, or `method` is unknown.

    Example:
        >>> X = torch.tensor([[-3.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [3.0, 1.0]])
        >>> frequency_correlation(X, torch.tensor([1.0, 2.0, 3.0, 4.0]), components=2).round(decimals=4)
        tensor([1., 0.], dtype=torch.float64)
    """
    if method not in ("pearson", "spearman"):
        raise ValueError(f'method must be "pearson" or "spearman", got {method!r}')
    joint = _joint(matrix(X, minimum_rows=2), log_counts)
    packed = moments(joint)
    if method == "pearson":
        return as_given(_pearson(packed, components), X)
    _log_count_variance(packed)
    _, leading = _leading_components(packed, components)
    observed = torch.column_stack([joint[:, :-1] @ leading, joint[:, -1]])  # (n, k + 1)
    ranks = torch.from_numpy(rankdata(observed.cpu().numpy(), axis=0))
    return as_given(ranks.T.corrcoef()[-1, :-1].to(joint.device), X)


class FrequencyCorrelation(Metric):
    """Streaming `frequency_correlation` with Pearson's correlation.

    Spearman's needs the ranks of all the projections at once: use the function for it.

    Args:
        dim: d, the length of the vectors.
        components: how many leading components.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = FrequencyCorrelation(dim=2, components=2)
        >>> metric.update(torch.tensor([[-3.0, 1.0], [-1.0, -1.0]]), torch.tensor([1.0, 2.0]))
        >>> metric.update(torch.tensor([[1.0, -1.0], [3.0, 1.0]]), torch.tensor([3.0, 4.0]))
        >>> metric.compute().round(decimals=4)
        tensor([1., 0.], dtype=torch.float64)
    """

    is_differentiable = False
    full_state_update = False
    packed: Tensor

    def __init__(self, dim: int, components: int = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.components = components
        self.add_state("packed", torch.zeros(dim + 2, dim + 2, dtype=torch.float64), dist_reduce_fx=merge)

    def update(self, X: Array, log_counts: Array) -> None:
        """Add the vectors `X` (n, dim) of words with `log_counts` (n,), n ≥ 1."""
        joint = _joint(rows_of(X, dim=len(self.packed) - 2), log_counts)
        self.packed = merge(torch.stack([self.packed, moments(joint)]))

    def compute(self) -> Tensor:
        """Correlations (components,), float64."""
        return _pearson(self.packed, self.components)


def _joint(vectors: Tensor, log_counts: Array) -> Tensor:
    """Vectors (n, d) with log counts (n,) as one more column, in float64."""
    frequency = as_tensor(log_counts, torch.float64).to(vectors.device)
    if frequency.shape != (len(vectors),):
        raise ValueError(
            f"log_counts must hold {len(vectors)} values, one for each row of X, got shape {tuple(frequency.shape)}"
        )
    infinite = (~frequency.isfinite()).nonzero()
    if len(infinite):
        raise ValueError(f"log_counts holds NaN or infinity, first at {int(infinite[0])}; is log(0) among them?")
    return torch.column_stack([vectors, frequency])


# The packed moments of [X, f] hold those of X (all but the last row and column) and of f (first and last).


def _pearson(packed: Tensor, components: int) -> Tensor:
    variances, leading = _leading_components(packed, components)
    shared = packed[1:-1, -1] @ leading / packed[0, 0]  # (k,) covariances with log frequency
    return (shared / (variances * _log_count_variance(packed)).sqrt()).clamp(-1, 1)


def _log_count_variance(packed: Tensor) -> Tensor:
    ends = torch.tensor([0, -1], device=packed.device)
    return covariance(packed[ends][:, ends], name="log_counts")[0, 0]


def _leading_components(packed: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest eigenvalues (k,) of the covariance of X, and their eigenvectors (d, k) with signs fixed."""
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance(packed[:-1, :-1]))
    rank = int((eigenvalues > eigenvalues[-1] * len(eigenvalues) * torch.finfo(torch.float64).eps).sum())
    if not 1 <= k <= rank:
        raise ValueError(f"components must lie in [1, {rank}], the rank of the centred vectors, got {k}")
    leading = eigenvectors[:, -k:].flip(1)
    largest = leading.abs().argmax(0, keepdim=True)  # (1, k)
    return eigenvalues[-k:].flip(0), leading * leading.gather(0, largest).sign()
