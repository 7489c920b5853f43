"""What every streaming metric must satisfy: chunks, merged states and gathered states all equal the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor
from torchmetrics import Metric

Batch = tuple[Tensor, ...]


def chunks(batch: Batch, sizes: Sequence[int]) -> list[Batch]:
    """Cut the rows of every array of a batch into chunks of those sizes and a last one of the rest."""
    n = len(batch[0])
    return list(zip(*(array.split([*sizes, n - sum(sizes)]) for array in batch), strict=True))


def streamed(metric: Metric, batch: Batch) -> Tensor:
    """Update in uneven chunks, one of a single row, and compute."""
    for chunk in chunks(batch, [1, 7, len(batch[0]) // 2]):
        metric.update(*chunk)
    return metric.compute()


def merged(metrics: Sequence[Metric], batch: Batch) -> Tensor:
    """Give one part of the rows to each of two metrics, merge the second's state into the first, and compute."""
    first, second = metrics
    for metric, chunk in zip(metrics, chunks(batch, [len(batch[0]) // 3]), strict=True):
        metric.update(*chunk)
    first.merge_state(second)
    return first.compute()


def gathered(metrics: Sequence[Metric], batch: Batch) -> Tensor:
    """Compute on the first of several processes, which between them hold the rows, as torchmetrics synchronises it.

    The collective that gathers a state from all processes is replaced by looking into the other metrics.
    """
    share = len(batch[0]) // len(metrics)
    for metric, chunk in zip(metrics, chunks(batch, [share] * (len(metrics) - 1)), strict=True):
        metric.update(*chunk)

    names = iter(metrics[0].metric_state)

    def gather(state: Tensor, group: object = None) -> list[Tensor]:
        name = next(names)
        states = [metric.metric_state[name] for metric in metrics]
        return [torch.cat(state) if isinstance(state, list) else state for state in states]

    metrics[0].dist_sync_fn = gather
    metrics[0].distributed_available_fn = lambda: True
    return metrics[0].compute()


def assert_streams(make: Callable[[], Metric], batch: Batch, whole: float | Tensor, tolerance: float = 1e-10) -> None:
    """Check a metric against the function it streams on the whole batch, and that it resets and copies."""
    expected = torch.as_tensor(whole, dtype=torch.float64)

    def check(value: Tensor) -> None:
        torch.testing.assert_close(value.double(), expected, rtol=tolerance, atol=tolerance)

    metric = make()
    check(streamed(metric, batch))
    check(streamed(deepcopy(make()), batch))
    check(merged([make(), make()], batch))
    check(gathered([make(), make(), make()], batch))
    metric.reset()
    metric(*chunks(batch, [5])[1])  # forward: accumulates, and leaves the running value right
    metric.update(*chunks(batch, [5])[0])
    check(metric.compute())
