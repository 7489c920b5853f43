"""Steps of training on a GPU, each started as one CUDA graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from uncone.learning.basis import TrainingBatch

WARM_UP = 3  # steps before one is recorded, in which libraries choose their kernels and the optimizer makes its state


class StepGraphs:
    """Takes the steps that `step` would take, with the same kernels on the same numbers.

    A step of a bank is some fifty operations on small tensors, and takes as long as Python needs to start them. Once a
    few batches of one shape have been seen, what a step starts is recorded, and from then on started at once.

    Args:
        step: takes a step for a batch, all on one GPU, and returns the losses (M,); its optimizer must be capturable.
    """

    def __init__(self, step: Callable[[TrainingBatch], Tensor]):
        self._step, self._stream = step, torch.cuda.Stream()
        self._seen = Counter[tuple[torch.Size, ...]]()
        self._recorded: dict[tuple[torch.Size, ...], tuple[torch.cuda.CUDAGraph, TrainingBatch, Tensor]] = {}

    def __call__(self, batch: TrainingBatch) -> Tensor:
        """Losses (M,) before the step."""
        tensors = _tensors(batch)
        shape = tuple(tensor.shape for tensor in tensors)
        if shape not in self._recorded:
            self._seen[shape] += 1
            if self._seen[shape] <= WARM_UP:
                return self._as_it_is(batch)
            self._recorded[shape] = self._record(batch)
        graph, given, losses = self._recorded[shape]
        torch._foreach_copy_(_tensors(given), tensors)
        graph.replay()
        return losses.clone()

    def _as_it_is(self, batch: TrainingBatch) -> Tensor:
        """On the stream that records, where gradients are then expected."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            losses = self._step(batch)
        current.wait_stream(self._stream)
        return losses

    def _record(self, batch: TrainingBatch) -> tuple[torch.cuda.CUDAGraph, TrainingBatch, Tensor]:
        """What a step starts, without taking it; the batch that it reads, and the losses that it writes."""
        given: TrainingBatch = apply_to_collection(batch, Tensor, torch.clone)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            losses = self._step(given)
        return graph, given, losses


def _tensors(batch: TrainingBatch) -> list[Tensor]:
    return [tensor for part in batch if part is not None for tensor in part]
