"""Standard errors of sampled measures: a bootstrap over texts, as weights.

Tokens of one text share their context, so whole texts are drawn with replacement, not single tokens. A resample is a
vector of weights over the points: how often the text of each was drawn. Neighbours, components and clusters stay those
of the whole sample.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def text_weights(texts: np.ndarray, resamples: int, seed: int) -> Tensor:
    """Weights (1 + resamples, n) float64 of points under seeded draws, with replacement, of the texts they stand in.

    The first row is the sample itself, with a weight of 1 for each point.
    """
    if resamples < 2:
        raise ValueError(f"a standard error needs at least 2 resamples, got {resamples}")
    distinct, index = np.unique(texts, return_inverse=True)
    uniform = np.full(len(distinct), 1 / len(distinct))
    drawn = np.random.default_rng(seed).multinomial(len(distinct), uniform, size=resamples)
    return torch.from_numpy(np.vstack([np.ones_like(drawn[:1]), drawn])[:, index].astype(np.float64))


def weighted_mean(weights: Tensor, values: Tensor) -> Tensor:
    """Means (r, k) of values (n, k) under each row of weights (r, n)."""
    return weights @ values / weights.sum(1, keepdim=True)
