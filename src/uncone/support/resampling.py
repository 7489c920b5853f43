"""Bootstrap resamples, as counts."""

from __future__ import annotations

import numpy as np


def draw(n: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Counts (n, resamples) float64: how often each of n units is among n draws with replacement.

    What is made of several units counts as often as all of them: a pair of texts `counts[first] * counts[second]`.
    """
    drawn = generator.integers(0, n, size=(resamples, n))
    drawn *= resamples
    drawn += np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * resamples).reshape(n, resamples).astype(np.float64)
