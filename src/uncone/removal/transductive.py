"""Cluster-wise removal fitted anew on the very vectors that it corrects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from uncone.removal.base import Correction
from uncone.removal.clustered import Level, clustered
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class TransductiveRemoval(Correction):
    """Clusters, means and components of the vectors given, removed from these same vectors.

    This is what Rajaee & Pilehvar (ACL 2021) do with the sentences of a test set. What a vector becomes depends on the
    others it stands with, so there is nothing to save, and figures made this way are not those of an encoder that can
    be used: they are for comparison with the paper.

    Attributes:
        clusters: number of clusters; 1 is the global method.
        D: components to remove in each.
        level: "tokens" corrects token vectors before pooling, "texts" pooled vectors.

    Example:
        >>> import torch
        >>> X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) + 3
        >>> TransductiveRemoval(clusters=1, D=1, d=4).apply(X).mean(0).abs().max() < 1e-5
        tensor(True)
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
        raise ValueError(
            "a transductive removal is fitted on whatever it corrects and cannot be saved: fit `clustered`"
        )

    def describe(self) -> str:
        """One line a person can read."""
        what = f"{self.clusters} clusters of {self.level}, fitted anew on whatever is scored"
        return f"{self._described()}: {what}{self._owner()}"


def transductive(spectrum: Spectrum, k: int, D: int, level: Level = "tokens", seed: int = 0) -> TransductiveRemoval:
    """Remove the D leading components of each of k clusters of the scored vectors; only d is read off the spectrum."""
    return TransductiveRemoval(k, D, len(spectrum.mean), seed, level, settings={"k": k, "D": D})
