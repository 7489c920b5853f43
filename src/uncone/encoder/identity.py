"""What makes two encoders the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def content_hash(texts: Iterable[str], tensors: Mapping[str, Tensor]) -> str:
    """Hex digest of strings and named tensors; it changes with any weight, shape, dtype or name.

    Example:
        >>> zeros = {"w": torch.zeros(2)}
        >>> content_hash(["a"], zeros) == content_hash(["a"], {"w": torch.zeros(2)})
        True
        >>> content_hash(["a"], zeros) == content_hash(["a"], {"w": torch.tensor([0.0, 1e-30])})
        False
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]
