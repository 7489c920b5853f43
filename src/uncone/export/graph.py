"""The whole way from token types to corrected vectors as one module without Python in between, for tracing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from uncone.encoder import Encoder, TransformerEncoder
from uncone.encoder.layers import average
from uncone.export.parts import type_weights
from uncone.removal import Removal

TINY = 1e-9  # keeps an empty text from dividing by 0


class Graph(nn.Module):
    """Padded token types in, one corrected vector for each text out.

    Pools padded tokens as `uncone.encoder.pooling.pool` does ragged ones.

    Args:
        encoder: of any kind.
        removal: folded into one affine map.
        normalize: end in vectors of length 1.
    """

    def __init__(self, encoder: Encoder, removal: Removal, normalize: bool):
        super().__init__()
        self.source: nn.Module = encoder.states if isinstance(encoder, TransformerEncoder) else nn.Identity()
        if not isinstance(encoder, TransformerEncoder):
            self.register_buffer("table", encoder.get_buffer("table").float())
        self.pooling, self.normalize = encoder.pooling, normalize
        weights = type_weights(encoder)
        self.register_buffer("weights", torch.ones(len(encoder.pieces)) if weights is None else weights)
        self.classification = encoder.tokenizer.cls_token_id if encoder.pooling == "cls" else -1
        W, b = removal.fold()
        self.register_buffer("W", W)
        self.register_buffer("b", b)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode, pool, correct.

        Args:
            input_ids: (n, m) token types, padded on the right.
            attention_mask: (n, m) 1 for tokens, 0 for padding.

        Returns:
            (n, d) float32.
        """
        if isinstance(self.source, nn.Identity):
            tokens = self.get_buffer("table")[input_ids]
        else:
            tokens = average(self.source(input_ids, attention_mask)).float()  # (n, m, d)
        pooled = self._pool(tokens, input_ids, attention_mask)
        vectors = nn.functional.linear(pooled, self.get_buffer("W"), self.get_buffer("b"))
        return nn.functional.normalize(vectors, dim=1) if self.normalize else vectors

    def _pool(self, tokens: Tensor, ids: Tensor, attention: Tensor) -> Tensor:
        weights = self.get_buffer("weights")[ids] * attention  # (n, m), 0 for what is left out
        if self.pooling == "max":
            return tokens.masked_fill((weights == 0)[:, :, None], -torch.inf).amax(1)
        if self.pooling in ("first", "last", "cls"):
            wanted = ids.eq(self.classification) if self.pooling == "cls" else weights > 0
            places = torch.arange(ids.shape[1], device=ids.device)
            order = -places if self.pooling == "last" else places
            chosen = torch.where(wanted, order, ids.shape[1]).argmin(1)
            return tokens.gather(1, chosen[:, None, None].expand(-1, 1, tokens.shape[2]))[:, 0]
        total = (tokens * weights[:, :, None]).sum(1)
        return total if self.pooling == "sum" else total / weights.sum(1, keepdim=True).clamp_min(TINY)
