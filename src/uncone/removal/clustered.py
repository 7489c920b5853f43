"""Cluster-wise removal: every cluster of vectors has its own mean and its own dominant components."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from uncone.removal.base import Correction, capped, check_orthonormal, extent
from uncone.removal.clustering import Clustering, nearest, squared_distances
from uncone.removal.spectrum import Spectrum
from uncone.support.wording import unknown

Level = Literal["tokens", "texts"]
LEVELS = ("tokens", "texts")
ROWS_PER_BLOCK = 8192  # bounds the memory of distances and coordinates


@dataclass(frozen=True, eq=False, repr=False)
class ClusteredRemoval(Correction):
    """In the cluster c whose centroid is nearest to e: e' = (e − μ_c)(I − U_c diag(w_c) U_cᵀ).

    After Rajaee & Pilehvar (ACL 2021, arXiv 2106.01183), who remove w = 1; the mean is not added back. It is not one
    affine map: it has no `fold`, and does not commute with pooling, so `level` says which vectors it is for. With a
    temperature τ, a vector belongs to every cluster by softmax(−‖e − centroid_c‖² / τ), and e' is the weighted mean of
    what the clusters make of it: a smooth map, which equals the hard one as τ → 0.

    Attributes:
        centroids: (k, d), which decide the cluster.
        centres: (k, d) μ_c.
        components: (k, d, D) U_c, orthonormal columns; columns of zeros where a cluster has fewer than D.
        gains: (k, D) g = 1 − w; 1 where a cluster has fewer.
        level: "tokens" corrects token vectors before pooling, "texts" pooled vectors.
        temperature: τ > 0 in units of a squared distance; None assigns each vector to the nearest cluster alone.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or components are not orthonormal.

    Example:
        >>> axis = torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]]])
        >>> centroids = torch.tensor([[10.0, 0.0], [0.0, 10.0]])
        >>> removal = ClusteredRemoval(centroids, centroids, axis, gains=torch.zeros(2, 1))
        >>> removal.apply(torch.tensor([[9.0, 3.0], [3.0, 9.0]]))
        tensor([[0., 3.],
                [3., 0.]])
    """

    centroids: Tensor
    centres: Tensor
    components: Tensor
    gains: Tensor
    level: Level = "tokens"
    temperature: float | None = None
    method: str = "clustered"
    settings: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, str] = field(default_factory=dict)

    kind: ClassVar[str] = "clustered"
    tensors: ClassVar[tuple[str, ...]] = ("centroids", "centres", "components", "gains")
    options: ClassVar[tuple[str, ...]] = ("level", "temperature")

    def __post_init__(self) -> None:
        self._own_tensors()
        k, d, D = self.components.shape if self.components.ndim == 3 else (-1, -1, -1)
        if {self.centroids.shape, self.centres.shape} != {(k, d)} or self.gains.shape != (k, D):
            raise self._misfit("(k, d), (k, d), (k, d, D) and (k, D)")
        check_orthonormal(self.components, (self.components != 0).any(1).float())
        if self.level not in LEVELS:
            raise unknown("level", self.level, LEVELS)
        if self.temperature is not None and not 0 < float(self.temperature) < math.inf:
            raise ValueError(f"temperature must be above 0, or None for hard clusters, got {self.temperature}")

    @property
    def dimension(self) -> int:
        """d, the dimension of the vectors it applies to."""
        return self.centroids.shape[1]

    def _correct(self, X: Tensor) -> Tensor:
        own = self._by_cluster if self.temperature is None else partial(self._softly, self.temperature)
        return torch.cat([own(rows) for rows in X.split(ROWS_PER_BLOCK)]) if len(X) else X

    def _by_cluster(self, X: Tensor) -> Tensor:
        """Each row by its own cluster: 4 n d D operations, whatever the number of clusters."""
        parts = (self.centroids, self.centres, self.components, self.gains)
        centroids, centres, components, gains = (part.to(X.device, X.dtype) for part in parts)
        labels = nearest(X, centroids)
        result = torch.empty_like(X)
        for c in labels.unique().tolist():
            rows = (labels == c).nonzero()[:, 0]
            centred = X[rows] - centres[c]
            result[rows] = centred + (centred @ components[c] * (gains[c] - 1)) @ components[c].T
        return result

    def _softly(self, temperature: float, X: Tensor) -> Tensor:
        """All clusters at once, in the (d, k D) matrix of all components."""
        parts = (self.centroids, self.centres, self.components, self.gains)
        centroids, centres, components, gains = (part.to(X.device, X.dtype) for part in parts)
        shares = (-squared_distances(X, centroids) / temperature).softmax(1)  # (n, k)
        coordinates = torch.einsum("nd,kdi->nki", X, components) - torch.einsum("kd,kdi->ki", centres, components)
        scaled = coordinates * (gains - 1) * shares[:, :, None]  # (n, k, D)
        return X - shares @ centres + torch.einsum("nki,kdi->nd", scaled, components)

    def describe(self) -> str:
        """One line a person can read."""
        k, D = self.gains.shape
        soft = "" if self.temperature is None else f", temperature {self.temperature:.3g}"
        clusters = f"{k} clusters of {self.level}{soft}, {D} of {self.dimension} components in each"
        return f"{self._described()}: {clusters}, {extent(self.weights)}{self._owner()}"


def clustered(
    clustering: Clustering, D: int, level: Level = "tokens", temperature: float | None = None
) -> ClusteredRemoval:
    """Remove the D leading principal components inside each cluster (Rajaee & Pilehvar, ACL 2021).

    A cluster of fewer than D + 1 vectors, which would vanish, is merged into the nearest; where the vectors of one span
    fewer than D dimensions, those are removed.

    Args:
        D: components to remove, from 1 to d.
        level: which vectors the clustering is of: "tokens" or pooled "texts".
        temperature: of soft clusters, in units of the mean squared distance to the centroid; None for hard ones.
    """
    capped(D, clustering.centroids.shape[1], "D")
    merged = clustering.with_at_least(D + 1)
    components = torch.zeros(*merged.centroids.shape, D)
    for c, spectrum in enumerate(merged.spectra):
        rank = min(D, spectrum.rank)
        components[c, :, :rank] = spectrum.components[:, :rank].float()
    return ClusteredRemoval(
        merged.centroids,
        torch.stack([spectrum.mean for spectrum in merged.spectra]).float(),
        components,
        (components == 0).all(1).float(),
        level,
        None if temperature is None else temperature * clustering.spread,
        "clustered",
        {"clusters": len(merged.spectra), "D": D} | ({} if temperature is None else {"temperature": temperature}),
    )


@dataclass(frozen=True, eq=False, repr=False)
class TransductiveRemoval(Correction):
    """Clusters, means and components of the vectors given, removed from these same vectors.

    This is what Rajaee & Pilehvar (ACL 2021) do with the sentences of a test set. What a vector becomes depends on the
    others it stands with, so there is nothing to save, and figures made this way are not those of an encoder that can
    be used: they are for comparison with the paper.

    Attributes:
        clusters: number of clusters; 1 is the global method.
        D: components to remove in each.
        level: "tokens" corrects token vectors before pooling, "texts" pooled vectors.
    """

    clusters: int
    D: int
    d: int
    seed: int = 0
    level: Level = "tokens"
    method: str = "transductive"
    settings: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, str] = field(default_factory=dict)

    kind: ClassVar[str] = "transductive"
    tensors: ClassVar[tuple[str, ...]] = ()

    @property
    def dimension(self) -> int:
        """d, the dimension of the vectors it applies to."""
        return self.d

    def _correct(self, X: Tensor) -> Tensor:
        return clustered(Clustering.fit(X, self.clusters, self.seed), self.D, self.level).apply(X)

    def save(self, folder: str | Path) -> Path:
        """Refused with a ValueError: there is no map to keep."""
        raise ValueError("a transductive removal is fitted on what it corrects and cannot be saved: fit `clustered`")

    def describe(self) -> str:
        """One line a person can read."""
        what = f"{self.clusters} clusters of {self.level}, fitted anew on whatever is scored"
        return f"{self._described()}: {what}{self._owner()}"


def transductive(spectrum: Spectrum, k: int, D: int, level: Level = "tokens", seed: int = 0) -> TransductiveRemoval:
    """Remove the D leading components of each of k clusters of the scored vectors; only d is read off the spectrum."""
    return TransductiveRemoval(k, D, len(spectrum.mean), seed, level, settings={"k": k, "D": D})
