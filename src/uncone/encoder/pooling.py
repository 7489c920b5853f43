"""From the token vectors of a text to one vector.

Tokens are kept ragged, never padded: `tokens` (t, d) holds the texts one after another and `lengths` (n,) says how many
tokens each has. One implementation then serves transformers and static tables alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uncone.support.wording import unknown

POOLINGS = ("mean", "sum", "max", "first", "last", "cls", "idf", "sif", "usif", "weightedmean")
"""`first` and `last` take the first and last of the pooled tokens, special ones only if those are pooled; `cls` takes
the classification token; `weightedmean` weighs the tokens of a text by 1, 2, 3, … (SGPT, Muennighoff 2022); the others
are means weighted by the probability p of the type, see `token_weights`."""

PICKS = ("first", "last", "cls")  # one token of a text

WEIGHTED = ("idf", "sif", "usif")
SIF_A = 1e-3  # the a of a/(a + p), as recommended by Arora et al. 2017
USIF_LENGTH = 11  # tokens of an average sentence, as Ethayarajh 2018 takes it for STS


def check_pooling(pooling: str) -> str:
    """Return `pooling`, or raise a ValueError that lists the choices."""
    if pooling not in POOLINGS:
        raise unknown("pooling", pooling, POOLINGS)
    return pooling


def token_weights(pooling: str, probabilities: Tensor) -> Tensor:
    """Weights of every token type under weighted pooling.

    Args:
        pooling: "idf" for −log p (information content), "sif" for a/(a + p) (Arora et al., ICLR 2017), "usif" for
            a/(a/2 + p), where a follows from the share α of types that a random sentence holds more often than chance:
            a = (1 − α)/(α V/2) (Ethayarajh 2018).

    Returns:
        (V,) float32, positive. A type never seen (p = 0) gets the weight of the rarest seen one.
    """
    seen = probabilities > 0
    if not seen.any():
        raise ValueError("weighted pooling needs at least one token type with a probability above 0")
    p = probabilities.clamp_min(probabilities[seen].min())
    if pooling == "idf":
        return -p.log().clamp_max(-1e-6).float()
    if pooling == "sif":
        return (SIF_A / (SIF_A + p)).float()
    V = int(seen.sum())
    alpha = float((p[seen] > 1 - (1 - 1 / V) ** USIF_LENGTH).double().mean().clamp_min(1 / V))
    a = (1 - alpha) / (alpha * V / 2)
    return (a / (a / 2 + p)).float()


def pool(tokens: Tensor, lengths: Tensor, pooling: str, weights: Tensor | None = None) -> Tensor:
    """Pool ragged token vectors into one vector per text.

    Args:
        tokens: (t, d) token vectors, texts one after another.
        lengths: (n,) tokens per text, each at least 1, summing to t.
        pooling: one of `POOLINGS`; `cls` takes each text's first token, which the caller has to keep.
        weights: (t,) positive token weights, for weighted pooling.

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
    n, d = len(lengths), tokens.shape[1]
    # text (t,) of each token; the size is passed so that a GPU need not add up the lengths
    text = torch.repeat_interleave(torch.arange(n, device=tokens.device), lengths, output_size=len(tokens))
    if pooling == "max":
        rows = text[:, None].expand(-1, d)
        return tokens.new_zeros(n, d).scatter_reduce_(0, rows, tokens, "amax", include_self=False)
    if pooling == "weightedmean":
        weights = (torch.arange(len(tokens), device=tokens.device) - (ends - lengths)[text] + 1).to(tokens.dtype)
    if weights is not None:
        tokens = tokens * weights[:, None]
    total = tokens.new_zeros(n, d).index_add_(0, text, tokens)
    if pooling == "sum":
        return total
    if weights is None:
        return total / lengths[:, None]
    return total / weights.new_zeros(n).index_add_(0, text, weights)[:, None]
