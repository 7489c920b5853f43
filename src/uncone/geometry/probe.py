"""A fixed sample of a corpus on which the geometry is watched while a removal is learned."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from uncone.encoder import StoredEncoder
from uncone.geometry.cosine import mean_cosine, type_sums
from uncone.geometry.dimension import isoscore
from uncone.geometry.frequency import frequency_correlation
from uncone.geometry.isotropy import log10_isotropy
from uncone.geometry.local_dimension import DuplicateWarning, lid
from uncone.geometry.measures import MEASURES
from uncone.removal.spectrum import Spectrum
from uncone.support import distributed
from uncone.support.terminal import step

if TYPE_CHECKING:
    from uncone.removal import Correction
    from uncone.removal.vectors import Vectors

FREQUENCY_COMPONENTS = 3


@dataclass(frozen=True)
class GeometryProbe:
    """Token occurrences with their types and how frequent these are.

    Attributes:
        occurrences: (n, d) raw vectors of sampled token occurrences.
        types: (n,) their token types.
        points: (m, d) raw vectors without repetition: the occurrences themselves, or each type once for a static table.
        log_frequency: (m,) natural log of the probability of each point's type; NaN where it is unknown.
        queries: points whose local dimension is estimated.
        seed: of the sample and of everything drawn from it.
    """

    occurrences: np.ndarray
    types: np.ndarray
    points: np.ndarray
    log_frequency: np.ndarray
    queries: int
    seed: int

    @classmethod
    @step("Tokens of the probe", "geometry")
    def sample(
        cls, vectors: Vectors, texts: Iterable[str], size: int = 20_000, queries: int = 1_000, seed: int = 0
    ) -> GeometryProbe:
        """Draw `size` raw token occurrences of texts (see `Vectors.sampled_tokens`)."""
        occurrences, types = vectors.sampled_tokens(texts, size, seed)
        distinct = np.unique(types, return_index=True)[1] if vectors.encoder.is_static else np.arange(len(types))
        if isinstance(vectors.encoder, StoredEncoder):  # of which nobody knows how frequent they are
            log_frequency = np.full(len(distinct), np.nan)
        else:
            with np.errstate(divide="ignore"):
                log_frequency = np.log(vectors.type_probabilities().astype(np.float64)[types[distinct]])
            log_frequency[np.isneginf(log_frequency)] = np.nan
        return cls(occurrences, types, occurrences[distinct], log_frequency, min(queries, len(distinct)), seed)

    @step("Geometry of the probe", "geometry")
    def measure(self, removal: Correction) -> dict[str, float]:
        """Geometry of the probe after a removal, by name, but for what it does not have: S_intra where no type repeats.

        Several processes share the measures, not the points: each number is found by one of them as it would be by a
        single one. Local dimensions, the longest, are a third of the work.
        """
        occurrences, points = removal.apply(self.occurrences), removal.apply(self.points)
        spectrum = cache(lambda: Spectrum.fit(points))

        def dimensions() -> dict[str, float]:
            generator = torch.Generator().manual_seed(self.seed)
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", DuplicateWarning
                )  # texts that are stored twice are nothing to worry about
                return {"lid": lid(points, k=100, queries=self.queries, generator=generator)}

        def evenness() -> dict[str, float]:
            log10 = log10_isotropy(points, spectrum=spectrum())
            return {"isotropy": 10.0**log10, "log10_isotropy": log10, "isoscore": isoscore(spectrum())}

        def frequency() -> dict[str, float]:
            known = ~np.isnan(self.log_frequency)
            if not known.any():
                return {}
            log_counts = self.log_frequency[known]
            r = frequency_correlation(points[known], log_counts, FREQUENCY_COMPONENTS, spectrum=spectrum())
            return {f"frequency_pc{i + 1}": abs(float(value)) for i, value in enumerate(r)}

        def similarities() -> dict[str, float]:
            sums = type_sums(occurrences, self.types)
            return {"s_intra": sums.s_intra(), "s_inter": sums.s_inter(), "mean_cosine": mean_cosine(points)}

        longest_first = [dimensions, evenness, frequency, similarities]
        shares = distributed.gather([measures() for measures in distributed.share(longest_first)])
        found = {name: value for share in shares for part in share for name, value in part.items()}
        return {name: found[name] for name in MEASURES if name in found and not math.isnan(found[name])}
