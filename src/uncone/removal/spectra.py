"""What removals are fitted on: vectors, their moments and their clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import NamedTuple, cast

import numpy as np
import torch

from uncone.encoder import Encoder, StoredEncoder, TableEncoder, TransformerEncoder
from uncone.encoder.table import STATIC
from uncone.removal.clustered import Level
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.support.arrays import Array
from uncone.support.sampling import draw
from uncone.support.terminal import step
from uncone.support.wording import unknown

MOST_TOKENS, MOST_TEXTS = 250_000, 100_000  # of a corpus, that removals are fitted on: of more, a random sample


class Fit(NamedTuple):
    """What a method is fitted on, and for: settings that matter as much as how many components it removes.

    Attributes:
        level: "vocabulary" (each word or table row once), "tokens" (every occurrence in a corpus), "texts" (the pooled
            texts of it), "table" (the rows of the input table, which in most models is the output embedding too), or
            "empty" (the text without a word, which has a mean and nothing else).
        corpus: name of the texts; None where none are read.
        pooling: of texts, in the fit and wherever the removal is applied.
    """

    level: str
    corpus: str | None
    pooling: str


class Spectra:
    """What removals are fitted on: vectors, their moments, and their clusters, each computed when it is asked for.

    Args:
        points: gives (n, d) raw vectors.
        probabilities: gives their weights (n,) in running text; None if they stand as often as they are probable.
        level: which vectors a cluster-wise removal fitted here is for.
        types: gives the token type (n,) of each; None where they are of no type, or each of its own.
    """

    def __init__(
        self,
        points: Callable[[], Array],
        probabilities: Callable[[], np.ndarray] | None = None,
        level: Level = "tokens",
        types: Callable[[], np.ndarray] | None = None,
    ):
        self._points, self._probabilities, self.level, self._types = points, probabilities, level, types
        self._clusterings: dict[tuple[int, int], Clustering] = {}

    @classmethod
    def of(cls, vectors: Vectors, fitted: str = "vocabulary", texts: Iterable[str] | None = None) -> Spectra:
        """Those of an encoder, fitted on what `Fit.level` names, of a large corpus a sample.

        Args:
            texts: in place of the corpus of the vectors.
        """
        texts, finish = vectors.corpus if texts is None else texts, vectors.encoder.finish
        is_stored = isinstance(vectors.encoder, StoredEncoder)
        # behind the tail, and where vectors are stored, there are texts alone
        level: Level = "texts" if is_stored or len(vectors.encoder.tail) else "tokens"
        if fitted == "vocabulary":
            probabilities = None if is_stored else vectors.vocabulary_probabilities
            return cls(lambda: vectors.raw_vocabulary()[1], probabilities, level)
        if fitted == "tokens":
            sample = cache(lambda: vectors.sampled_tokens(texts, MOST_TOKENS, seed=0))
            return cls(lambda: finish(sample()[0]), level=level, types=lambda: sample()[1])
        if fitted == "texts":
            return cls(lambda: vectors.raw_sentences(draw(texts, MOST_TEXTS, seed=0)), level="texts")
        if fitted == "table":
            return cls(lambda: finish(_input_table(vectors.encoder)), vectors.type_probabilities, level)
        if fitted == "empty":
            return cls(vectors.encoder.empty_text, level="texts")
        raise unknown("fit.level", fitted, ("vocabulary", "tokens", "texts", "table", "empty"))

    @cached_property
    def points(self) -> Array:
        """(n, d) raw vectors."""
        with step("What removals are fitted on", "fit"):
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

    @property
    def within(self) -> Spectrum:
        """Moments of the vectors around the mean of their token type: what context and position add."""
        return self._by_type[0]

    @property
    def between(self) -> Spectrum:
        """Moments of the means of token types, weighted by how often they occur."""
        return self._by_type[1]

    @cached_property
    def _by_type(self) -> tuple[Spectrum, Spectrum]:
        if self._types is None:
            raise ValueError("scatter within and between token types needs occurrences of tokens: set fit.level=tokens")
        points = torch.tensor(self.points, dtype=torch.float64)
        _, types, counts = np.unique(self._types(), return_inverse=True, return_counts=True)
        means = torch.zeros(len(counts), points.shape[1], dtype=torch.float64)
        means.index_add_(0, torch.from_numpy(types), points).div_(torch.from_numpy(counts)[:, None])
        around = points.sub_(means[types])
        if around.abs().max() <= torch.finfo(torch.float32).eps * means.abs().max():
            raise ValueError("all occurrences of a token have the same vector here: there is no scatter within types")
        return Spectrum.fit(around), Spectrum.fit(means, counts)

    def clustering(self, clusters: int, seed: int) -> Clustering:
        """K-means clusters, computed once for each number and seed."""
        key = (clusters, seed)
        if key not in self._clusterings:
            self._clusterings[key] = Clustering.fit(self.points, clusters, seed)
        return self._clusterings[key]


def _input_table(encoder: Encoder) -> np.ndarray:
    """Rows (V, d) of the table that a model reads tokens from, a ValueError if its states have another dimension."""
    table = encoder if isinstance(encoder, TableEncoder) else cast(TransformerEncoder, encoder).at_layers(STATIC)
    if table.dimension != encoder.dimension:
        raise ValueError(f"the input table has {table.dimension} dimensions, the states {encoder.dimension}")
    return cast(TableEncoder, table).rows
