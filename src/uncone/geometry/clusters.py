"""Clusters: whether vectors fall into separate islands.

After Cai, Huang, Bian and Church, "Isotropy in the Contextual Embedding Space: Clusters and Manifolds" (ICLR 2021):
k-means for every K in a range, the silhouette of each clustering, MMS the maximum over K of the mean silhouette, and K*
its argmax if MMS ≥ 0.1, else 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uncone.support.arrays import Array, as_tensor, matrix

ISLANDS_FROM = 0.1  # below this maximum mean silhouette there is one cluster


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
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    if not K or min(K) < 2:
        raise ValueError(f"K must list numbers of clusters, each at least 2, got {list(K)}")
    points = matrix(X, minimum_rows=max(K) + 1).float().cpu().numpy()
    with warnings.catch_warnings():  # fewer distinct points than clusters: the labels then use fewer, which is right
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = [KMeans(k, n_init=1, random_state=seed).fit_predict(points) for k in K]
    stacked = np.stack(labels, axis=1).astype(np.int64)
    return Clusters(tuple(K), stacked, silhouettes(points, stacked))


def silhouettes(X: Array, labels: Array) -> np.ndarray:
    """Silhouette of each vector under several clusterings (Rousseeuw 1987), (n, m) in [−1, 1].

    (b − a) / max(a, b), with a the mean Euclidean distance to the other vectors of the own cluster, b the least mean
    distance to another cluster; 0 for a vector alone in its cluster. The n² distances are computed once for all.

    `X` is (n, d); `labels` are (n, m) clusters, integers from 0, at least two in each column.

    Example:
        >>> X = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
        >>> silhouettes(X, torch.tensor([[0], [0], [1], [1]]))[:, 0].round(3).tolist()
        [0.905, 0.895, 0.895, 0.905]
    """
    from sklearn.metrics import pairwise_distances, silhouette_samples

    vectors = matrix(X, minimum_rows=2).float().cpu().numpy()
    clusters = as_tensor(labels).cpu().numpy()
    if clusters.ndim != 2 or len(clusters) != len(vectors):
        raise ValueError(f"labels must be of shape ({len(vectors)}, m), got {clusters.shape}")
    if any(len(np.unique(each)) < 2 for each in clusters.T):
        raise ValueError("a silhouette compares clusters and needs at least 2 of them in every clustering")
    distances = pairwise_distances(vectors)
    found = [silhouette_samples(distances, each, metric="precomputed") for each in clusters.T]
    return np.stack(found, axis=1).astype(np.float64)
