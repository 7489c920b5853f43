"""Where an encoder runs."""

from __future__ import annotations

import torch


def resolve_device(device: str) -> torch.device:
    """Turn "auto" into the best device there is (cuda, mps, cpu); anything else is taken at its word.

    Raises:
        ValueError: if there is no such device.

    Example:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # torch raises either, by how it was built
        reason = str(error).splitlines()[0]
        raise ValueError(f"no device {device!r} here ({reason}): choose auto, cpu, cuda, cuda:1 or mps") from error
