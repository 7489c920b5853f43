"""The measures that need points: made on a random sample of the vectors, each with a standard error over resamples."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.atlas.views import nearest_points
from uncone.geometry.clusters import (
    ISLANDS_FROM,
    Clusters,
    ClusterWeights,
    clustered_similarities,
    find_clusters,
    jackknife_errors,
)
from uncone.geometry.frequency import Method, project, resampled_correlation, weighted_mean
from uncone.geometry.isotropy import Signs, resampled_log10_isotropy
from uncone.geometry.local_dimension import Distance, DuplicateWarning, distinct_rows, local_dimensions
from uncone.removal.spectrum import Spectrum

FREQUENCY_COMPONENTS = 10
HISTOGRAM_BINS = 30


class Estimate(NamedTuple):
    """A number, NaN if it does not exist; its standard error, None if it has none; and the vectors it was made from."""

    value: float
    se: float | None
    n: int

    @classmethod
    def of(cls, resampled: Tensor, n: int, value: float | None = None) -> Estimate:
        """From what the sample (n points) and its resamples say, (1 + r,), and the value if that is another."""
        se = float(resampled[1:].std())
        return cls(float(resampled[0]) if value is None else value, None if math.isnan(se) else se, n)


@dataclass(frozen=True)
class SampledSettings:
    """How sampled measures are made.

    Attributes:
        neighbours: k of the local dimensions.
        queries: points around which local dimensions are estimated, at most.
        squared: use squared distances, as the code of Cai et al. does; halves local dimensions.
        signs: of the eigenvectors in I(V), see `uncone.geometry.isotropy`.
        isotropy_points: points that I(V) is summed over, at most.
        clusters: the K tried by k-means.
        cluster_points: points clustered, at most.
        cluster_weights: "types" lets each cluster count by its types in S'_inter and S'_intra, "equal" alike.
        resamples: of the bootstrap.
        seed: of everything random.
    """

    neighbours: int = 100
    queries: int = 1000
    squared: bool = False
    signs: Signs = "both"
    isotropy_points: int = 20_000
    clusters: Sequence[int] = tuple(range(2, 16))
    cluster_points: int = 5000
    cluster_weights: ClusterWeights = "types"
    resamples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("signs", get_args(Signs)), ("cluster_weights", get_args(ClusterWeights))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be {' or '.join(known)}, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class SampledMeasures:
    """Sampled measures of one layer under one removal.

    Attributes:
        X: (n, d) float32 sampled vectors.
        types: (n,) their word types.
        texts: (n,) the text each stands in.
        log10_frequency: (n,) of each; NaN if unknown.
        spectrum: of all vectors, not only the sampled.
        settings: how to measure.
        weights: (1 + resamples, n) of the vectors; see `text_weights`.
        device: where neighbours and clusters are sought and I(V) is summed.
    """

    X: Tensor
    types: np.ndarray
    texts: np.ndarray
    log10_frequency: np.ndarray
    spectrum: Spectrum
    settings: SampledSettings
    weights: Tensor
    device: torch.device | str = "cpu"

    def measures(self) -> dict[str, Estimate]:
        """All of them, by name."""
        return {**self._isotropy(), **self._local(), **self._clusters(), **self._frequency()}

    def curves(self, shown: np.ndarray) -> dict[str, Any]:
        """What is drawn, of the points numbered `shown` (m,) too; see `uncone.geometry.atlas.store`."""
        silhouettes = self._silhouettes
        correlations: dict[str, list[float]] = {}
        for method, found in self._component_correlations.items():
            correlations |= {method: found[0].tolist(), f"{method}_se": found[1:].std(0).tolist()}
        return {
            "lid": _histogram(self._dimensions["euclidean"]),
            "lid_cosine": _histogram(self._dimensions["cosine"]),
            "silhouette": {
                "K": list(self._clustered[1].K),
                "value": silhouettes[0].tolist(),
                "se": silhouettes[1:].std(0).tolist(),
            },
            "cluster": self._assign(self.X[shown]).tolist(),
            "neighbours": nearest_points(self.X[shown], self.types[shown]),
            "frequency_correlation": correlations,
        }

    def points(self, shown: np.ndarray) -> Tensor:
        """Coordinates (m, 3) of some of the vectors on the first three principal components."""
        return project(self.X[shown], self.spectrum, 3)

    def _some(self, number: int) -> np.ndarray:
        """A seeded choice of so many of the sampled vectors, ascending."""
        return np.sort(np.random.default_rng(self.settings.seed).permutation(len(self.X))[:number])

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.settings.seed)

    @cached_property
    def _there(self) -> Tensor:
        return self.X.to(self.device)

    def _isotropy(self) -> dict[str, Estimate]:
        rows = self._some(self.settings.isotropy_points)
        weights = self.weights[:, rows].to(self.device)
        log10 = resampled_log10_isotropy(self._there[rows], weights, self.settings.signs).cpu()
        n = len(rows)
        return {"isotropy": Estimate.of(10.0**log10, n), "log10_isotropy": Estimate.of(log10, n)}

    @cached_property
    def _dimensions(self) -> dict[Distance, Tensor]:
        """Local dimensions around the queries, by distance."""
        s = self.settings
        result: dict[Distance, Tensor] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DuplicateWarning)  # reported as lid_duplicates
            for metric in get_args(Distance):
                found = local_dimensions(
                    self._there,
                    s.neighbours,
                    squared=s.squared,
                    metric=metric,
                    queries=s.queries,
                    generator=self._generator(),
                )
                result[metric] = found.cpu()
        return result

    def _local(self) -> dict[str, Estimate]:
        asked = torch.randperm(len(self.X), generator=self._generator())[: self.settings.queries]  # as they are drawn
        weights, n = self.weights[:, asked], len(asked)
        result = {}
        for name, values in zip(("lid", "lid_cosine"), self._dimensions.values(), strict=True):
            mean, square, inverse = weighted_mean(weights, torch.stack([values, values.square(), 1 / values], dim=1)).T
            result[name] = Estimate.of(mean, n)
            result[f"{name}_harmonic"] = Estimate.of(1 / inverse, n)
            result[f"{name}_std"] = Estimate.of((square - mean.square()).sqrt(), n, value=float(values.std()))
        values, order = self._dimensions["euclidean"].sort()
        held = weights[:, order].cumsum(1)
        for share in (0.1, 0.5, 0.9):
            place = torch.searchsorted(held, share * held[:, -1:]).clamp_max(n - 1)[:, 0]
            quantile = Estimate.of(values[place], n, value=float(values.quantile(share)))
            result[f"lid_q{round(100 * share)}"] = quantile
        copies = len(self.X) - len(distinct_rows(self._there)[0])
        return result | {"lid_duplicates": Estimate(copies, None, len(self.X))}

    @cached_property
    def _clustered(self) -> tuple[np.ndarray, Clusters]:
        """The sampled vectors that are clustered, and their clusters."""
        rows = self._some(self.settings.cluster_points)
        return rows, find_clusters(self._there[rows], self.settings.clusters, self.settings.seed)

    @cached_property
    def _silhouettes(self) -> Tensor:
        """Mean silhouettes (1 + resamples, number of K)."""
        rows, clusters = self._clustered
        return weighted_mean(self.weights[:, rows], torch.from_numpy(clusters.silhouettes))

    def _clusters(self) -> dict[str, Estimate]:
        rows, clusters = self._clustered
        best = self._silhouettes.max(1)
        counts = torch.tensor(clusters.K)[best.indices].double()
        counts[best.values < ISLANDS_FROM] = 1
        X, types, s, n = self.X[rows], self.types[rows], self.settings, len(rows)
        inside = clustered_similarities(X, types, clusters.best, s.cluster_weights).tolist()
        errors = jackknife_errors(X, types, clusters.best, self.texts[rows], s.seed, s.cluster_weights).tolist()
        result = {"clusters": Estimate.of(counts, n, value=clusters.count), "mms": Estimate.of(best.values, n)}
        for name, value, error in zip(("s_inter_clustered", "s_intra_clustered"), inside, errors, strict=True):
            result[name] = Estimate(value, None if math.isnan(error) else error, n)
        return result

    def _assign(self, X: Tensor) -> Tensor:
        """Nearest of the K* clusters' centres for each row (m, d)."""
        rows, clusters = self._clustered
        labels = clusters.best
        centres = torch.stack([self.X[rows][labels == c].mean(0) for c in range(labels.max() + 1)])
        return torch.cdist(X, centres).argmin(1)

    @cached_property
    def _known(self) -> np.ndarray:
        return np.flatnonzero(~np.isnan(self.log10_frequency))

    def _against_frequency(self, values: Tensor) -> dict[Method, Tensor]:
        """Correlations (1 + resamples, k) of values (n, k) with log frequency; NaN where too few are known."""
        f, weights = self.log10_frequency[self._known], self.weights[:, self._known]
        if len(f) < 3 or np.ptp(f) == 0:
            return dict.fromkeys(get_args(Method), torch.full((len(weights), values.shape[1]), torch.nan))
        known, other = values[self._known].double(), torch.from_numpy(f)
        return {method: resampled_correlation(known, other, weights, method) for method in get_args(Method)}

    @cached_property
    def _component_correlations(self) -> dict[Method, Tensor]:
        k = min(FREQUENCY_COMPONENTS, self.spectrum.rank)
        return self._against_frequency(project(self.X, self.spectrum, k))

    def _frequency(self) -> dict[str, Estimate]:
        found, n, result = self._component_correlations, len(self._known), {}
        pearson = found["pearson"][0].abs()

        def estimate(correlations: Tensor, i: int) -> Estimate:
            return Estimate.of(correlations[:, i], n, value=abs(float(correlations[0, i])))

        if not pearson.isnan().all():
            best = int(pearson.nan_to_num(-1).argmax())
            result["frequency_component"] = Estimate(best + 1, None, n)
            result |= {f"frequency_{method}": estimate(correlations, best) for method, correlations in found.items()}
        result |= {f"frequency_pc{i + 1}": estimate(found["pearson"], i) for i in range(min(3, len(pearson)))}
        norms = torch.linalg.vector_norm(self.X, dim=1)
        mean = self.spectrum.mean.float()
        cosines = self.X @ mean / (norms * mean.norm()).clamp_min(1e-12)
        against = self._against_frequency(torch.stack([norms, cosines], dim=1))
        return result | {
            "norm_frequency_pearson": Estimate.of(against["pearson"][:, 0], n),
            "norm_frequency_spearman": Estimate.of(against["spearman"][:, 0], n),
            "cosine_frequency_pearson": Estimate.of(against["pearson"][:, 1], n),
        }


def _histogram(values: Tensor) -> dict[str, list[float]]:
    counts, edges = np.histogram(values.numpy(), bins=HISTOGRAM_BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def text_weights(texts: np.ndarray, resamples: int, seed: int) -> Tensor:
    """Weights (1 + resamples, n) float64 of points under seeded draws, with replacement, of the texts they stand in.

    Tokens of one text share their context, so whole texts are drawn, not single tokens; neighbours, components and
    clusters stay those of the whole sample. The first row is the sample itself, with a weight of 1 for each point.
    """
    if resamples < 2:
        raise ValueError(f"a standard error needs at least 2 resamples, got {resamples}")
    distinct, index = np.unique(texts, return_inverse=True)
    uniform = np.full(len(distinct), 1 / len(distinct))
    drawn = np.random.default_rng(seed).multinomial(len(distinct), uniform, size=resamples)
    return torch.from_numpy(np.vstack([np.ones_like(drawn[:1]), drawn])[:, index].astype(np.float64))
