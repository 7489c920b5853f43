"""Many comparisons at once: how small a p-value must be when several are looked at."""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values adjusted so that all those below α together err with probability α at most (Holm 1979).

    Of m p-values in ascending order, the i-th becomes the largest of (m − j + 1) p_j over j ≤ i, and 1 at most. No
    assumption is made on how the comparisons depend on each other.

    Args:
        p_values: (m,) in [0, 1], of one family of comparisons.

    Returns:
        (m,) adjusted p-values, in the order given, none smaller than its p-value.

    Raises:
        ValueError: if a value is not in [0, 1].

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    bad = np.flatnonzero(~((p_values >= 0) & (p_values <= 1)))
    if p_values.ndim != 1 or len(bad):
        got = p_values[bad[0]] if p_values.ndim == 1 else f"shape {p_values.shape}"
        raise ValueError(f"p_values must be (m,) numbers from 0 to 1, got {got}")
    order = np.argsort(p_values, kind="stable")
    hurdles = np.arange(len(p_values), 0, -1) * p_values[order]  # (m,) ascending p-values, times those still standing
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(hurdles), 1.0)
    return adjusted
