"""From the token vectors of a text to one vector.

Tokens are kept ragged, never padded: `tokens` (t, d) holds the texts one after another and `lengths` (n,) says how many
tokens each has. One implementation then serves transformers and static tables alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

POOLINGS = ("mean", "sum", "max", "first", "last", "cls", "idf", "sif")
"""`first` and `last` are the first and last token that is not special; `cls` is the classification token itself; `idf`
and `sif` are means weighted by −log p and by a/(a + p), for p the probability of the token's type."""

SIF_A = 1e-3  # the a of a/(a + p), as recommended by Arora et al. 2017


def token_weights(pooling: str, probabilities: Tensor) -> Tensor:
    """Weights of every token type under `idf` or `sif` pooling.

    Args:
        pooling: "idf" for −log p (information content), "sif" for a/(a + p) (Arora et al., ICLR 2017).
        probabilities: (V,) probability of each type; zero means never seen.

    Returns:
        (V,) positive weights. A type never seen gets the weight of the rarest seen one.

    Example:
        >>> token_weights("sif", torch.tensor([0.5, 0.001])).round(decimals=3)
        tensor([0.0020, 0.5000])
    """
    seen = probabilities > 0
    if not seen.any():
        raise ValueError("idf and sif pooling need at least one token type with a probability above 0")
    p = probabilities.clamp_min(probabilities[seen].min())
    return -p.log().clamp_max(-1e-6) if pooling == "idf" else SIF_A / (SIF_A + p)


def pool(tokens: Tensor, lengths: Tensor, pooling: str, weights: Tensor | None = None) -> Tensor:
    """Pool ragged token vectors into one vector per text.

    Args:
        tokens: (t, d) token vectors, texts one after another.
        lengths: (n,) tokens per text, each at least 1, summing to t.
        pooling: one of `POOLINGS`; `cls` takes each text's first token, which the caller has to keep.
        weights: (t,) positive token weights, for `idf` and `sif`.

    Returns:
        (n, d) vectors, in the dtype of `tokens`.

    Example:
        >>> pool(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([2, 1]), "mean")
        tensor([[2.],
                [5.]])
    """
    ends = lengths.cumsum(0)
    if pooling in ("first", "cls"):
        return tokens[ends - lengths]
    if pooling == "last":
        return tokens[ends - 1]
    if pooling == "max":
        return torch.segment_reduce(tokens, "max", lengths=lengths)
    text = torch.repeat_interleave(torch.arange(len(lengths), device=tokens.device), lengths)  # (t,)
    if weights is not None:
        tokens = tokens * weights[:, None]
    total = tokens.new_zeros(len(lengths), tokens.shape[1]).index_add_(0, text, tokens)  # (n, d)
    if pooling == "sum":
        return total
    mass = lengths.to(tokens.dtype) if weights is None else weights.new_zeros(len(lengths)).index_add_(0, text, weights)
    return total / mass[:, None]
