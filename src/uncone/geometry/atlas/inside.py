"""How similar vectors are inside their clusters: S'_inter and S'_intra of Cai et al. (ICLR 2021)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.cosine import TypeSums

GROUPS = 10  # of texts, deleted in turn
ClusterWeights = Literal["types", "equal"]


def clustered_similarities(
    X: Tensor, types: np.ndarray, labels: np.ndarray, weights: ClusterWeights = "types"
) -> tuple[float | None, float | None]:
    """S'_inter and S'_intra: inside each cluster after subtracting its mean, then the mean over clusters.

    A cluster of a handful of types says little, and what it says is bent: centred on their own mean, T types have a
    mean cosine near −1/(T − 1) whatever they are. So each cluster counts by the types it compares. The paper lets each
    cluster count alike.

    Args:
        X: (n, d) vectors.
        types: (n,) their word types.
        labels: (n,) their clusters.
        weights: "types", or "equal" as in the paper.

    Returns:
        The two numbers, in [−1, 1]; None where no cluster has a pair to compare.

    Example:
        >>> X = torch.tensor([[9.0, 1.0], [9.0, 1.0], [9.0, -2.0]])
        >>> clustered_similarities(X, np.array([0, 0, 1]), np.zeros(3))
        (-1.0, 1.0)
    """
    inter, intra = [], []
    for cluster in np.unique(labels):
        rows = np.flatnonzero(labels == cluster)
        members = X[rows].double()
        distinct, index = np.unique(types[rows], return_inverse=True)
        sums = TypeSums(len(distinct), X.shape[1])
        sums.update(torch.nn.functional.normalize(members - members.mean(0), dim=1).float(), torch.from_numpy(index))
        inter.append((sums.s_inter(), len(distinct)))
        intra.append((sums.s_intra(), int((sums.counts >= 2).sum())))
    return _mean_of_known(inter, weights), _mean_of_known(intra, weights)


def jackknife_errors(
    X: Tensor,
    types: np.ndarray,
    labels: np.ndarray,
    texts: np.ndarray,
    seed: int,
    weights: ClusterWeights = "types",
) -> tuple[float | None, float | None]:
    """Standard errors of `clustered_similarities`, with clusters held fixed: √((G − 1)/G Σ (θ_g − θ̄)²).

    θ_g leaves out one of ten random groups of texts. Pairs, unlike points, cannot be drawn twice, so there is no
    bootstrap here.
    """
    distinct, index = np.unique(texts, return_inverse=True)
    group = np.random.default_rng(seed).permutation(len(distinct))[index] % GROUPS
    kept = [np.flatnonzero(group != g) for g in range(GROUPS)]
    values = [clustered_similarities(X[rows], types[rows], labels[rows], weights) for rows in kept]
    inter, intra = zip(*values, strict=True)
    return _error(inter), _error(intra)


def _error(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.sqrt((len(known) - 1) * np.var(known))) if len(known) == len(values) else None


def _mean_of_known(values: list[tuple[float | None, int]], weights: ClusterWeights) -> float | None:
    """Mean of the values that exist, weighted by the number of types beside each."""
    known = [(value, number if weights == "types" else 1) for value, number in values if value is not None]
    return sum(value * weight for value, weight in known) / sum(weight for _, weight in known) if known else None
