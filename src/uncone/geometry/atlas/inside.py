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
) -> np.ndarray:
    """S'_inter and S'_intra, (2,) in [−1, 1]: inside each cluster, centred on its mean, then averaged over clusters.

    A cluster of a handful of types says little, and what it says is bent: centred on their own mean, T types have a
    mean cosine near −1/(T − 1) whatever they are. So each cluster counts by the types it compares. The paper lets each
    cluster count alike: weights="equal". NaN where no cluster has a pair to compare.

    Example:
        >>> X = torch.tensor([[9.0, 1.0], [9.0, 1.0], [9.0, -2.0]])  # (n, d), with their types and clusters (n,)
        >>> clustered_similarities(X, np.array([0, 0, 1]), np.zeros(3))
        array([-1.,  1.])
    """
    found, compared = [], []
    for cluster in np.unique(labels):
        rows = np.flatnonzero(labels == cluster)
        members = X[rows].double()
        distinct, index = np.unique(types[rows], return_inverse=True)
        sums = TypeSums(len(distinct), X.shape[1])
        sums.update(torch.nn.functional.normalize(members - members.mean(0), dim=1).float(), torch.from_numpy(index))
        found.append((sums.s_inter(), sums.s_intra()))
        compared.append((len(distinct), int((sums.counts >= 2).sum())))
    values = np.ma.masked_invalid(found)  # (clusters, 2)
    mean = np.ma.average(values, axis=0, weights=None if weights == "equal" else np.array(compared))
    return np.ma.filled(mean, np.nan)


def jackknife_errors(
    X: Tensor, types: np.ndarray, labels: np.ndarray, texts: np.ndarray, seed: int, weights: ClusterWeights = "types"
) -> np.ndarray:
    """Standard errors (2,) of `clustered_similarities`, with clusters held fixed: √((G − 1)/G Σ (θ_g − θ̄)²).

    θ_g leaves out one of ten random groups of `texts` (n,). Pairs, unlike points, cannot be drawn twice, so there is no
    bootstrap here.
    """
    distinct, index = np.unique(texts, return_inverse=True)
    group = np.random.default_rng(seed).permutation(len(distinct))[index] % GROUPS
    kept = [np.flatnonzero(group != g) for g in range(GROUPS)]
    values = [clustered_similarities(X[rows], types[rows], labels[rows], weights) for rows in kept]
    return np.sqrt((GROUPS - 1) * np.var(values, axis=0))
