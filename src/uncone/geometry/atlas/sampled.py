"""The measures that need points: made on a random sample of the vectors, each with a standard error over resamples."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.atlas.inside import ClusterWeights, clustered_similarities, jackknife_errors
from uncone.geometry.clusters import ISLANDS_FROM, Clusters, find_clusters
from uncone.geometry.frequency import Method, project, resampled_correlation
from uncone.geometry.isotropy import Signs, resampled_log10_isotropy
from uncone.geometry.local_dimension import Distance, DuplicateWarning, local_dimensions
from uncone.geometry.resampling import standard_error, text_weights, weighted_mean
from uncone.removal.spectrum import Spectrum

FREQUENCY_COMPONENTS = 10
HISTOGRAM_BINS = 30


class Estimate(NamedTuple):
    """A number, NaN if it does not exist; its standard error, None if it has none; and the vectors it was made from."""

    value: float
    se: float | None
    n: int


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
    clusters: tuple[int, ...] = tuple(range(2, 16))
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
    """

    X: Tensor
    types: np.ndarray
    texts: np.ndarray
    log10_frequency: np.ndarray
    spectrum: Spectrum
    settings: SampledSettings

    def measures(self) -> dict[str, Estimate]:
        """All of them, by name."""
        return {**self._isotropy(), **self._local(), **self._clusters(), **self._frequency()}

    def curves(self, shown: np.ndarray) -> dict[str, Any]:
        """What is drawn, of the points numbered `shown` (m,) too; see `uncone.geometry.atlas.store`."""
        rows, clusters = self._clustered
        silhouettes = torch.from_numpy(clusters.silhouettes)
        return {
            "lid": _histogram(self._dimensions["euclidean"]),
            "lid_cosine": _histogram(self._dimensions["cosine"]),
            "silhouette": {
                "K": list(clusters.K),
                "value": silhouettes.mean(0).tolist(),
                "se": standard_error(weighted_mean(self._weights[:, rows], silhouettes)).tolist(),
            },
            "cluster": self._assign(self.X[shown]),
            "frequency_correlation": self._frequency_curves,
        }

    def points(self, shown: np.ndarray) -> np.ndarray:
        """Coordinates (m, 3) of some of the vectors on the first three principal components."""
        return project(self.X[shown], self.spectrum, 3).numpy()

    @cached_property
    def _weights(self) -> Tensor:
        return text_weights(self.texts, self.settings.resamples, self.settings.seed)

    def _some(self, number: int) -> np.ndarray:
        """A seeded choice of so many of the sampled vectors, ascending."""
        return np.sort(np.random.default_rng(self.settings.seed).permutation(len(self.X))[:number])

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.settings.seed)

    def _isotropy(self) -> dict[str, Estimate]:
        rows, signs = self._some(self.settings.isotropy_points), self.settings.signs
        log10, *resampled = resampled_log10_isotropy(self.X[rows], _with_whole(self._weights[:, rows]), signs)
        boot, n = torch.stack(resampled), len(rows)
        return {
            "isotropy": Estimate(10.0 ** float(log10), float((10.0**boot).std()), n),
            "log10_isotropy": Estimate(float(log10), float(boot.std()), n),
        }

    @cached_property
    def _dimensions(self) -> dict[Distance, Tensor]:
        """Local dimensions around the queries, by distance."""
        s = self.settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DuplicateWarning)  # reported as lid_duplicates
            return {
                metric: local_dimensions(
                    self.X,
                    s.neighbours,
                    squared=s.squared,
                    metric=metric,
                    queries=s.queries,
                    generator=self._generator(),
                )
                for metric in get_args(Distance)
            }

    def _local(self) -> dict[str, Estimate]:
        asked = torch.randperm(len(self.X), generator=self._generator())[: self.settings.queries]  # as they are drawn
        weights, n, result = self._weights[:, asked], len(asked), {}
        for name, local in zip(("lid", "lid_cosine"), self._dimensions.values(), strict=True):
            values = local[:, None]
            mean = weighted_mean(weights, values)
            std = (weighted_mean(weights, values.square()) - mean.square()).sqrt()
            inverse = weighted_mean(weights, 1 / values)
            result[name] = Estimate(float(values.mean()), float(standard_error(mean)), n)
            result[f"{name}_harmonic"] = Estimate(1 / float((1 / values).mean()), float(standard_error(1 / inverse)), n)
            result[f"{name}_std"] = Estimate(float(values.std()), float(standard_error(std)), n)
        for share in (0.1, 0.5, 0.9):
            value, se = _weighted_quantile(self._dimensions["euclidean"], weights, share)
            result[f"lid_q{round(100 * share)}"] = Estimate(value, se, n)
        copies = len(self.X) - len(torch.unique(self.X, dim=0))
        result["lid_duplicates"] = Estimate(copies, None, len(self.X))
        return result

    @cached_property
    def _clustered(self) -> tuple[np.ndarray, Clusters]:
        """The sampled vectors that are clustered, and their clusters."""
        rows = self._some(self.settings.cluster_points)
        return rows, find_clusters(self.X[rows], self.settings.clusters, self.settings.seed)

    def _clusters(self) -> dict[str, Estimate]:
        rows, clusters = self._clustered
        best = weighted_mean(self._weights[:, rows], torch.from_numpy(clusters.silhouettes)).max(1)
        counts = torch.tensor(clusters.K)[best.indices].double()
        counts[best.values < ISLANDS_FROM] = 1
        X, types, s, n = self.X[rows], self.types[rows], self.settings, len(rows)
        inter, intra = clustered_similarities(X, types, clusters.best, s.cluster_weights).tolist()
        errors = jackknife_errors(X, types, clusters.best, self.texts[rows], s.seed, s.cluster_weights).tolist()
        inter_se, intra_se = (None if math.isnan(error) else error for error in errors)
        return {
            "clusters": Estimate(clusters.count, float(counts.std()), n),
            "mms": Estimate(clusters.mms, float(best.values.std()), n),
            "s_inter_clustered": Estimate(inter, inter_se, n),
            "s_intra_clustered": Estimate(intra, intra_se, n),
        }

    def _assign(self, X: Tensor) -> np.ndarray:
        """Nearest of the K* clusters' centres for each row (m, d)."""
        rows, clusters = self._clustered
        labels = clusters.best
        centres = torch.stack([self.X[rows][labels == c].mean(0) for c in range(labels.max() + 1)])
        return torch.cdist(X, centres).argmin(1).numpy()

    @cached_property
    def _known(self) -> np.ndarray:
        return np.flatnonzero(~np.isnan(self.log10_frequency))

    def _against_frequency(self, values: Tensor) -> dict[str, list[float]]:
        """Correlations with log frequency of values (n, k), and their errors; NaN where frequencies are unknown."""
        f = self.log10_frequency[self._known]
        found: dict[str, list[float]] = {}
        for method in get_args(Method):
            correlations = torch.full((2, values.shape[1]), torch.nan)
            if len(f) > 2 and np.ptp(f):
                weights, known = _with_whole(self._weights[:, self._known]), values[self._known].double()
                resampled = resampled_correlation(known, torch.from_numpy(f), weights, method)
                correlations = torch.stack([resampled[0], standard_error(resampled[1:])])
            found[method], found[f"{method}_se"] = correlations.tolist()
        return found

    @cached_property
    def _frequency_curves(self) -> dict[str, list[float]]:
        k = min(FREQUENCY_COMPONENTS, self.spectrum.rank)
        return self._against_frequency(project(self.X, self.spectrum, k))

    def _frequency(self) -> dict[str, Estimate]:
        curves, n = self._frequency_curves, len(self._known)

        def estimate(found: dict[str, list[float]], method: Method, i: int) -> Estimate:
            se = found[f"{method}_se"][i]
            return Estimate(found[method][i], None if math.isnan(se) else se, n)

        def absolute(method: Method, i: int) -> Estimate:
            found = estimate(curves, method, i)
            return found._replace(value=abs(found.value))

        pearson, result = np.abs(curves["pearson"]), {}
        if not np.isnan(pearson).all():
            best = int(np.nanargmax(pearson))
            result["frequency_component"] = Estimate(best + 1, None, n)
            result |= {f"frequency_{method}": absolute(method, best) for method in get_args(Method)}
        result |= {f"frequency_pc{i + 1}": absolute("pearson", i) for i in range(min(3, len(pearson)))}
        norms = torch.linalg.vector_norm(self.X, dim=1)
        mean = self.spectrum.mean.float()
        cosines = self.X @ mean / (norms * mean.norm()).clamp_min(1e-12)
        against = self._against_frequency(torch.stack([norms, cosines], dim=1))
        return result | {
            "norm_frequency_pearson": estimate(against, "pearson", 0),
            "norm_frequency_spearman": estimate(against, "spearman", 0),
            "cosine_frequency_pearson": estimate(against, "pearson", 1),
        }


def _with_whole(weights: Tensor) -> Tensor:
    """Weights (1 + r, n): those of the whole sample, 1 for each point, before those of its resamples (r, n)."""
    return torch.cat([torch.ones_like(weights[:1]), weights])


def _weighted_quantile(values: Tensor, weights: Tensor, share: float) -> tuple[float, float]:
    """A quantile of values (n,), and its standard error over weights (resamples, n)."""
    ordered, order = values.sort()
    held = weights[:, order].cumsum(1)
    place = torch.searchsorted(held, share * held[:, -1:]).clamp_max(len(values) - 1)[:, 0]
    return float(values.quantile(share)), float(ordered[place].std())


def _histogram(values: Tensor) -> dict[str, list[float]]:
    counts, edges = np.histogram(values.numpy(), bins=HISTOGRAM_BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
