"""What a survey keeps of a stream of vectors: sums of fixed size, whatever the corpus.

Moments, and one sum of unit vectors per word type, in float32: V × d × 4 bytes at most, and only types that occur take
up memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uncone.geometry.cosine import TypeSums
from uncone.removal.spectrum import Spectrum
from uncone.support import distributed


class LayerSums:
    """All that is kept of the vectors of one layer under one removal.

    Args:
        n_types: V.
        mean: (d,) float32, the centre of the centred similarities: an estimate of the vectors' mean.
        spread: root mean square distance of the vectors to it, roughly.

    Attributes:
        spectrum: moments of the vectors.
        raw: sums of their unit vectors.
        centred: sums of the unit vectors of their differences to `mean`; the same object as `raw` where the mean is 0.
    """

    def __init__(self, n_types: int, mean: Tensor, spread: float):
        d = len(mean)
        self.mean = mean
        self.spectrum = Spectrum(d)
        self.raw = TypeSums(n_types, d)
        # a removal that centres leaves a mean of rounding errors: no need to keep the same sums twice
        self.centred = self.raw if float(mean.norm()) < 1e-4 * spread else TypeSums(n_types, d)
        self.norms = torch.zeros(n_types, 2, dtype=torch.float64)

    def update(self, X: Tensor, types: Tensor) -> None:
        """Add vectors (t, d) of types (t,)."""
        self.spectrum.update(X)
        norms = torch.linalg.vector_norm(X, dim=1)  # (t,)
        self.norms.index_add_(0, types, torch.stack([norms, norms.square()], dim=1).double())
        self.raw.update(X / norms[:, None].clamp_min(torch.finfo(X.dtype).tiny), types)
        if self.centred is not self.raw:
            self.centred.update(torch.nn.functional.normalize(X - self.mean, dim=1), types)

    def bring_together(self, to: int) -> None:
        """Sums over all processes, in the one numbered `to`; those of the others mean nothing afterwards."""
        self.spectrum = self.spectrum.gathered()
        self.raw.bring_together(to)
        if self.centred is not self.raw:
            self.centred.bring_together(to)
        distributed.add_up(self.norms, to)

    def norm_mean_std(self, chosen: Tensor | None = None) -> tuple[float, float]:
        """Mean and standard deviation of the norms, over all vectors or those whose types are `chosen` (V,) bool."""
        norms, counts = (
            (self.norms, self.raw.counts) if chosen is None else (self.norms[chosen], self.raw.counts[chosen])
        )
        mean, square = (norms.sum(0) / counts.sum()).tolist()
        return mean, max(0.0, square - mean**2) ** 0.5
