"""Clusters: whether vectors fall into separate islands.

After Cai, Huang, Bian and Church, "Isotropy in the Contextual Embedding Space: Clusters and Manifolds" (ICLR 2021):
k-means for every K in a range, the silhouette of each clustering, MMS the maximum over K of the mean silhouette, and K*
its argmax if MMS ≥ 0.1, else 1; and S'_inter and S'_intra, the similarities inside the K* clusters.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.cosine import TypeSums
from uncone.support.arrays import Array, as_tensor, matrix

ISLANDS_FROM = 0.1  # below this maximum mean silhouette there is one cluster
GROUPS = 10  # of texts, deleted in turn by the jackknife
ClusterWeights = Literal["types", "equal"]
LLOYD_STEPS = 300
_DISTANCES = 1 << 23  # held at once, in float64 64 MiB


@dataclass(frozen=True)
class Clusters:
    """K-means clusterings of vectors, compared.

    Attributes:
        K: numbers of clusters tried.
        labels, silhouettes: (n, len(K)) of each vector under each.
    """

    K: tuple[int, ...]
    labels: np.ndarray
    silhouettes: np.ndarray

    @property
    def mms(self) -> float:
        """Maximum over K of the mean silhouette, in [−1, 1]."""
        return float(self.silhouettes.mean(0).max())

    @property
    def count(self) -> int:
        """K*: the number of clusters with the largest mean silhouette, or 1 if that is below 0.1."""
        return self.K[int(self.silhouettes.mean(0).argmax())] if self.mms >= ISLANDS_FROM else 1

    @property
    def best(self) -> np.ndarray:
        """(n,) cluster of each vector under K* clusters; all 0 if K* = 1."""
        if self.count == 1:
            return np.zeros(len(self.labels), dtype=np.int64)
        return self.labels[:, self.K.index(self.count)]


def find_clusters(X: Array, K: Sequence[int] = tuple(range(2, 16)), seed: int = 0) -> Clusters:
    """Cluster vectors (n, d), n > max(K), with k-means (k-means++, Euclidean) for every K ≥ 2.

    Example:
        >>> X = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
        >>> X[:20] += 20
        >>> X[20:40] -= 20
        >>> find_clusters(X).count
        3
    """
    from sklearn.exceptions import ConvergenceWarning

    if not K or min(K) < 2:
        raise ValueError(f"K must list numbers of clusters, each at least 2, got {list(K)}")
    points = matrix(X, minimum_rows=max(K) + 1).float()
    with warnings.catch_warnings():  # fewer distinct points than clusters: the labels then use fewer, which is right
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = [_kmeans(points, k, seed) for k in K]
    stacked = np.stack(labels, axis=1).astype(np.int64)
    return Clusters(tuple(K), stacked, silhouettes(points, stacked))


def _kmeans(points: Tensor, k: int, seed: int) -> np.ndarray:
    """Clusters (n,) of points (n, d): by scikit-learn in main memory, from its starts elsewhere."""
    from sklearn.cluster import KMeans, kmeans_plusplus

    there = points.cpu().numpy()
    if points.device.type == "cpu":
        return KMeans(k, n_init=1, random_state=seed).fit_predict(there)
    return lloyd(points, torch.from_numpy(kmeans_plusplus(there, k, random_state=seed)[0]).to(points.device))


def lloyd(points: Tensor, centres: Tensor) -> np.ndarray:
    """Clusters (n,) of points (n, d) by k-means (Lloyd 1982) from centres (k, d), until none of them moves any more.

    A cluster that loses all of its points stays where it is.
    """
    labels = torch.full((len(points),), -1, device=points.device)
    for _ in range(LLOYD_STEPS):
        before, labels = labels, torch.cdist(points, centres).argmin(1)
        if torch.equal(before, labels):
            break
        counts = torch.bincount(labels, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        centres = torch.where(counts > 0, sums / counts.clamp_min(1), centres)
    return labels.cpu().numpy()


def silhouettes(X: Array, labels: Array) -> np.ndarray:
    """Silhouette of each vector under several clusterings (Rousseeuw 1987), (n, m) in [−1, 1].

    (b − a) / max(a, b), with a the mean Euclidean distance to the other vectors of the own cluster, b the least mean
    distance to another cluster; 0 for a vector alone in its cluster. The n² distances are computed once for all
    clusterings, by blocks of rows.

    `X` is (n, d); `labels` are (n, m) clusters, at least two in each column.

    Example:
        >>> X = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
        >>> silhouettes(X, torch.tensor([[0], [0], [1], [1]]))[:, 0].round(3).tolist()
        [0.905, 0.895, 0.895, 0.905]
    """
    vectors = matrix(X, minimum_rows=2).double()
    clusters = as_tensor(labels).cpu().numpy()
    if clusters.ndim != 2 or len(clusters) != len(vectors):
        raise ValueError(f"labels must be of shape ({len(vectors)}, m), got {clusters.shape}")
    numbered = [np.unique(each, return_inverse=True)[1] for each in clusters.T]
    members = [each[:, None] == np.arange(each.max() + 1) for each in numbered]  # (n, clusters) bool of each clustering
    if any(own.shape[1] < 2 for own in members):
        raise ValueError("a silhouette compares clusters and needs at least 2 of them in every clustering")
    all_members = torch.from_numpy(np.concatenate(members, axis=1)).to(vectors)
    blocks = vectors.split(max(1, _DISTANCES // len(vectors)))
    # (n, clusters of all clusterings), of the distances to their vectors
    sums = torch.cat([torch.cdist(block, vectors) @ all_members for block in blocks]).cpu().numpy()
    found = np.zeros(clusters.shape)
    for column, own in enumerate(members):
        to_each, sums = np.split(sums, [own.shape[1]], axis=1)
        sizes = own.sum(0)
        others = own @ sizes - 1
        a = to_each[own] / np.maximum(others, 1)
        b = np.where(own, np.inf, to_each / sizes).min(1)
        larger = np.maximum(a, b)
        np.divide(b - a, larger, out=found[:, column], where=(others > 0) & (larger > 0))
    return found


def clustered_similarities(
    X: Tensor, types: np.ndarray, labels: np.ndarray, weights: ClusterWeights = "types"
) -> np.ndarray:
    """S'_inter and S'_intra, (2,) in [−1, 1]: inside each cluster, centred on its mean, then averaged over clusters.

    A cluster of a handful of types says little, and what it says is bent: centred on their own mean, T types have a
    mean cosine near −1/(T − 1) whatever they are. So each cluster counts by the types it compares. The paper lets each
    cluster count alike: weights="equal". NaN where no cluster has a pair to compare.
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
