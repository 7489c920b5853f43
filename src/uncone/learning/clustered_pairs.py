"""Pairs as the training of a cluster-wise removal sees them: linear in the gains, as long as pooling is linear too."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from uncone.encoder import TokenVectors
from uncone.removal.clustered import ClusteredRemoval, Level, leading_components, memberships
from uncone.removal.clustering import Clustering

TEXTS_PER_BLOCK = 1024  # bounds the memory of token coordinates


class ClusteredTexts(NamedTuple):
    """Pooled texts in the bases of all clusters, K = k D numbers each, cluster by cluster.

    Under gains g and a shift δ of the centres, a text becomes base + Σ_j ((g_j − 1) a_j − g_j m_j √λ_j δ_j) u_j.

    Attributes:
        base: (n, d) pooled e − μ_c.
        coordinates: (n, K) a, pooled u_jᵀ(e − μ_c) of the tokens in the cluster of u_j.
        mass: (n, K) m, the pooled share of tokens in that cluster.
    """

    base: Tensor
    coordinates: Tensor
    mass: Tensor

    def batch(self, rows: Tensor) -> ClusteredTexts:
        """Some of the texts, by row numbers of any shape (…, n)."""
        return ClusteredTexts(*(part[rows] for part in self))


class ClusteredPairBatch(NamedTuple):
    """Scored pairs of texts in the bases of all clusters.

    Attributes:
        first: n texts.
        second: n texts.
        score: (n,) in [-1, 1].
        dataset: (n,) number of the data set.
    """

    first: ClusteredTexts
    second: ClusteredTexts
    score: Tensor
    dataset: Tensor

    def batch(self, rows: Tensor) -> ClusteredPairBatch:
        """Some of the pairs, by row numbers of any shape (…, n)."""
        return ClusteredPairBatch(self.first.batch(rows), self.second.batch(rows), self.score[rows], self.dataset[rows])


class ClusteredNeighbours(NamedTuple):
    """Neighbouring sentences in the bases of all clusters.

    Attributes:
        first: n sentences.
        second: the one behind each.
    """

    first: ClusteredTexts
    second: ClusteredTexts

    def batch(self, rows: Tensor) -> ClusteredNeighbours:
        """Some of them, by row numbers of any shape (…, n)."""
        return ClusteredNeighbours(self.first.batch(rows), self.second.batch(rows))


class ClusteredBasis(NamedTuple):
    """Where a cluster-wise removal is learned.

    Attributes:
        centroids: (k, d), which decide the cluster.
        centre: (k, d) mean of each cluster.
        components: (k, d, D) leading components of each.
        eigenvalues: (k, D) variance along them; 0 beyond the rank of a cluster.
        level: "tokens" or "texts".
        temperature: of soft clusters, in units of a squared distance; None for hard ones.
    """

    centroids: Tensor
    centre: Tensor
    components: Tensor
    eigenvalues: Tensor
    level: Level
    temperature: float | None

    @classmethod
    def of(cls, clustering: Clustering, D: int, level: Level, temperature: float | None) -> ClusteredBasis:
        """The D leading components of each cluster, small clusters merged; temperature in units of the spread."""
        merged = clustering.with_at_least(D + 1)
        scaled = None if temperature is None else temperature * clustering.spread
        return cls(merged.centroids, *leading_components(merged, D), level, scaled)

    @property
    def place(self) -> Tensor:
        """(K,) index of each component inside its cluster."""
        k, _, D = self.components.shape
        return torch.arange(D).repeat(k)

    @property
    def matrix(self) -> Tensor:
        """(d, K) all components side by side."""
        return self.components.transpose(0, 1).flatten(1)

    def express(self, tokens: TokenVectors, pool: Callable[[TokenVectors], np.ndarray]) -> ClusteredTexts:
        """Pooled coordinates of texts.

        Args:
            tokens: raw vectors of their tokens; at the level of texts, one vector each.
            pool: linear pooling of (t, any) token rows into (n, any) text rows.
        """
        D = self.components.shape[2]
        blocks = []
        for start in range(0, int(tokens.texts.max()) + 1, TEXTS_PER_BLOCK):
            first, last = np.searchsorted(tokens.texts, [start, start + TEXTS_PER_BLOCK])
            X = torch.from_numpy(np.array(tokens.vectors[first:last], dtype=np.float32))  # (t, d)
            shares = memberships(X, self.centroids, self.temperature)  # (t, k)
            own = torch.einsum("td,kdi->tki", X, self.components)
            own = own - torch.einsum("kd,kdi->ki", self.centre, self.components)  # (t, k, D)
            mass = shares[:, :, None].expand(-1, -1, D)
            rows = torch.cat([X - shares @ self.centre, (own * mass).flatten(1), mass.flatten(1)], dim=1)
            pooled = pool(TokenVectors(rows.numpy(), tokens.types[first:last], tokens.texts[first:last] - start))
            blocks.append(torch.from_numpy(pooled))
        d, K = X.shape[1], self.place.numel()
        return ClusteredTexts(*torch.cat(blocks).split([d, K, K], dim=1))

    def pairs(
        self, first: ClusteredTexts, second: ClusteredTexts, score: Tensor, dataset: Tensor
    ) -> ClusteredPairBatch:
        """Scored pairs of texts."""
        return ClusteredPairBatch(first, second, score, dataset)

    def neighbours(self, first: ClusteredTexts, second: ClusteredTexts) -> ClusteredNeighbours:
        """Pairs without scores."""
        return ClusteredNeighbours(first, second)

    def removal(self, gains: Tensor, shift: Tensor, D: int, **description: object) -> ClusteredRemoval:
        """The removal of the D leading components of each cluster.

        Args:
            gains: (K,) g of every component.
            shift: (K,) of the centres along them, in units of √λ.
            D: components that it has.
            **description: method, settings and encoder.
        """
        k, _, width = self.components.shape
        moved = torch.einsum("kdi,ki->kd", self.components, shift.view(k, width) * self.eigenvalues.sqrt())
        components = self.components[:, :, :D]
        real = (components != 0).any(1)
        kept = torch.where(real, gains.view(k, width)[:, :D], 1.0)
        options = {"level": self.level, "temperature": self.temperature, **description}
        return ClusteredRemoval(self.centroids, self.centre + moved, components, kept, **options)  # type: ignore[arg-type]


def corrected(texts: ClusteredTexts, components: Tensor, gains: Tensor, delta: Tensor) -> Tensor:
    """Vectors (…, M, n, d) of texts (…, n) under gains (…, M, K) and shifts (…, M, K) of the centres along the
    components (d, K)."""
    g, shift = gains[..., None, :], delta[..., None, :]  # (…, M, 1, K)
    base, coordinates, mass = (part.unsqueeze(-3) for part in texts)  # (…, 1, n, ·)
    change = (g - 1) * coordinates - g * shift * mass  # (…, M, n, K)
    return base + change @ components.T
