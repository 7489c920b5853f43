"""The base of measures that need all vectors at once: a stream of them is kept, in every process that takes part."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat
from torchmetrics.utilities.distributed import gather_all_tensors

from uncone.support.arrays import Array, matrix

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class CollectedMetric(Metric):
    """Keeps the vectors it is given, and computes on those of all processes, in the order of their ranks.

    Args:
        kwargs: passed on to `torchmetrics.Metric`.
    """

    is_differentiable = False
    full_state_update = False
    vectors: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dist_sync_fn": gather_rows, **kwargs})
        self.add_state("vectors", [], dist_reduce_fx="cat")

    def update(self, X: Array) -> None:
        """Add the vectors `X` (n, d), n ≥ 1."""
        self.vectors.append(matrix(X, minimum_rows=1))

    def collected(self) -> Tensor:
        """All vectors (n, d)."""
        return dim_zero_cat(self.vectors)


def gather_rows(state: Tensor, group: Any = None) -> list[Tensor]:
    """The vectors of all processes, (n, d) with an n of its own for each.

    A process that has seen none has a state of torchmetrics' making, which knows neither d nor the type of the vectors;
    it learns them from the others, as a collective of different shapes would end the process.
    """
    known = state.ndim == 2
    state = state if state.dtype in _DTYPES else state.double()
    described = torch.tensor([state.shape[1], _DTYPES.index(state.dtype)] if known else [0, 0], device=state.device)
    found = [torch.empty_like(described) for _ in range(dist.get_world_size(group))]
    dist.all_gather(found, described, group=group)
    d, dtype = torch.stack(found).max(0).values.tolist()
    rows = state if known else state.new_zeros(0, d)
    return gather_all_tensors(rows.to(_DTYPES[dtype]), group)
