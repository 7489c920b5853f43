"""The measures that follow from streamed sums: exact over all vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from uncone.geometry.atlas.frequencies import bands
from uncone.geometry.atlas.sums import LayerSums
from uncone.geometry.dimension import effective_dimension, isoscore, participation_ratio

EIGENVALUES = 100
ROGUE = 5


def exact_measures(sums: LayerSums) -> dict[str, float | None]:
    """Similarities, norms and dimensions of one layer under one removal; see `uncone.geometry.measures`."""
    spectrum = sums.spectrum
    norm_mean, norm_std = sums.norm_mean_std()
    contributions = sums.raw.contributions()
    rogue = int(contributions.abs().argmax())
    return {
        "s_inter": sums.raw.s_inter(),
        "s_intra": sums.raw.s_intra(),
        "s_inter_centred": sums.centred.s_inter(),
        "s_intra_centred": sums.centred.s_intra(),
        "mean_cosine": sums.raw.mean_cosine(),
        "norm_mean": norm_mean,
        "norm_std": norm_std,
        "isoscore": isoscore(spectrum),
        "participation_ratio": participation_ratio(spectrum),
        "effective_dimension": effective_dimension(spectrum),
        "rogue_dimension": rogue,
        "rogue_contribution": float(contributions[rogue]),
    }


def exact_curves(sums: LayerSums, log10_frequency: np.ndarray) -> dict[str, Any]:
    """Variance by component, norms and cosines by frequency band, rogue dimensions; see `geometry.atlas.store`."""
    explained = sums.spectrum.explained_variance[:EIGENVALUES]
    return {
        "eigenvalues": sums.spectrum.eigenvalues[:EIGENVALUES].numpy(),
        "explained_variance": explained.numpy(),
        "cumulative_variance": explained.cumsum(0).numpy(),
        "point_variance": explained[:3].numpy(),
        "bands": _bands(sums, log10_frequency),
        "rogue": _rogue(sums),
    }


def _bands(sums: LayerSums, log10_frequency: np.ndarray) -> list[dict[str, float | int | None]]:
    rows: list[dict[str, float | int | None]] = []
    for low, high, members in bands(log10_frequency):
        chosen = torch.from_numpy(members) & (sums.raw.counts > 0)
        count = int(sums.raw.counts[chosen].sum())
        if count:
            mean, std = sums.norm_mean_std(chosen)
            cosine = sums.raw.mean_cosine_of(chosen)
            row = {"low": low, "high": high, "count": count, "norm_mean": mean, "norm_std": std, "mean_cosine": cosine}
            rows.append(row)
    return rows


def _rogue(sums: LayerSums) -> list[dict[str, float | int]]:
    contributions = sums.raw.contributions()
    total = float(contributions.sum())
    order = contributions.abs().argsort(descending=True)[:ROGUE].tolist()
    values = {j: float(contributions[j]) for j in order}
    return [{"dimension": j, "contribution": value, "share": value / total} for j, value in values.items()]
