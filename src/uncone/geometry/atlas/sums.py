"""What a survey keeps of a stream of vectors, whatever the corpus, and the exact measures that follow.

Moments, and one sum of unit vectors per word type, in float32: V × d × 4 bytes at most, and only types that occur take
up memory.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.cosine import TypeSums
from uncone.geometry.dimension import effective_dimension, isoscore, participation_ratio
from uncone.removal.spectrum import Spectrum
from uncone.support import distributed

# Ends of the frequency bands, in log10 of the probability in running text.
BAND_ENDS = (-12.0, -6.0, -5.0, -4.0, -3.0, -2.0, 0.0)
EIGENVALUES = 100  # drawn
ROGUE = 5


class LayerSums:
    """All that is kept of the vectors of one layer under one removal.

    The mean of the vectors `pilot` (n, d), an estimate of theirs, is the centre of the centred similarities. Without
    types, each vector is a type of its own. Sums by type are on the device of the vectors until `bring_together`.

    Attributes:
        spectrum: moments of the vectors.
        raw: sums of their unit vectors.
        centred: sums of the unit vectors of their differences to the centre; the same object as `raw` where that is 0.
    """

    def __init__(self, n_types: int, pilot: Tensor, have_types: bool = True):
        d = pilot.shape[1]
        make_sums = partial(TypeSums, n_types, d, device=pilot.device, by_type=have_types)
        self.centre = pilot.mean(0, dtype=torch.float64).float()
        spread = float((pilot - self.centre).square().sum(1, dtype=torch.float64).mean().sqrt())
        self.spectrum = Spectrum(d)
        self.raw = make_sums()
        # a removal that centres leaves a mean of rounding errors: no need to keep the same sums twice
        self.centred = self.raw if float(self.centre.norm()) < 1e-4 * spread else make_sums()
        self.norms = torch.zeros(n_types, 2, dtype=torch.float64, device=pilot.device)

    def update(self, X: Tensor, types: Tensor) -> None:
        """Add vectors (t, d) of types (t,)."""
        self.spectrum.update(X)
        norms = torch.linalg.vector_norm(X, dim=1)  # (t,)
        self.norms.index_add_(0, types, torch.stack([norms, norms.square()], dim=1).double())
        self.raw.update(X / norms[:, None].clamp_min(torch.finfo(X.dtype).tiny), types)
        if self.centred is not self.raw:
            self.centred.update(torch.nn.functional.normalize(X - self.centre, dim=1), types)

    def bring_together(self, to: int) -> None:
        """Sums over all processes, in main memory of the one numbered `to`; those of the others mean nothing then."""
        self.spectrum, self.norms = self.spectrum.gathered(), self.norms.cpu()
        self.raw.bring_together(to)
        if self.centred is not self.raw:
            self.centred.bring_together(to)
        distributed.add_up(self.norms, to)

    def norm_mean_std(self, chosen: Tensor | None = None) -> tuple[float, float]:
        """Mean and standard deviation of the norms, over all vectors or those whose types are `chosen` (V,) bool."""
        counts, norms = self.raw.counts, self.norms
        if chosen is not None:
            counts, norms = counts[chosen], norms[chosen]
        mean, square = (norms.sum(0) / counts.sum()).tolist()
        return mean, max(0.0, square - mean**2) ** 0.5

    def measures(self) -> dict[str, float]:
        """Similarities, norms and dimensions, by name; NaN where there is no pair to compare."""
        norm_mean, norm_std = self.norm_mean_std()
        rogue = self._rogue()[0]
        return {
            "s_inter": self.raw.s_inter(),
            "s_intra": self.raw.s_intra(),
            "s_inter_centred": self.centred.s_inter(),
            "s_intra_centred": self.centred.s_intra(),
            "mean_cosine": self.raw.mean_cosine(),
            "norm_mean": norm_mean,
            "norm_std": norm_std,
            "isoscore": isoscore(self.spectrum),
            "participation_ratio": participation_ratio(self.spectrum),
            "effective_dimension": effective_dimension(self.spectrum),
            "rogue_dimension": rogue["dimension"],
            "rogue_contribution": rogue["contribution"],
        }

    def curves(self, log10_frequency: np.ndarray) -> dict[str, Any]:
        """Variance by component, norms and cosines by frequency band, rogue dimensions; see `geometry.atlas.store`."""
        explained = self.spectrum.explained_variance[:EIGENVALUES]
        return {
            "eigenvalues": self.spectrum.eigenvalues[:EIGENVALUES].tolist(),
            "explained_variance": explained.tolist(),
            "cumulative_variance": explained.cumsum(0).tolist(),
            "point_variance": explained[:3].tolist(),
            "bands": self._bands(log10_frequency),
            "rogue": self._rogue(),
        }

    def _bands(self, log10_frequency: np.ndarray) -> list[dict[str, float]]:
        rows = []
        for low, high in pairwise(BAND_ENDS):
            members = (log10_frequency >= low) & (log10_frequency < high)
            chosen = torch.from_numpy(members) & (self.raw.counts > 0)
            if chosen.any():
                mean, std = self.norm_mean_std(chosen)
                row = {"low": low, "high": high, "count": int(self.raw.counts[chosen].sum())}
                cosine = self.raw.mean_cosine(chosen)
                rows.append(row | {"norm_mean": mean, "norm_std": std, "mean_cosine": cosine})
        return rows

    def _rogue(self) -> list[dict[str, float]]:
        contributions = self.raw.contributions()
        total = float(contributions.sum())
        order = contributions.abs().argsort(descending=True)[:ROGUE].tolist()
        values = {j: float(contributions[j]) for j in order}
        return [{"dimension": j, "contribution": value, "share": value / total} for j, value in values.items()]
