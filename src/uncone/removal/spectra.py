"""What removals are fitted on: vectors, their moments and their clusters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from uncone.removal.clustered import Level
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.support.arrays import Array
from uncone.support.sampling import draw

MOST_TOKENS, MOST_TEXTS = 250_000, 100_000  # of a corpus, that removals are fitted on: of more, a random sample


class Spectra:
    """What removals are fitted on: vectors, their moments, and their clusters, each computed when it is asked for.

    Args:
        points: gives (n, d) raw vectors.
        probabilities: gives their weights (n,) in running text; None if they stand as often as they are probable.
        level: which vectors a cluster-wise removal fitted here is for.
    """

    def __init__(
        self,
        points: Callable[[], Array],
        probabilities: Callable[[], np.ndarray] | None = None,
        level: Level = "tokens",
    ):
        self._points, self._probabilities, self.level = points, probabilities, level
        self._clusterings: dict[tuple[int, int], Clustering] = {}

    @classmethod
    def of(cls, vectors: Vectors, fitted_on: str = "vocabulary") -> Spectra:
        """Those of an encoder.

        They are of the "vocabulary" (each word or table row once), the "tokens" (occurrences in the corpus) or the
        "texts" (the pooled texts of the corpus); of a large corpus, of a sample of either.
        """
        if fitted_on == "vocabulary":
            return cls(lambda: vectors.raw_vocabulary()[1], vectors.vocabulary_probabilities)
        if fitted_on == "tokens":
            return cls(lambda: vectors.sampled_tokens(vectors.corpus, MOST_TOKENS, seed=0)[0])
        if fitted_on == "texts":
            return cls(lambda: vectors.raw_sentences(draw(vectors.corpus, MOST_TEXTS, seed=0)), level="texts")
        raise ValueError(f"unknown fitted_on {fitted_on!r}: choose one of vocabulary, tokens, texts")

    @cached_property
    def points(self) -> Array:
        """(n, d) raw vectors."""
        return self._points()

    @property
    def dimension(self) -> int:
        """d, the dimension of the vectors."""
        return int(self.points.shape[1])

    @cached_property
    def uniform(self) -> Spectrum:
        """Moments that weigh all vectors alike."""
        return Spectrum.fit_divided(self.points)

    @cached_property
    def probability(self) -> Spectrum:
        """Moments that weigh vectors by their probability."""
        return Spectrum.fit_divided(self.points, self._probabilities()) if self._probabilities else self.uniform

    def blend(self, uniform_share: float) -> Spectrum:
        """Moments with this share of type-uniform mass, the rest weighted by probability."""
        if uniform_share == 1:
            return self.uniform
        return self.probability if uniform_share == 0 else Spectrum.blend(self.uniform, self.probability, uniform_share)

    def clustering(self, clusters: int, seed: int) -> Clustering:
        """K-means clusters, computed once for each number and seed."""
        key = (clusters, seed)
        if key not in self._clusterings:
            self._clusterings[key] = Clustering.fit(self.points, clusters, seed)
        return self._clusterings[key]
