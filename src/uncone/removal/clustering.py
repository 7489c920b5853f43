"""Clusters of vectors, with the moments of each: cluster-wise removals are made from them as others from a spectrum."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from uncone.removal.spectrum import Spectrum
from uncone.support.arrays import Array, matrix

BATCHED_FROM = 50_000  # rows from which k-means learns on mini-batches
STARTS = 3  # of k-means; the clustering with the least inertia is kept


@dataclass(frozen=True)
class Clustering:
    """A k-means clustering: the centroids, and the spectrum of the vectors that are nearest to each.

    One clustering serves every number of components to remove.

    Attributes:
        centroids: (k, d) float32.
        spectra: of the vectors of each cluster; none is empty.
        spread: mean squared distance of a vector to its centroid.
    """

    centroids: Tensor
    spectra: tuple[Spectrum, ...]
    spread: float

    @classmethod
    def fit(cls, X: Array, k: int, seed: int = 0) -> Clustering:
        """Cluster the rows of `X` with k-means (k-means++, the best of three starts; mini-batches above 50 000 rows).

        Args:
            X: (n, d), n ≥ 2.
            k: clusters, 1 ≤ k ≤ n. Duplicate vectors may leave fewer: an empty cluster is dropped.
        """
        vectors = matrix(X, minimum_rows=2)
        if not (isinstance(k, int) and 1 <= k <= len(vectors)):
            raise ValueError(f"the number of clusters must lie in 1..{len(vectors)} (the number of vectors), got {k}")
        points = vectors.to("cpu", torch.float32)
        centroids = points.double().mean(0, keepdim=True).float() if k == 1 else _centroids(points, k, seed)
        labels = nearest(points, centroids)
        members = [points[labels == c] for c in range(len(centroids))]
        kept = [c for c, rows in enumerate(members) if len(rows)]
        spectra = tuple(Spectrum(points.shape[1]).update(members[c]) for c in kept)
        scatter = sum(float(spectrum.scatter.trace()) for spectrum in spectra)
        return cls(centroids[kept], spectra, scatter / len(points))

    def with_at_least(self, rows: int) -> Clustering:
        """The same clusters, with each that has fewer vectors merged into the one whose centroid is nearest to its own.

        Moments merge exactly; the centroid of a merged cluster is its mean.
        """
        centroids, spectra = list(self.centroids), list(self.spectra)
        while len(spectra) > 1 and min(spectrum.rows for spectrum in spectra) < rows:
            small = min(range(len(spectra)), key=lambda c: spectra[c].rows)
            centroid, spectrum = centroids.pop(small), spectra.pop(small)
            target = int(nearest(centroid[None], torch.stack(centroids))[0])
            merged = Spectrum(len(spectrum.mean)).merge(spectra[target]).merge(spectrum)
            centroids[target], spectra[target] = merged.mean.float(), merged
        return Clustering(torch.stack(centroids), tuple(spectra), self.spread)


def squared_distances(X: Tensor, centroids: Tensor) -> Tensor:
    """(n, k) squared Euclidean distances of rows (n, d) to centroids (k, d), less ‖x‖²: what decides the nearest."""
    return centroids.square().sum(1) - 2 * (X @ centroids.T)


def nearest(X: Tensor, centroids: Tensor) -> Tensor:
    """(n,) index of the centroid nearest to each row."""
    return squared_distances(X, centroids).argmin(1)


def _centroids(points: Tensor, k: int, seed: int) -> Tensor:
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    batched = len(points) >= BATCHED_FROM
    options = {"n_clusters": k, "n_init": STARTS, "random_state": seed}
    model = MiniBatchKMeans(batch_size=4096, **options) if batched else KMeans(**options)
    with warnings.catch_warnings():  # fewer distinct points than clusters: the surplus ones are dropped
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points.numpy())
    return torch.from_numpy(np.asarray(model.cluster_centers_, dtype=np.float32))
