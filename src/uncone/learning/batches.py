"""Batches of whole tensors: all that is learned from, expressed in a basis once, and dealt out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from uncone.learning.basis import PairBatch, Steps, TrainingBatch, take

Rows = tuple[Tensor, Tensor]  # of the pairs (S, n), and of the neighbours (S, m), for each of S seeds
STEPS_AT_ONCE = 16  # steps that are gathered together: gathering, and Lightning, cost as much for one


class _Gathered(Dataset[Steps]):
    """All there is to train on, several steps at a time, on the device of the pairs."""

    def __init__(self, whole: TrainingBatch):
        self.whole = whole

    def __getitems__(self, steps: Sequence[Rows]) -> Steps:
        device = next(tensor.device for part in self.whole if part is not None for tensor in part)
        rows, beside = (torch.cat(each, 1).to(device) for each in zip(*steps, strict=True))  # (S, all of the steps)
        pairs, neighbours, views = self.whole
        whole = TrainingBatch(take(pairs, rows), take(neighbours, beside), take(views, beside))
        return Steps(whole, *(part.shape[1] for part in steps[0]))


class EpochBatches(Sampler[Rows]):
    """Batches of random rows that depend on the seeds and the epoch alone, so that a resumed run sees the same ones.

    Every pair comes once an epoch, for each seed in an order of its own; beside each batch of pairs stand neighbours
    drawn without replacement. Without pairs, an epoch has about as many steps as it takes to see every neighbour once.
    What one seed sees does not depend on which others there are.

    Lightning calls `set_epoch`.

    Args:
        rows: pairs; 0 for none.
        batch_size: pairs a batch; None takes all.
        seeds: of the shuffles.
        neighbours: neighbouring sentences there are.
        neighbours_per_batch: how many of them stand beside a batch of pairs.

    Example:
        >>> batches = EpochBatches(5, 2, seeds=[0])
        >>> [tuple(rows.shape) for rows, _ in batches], len(batches)
        ([(1, 2), (1, 2), (1, 1)], 3)
    """

    def __init__(
        self,
        rows: int,
        batch_size: int | None,
        seeds: Sequence[int],
        neighbours: int = 0,
        neighbours_per_batch: int = 0,
    ):
        self.rows, self.batch_size, self.seeds, self.epoch = rows, batch_size or rows, tuple(seeds), 0
        self.neighbours, self.neighbours_per_batch = neighbours, neighbours_per_batch

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffles."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size) if self.rows else -(-self.neighbours // self.neighbours_per_batch)

    def __iter__(self) -> Iterator[Rows]:
        states = (int(np.random.SeedSequence([seed, self.epoch]).generate_state(1)[0]) for seed in self.seeds)
        generators = [torch.Generator().manual_seed(state) for state in states]
        order = torch.stack([torch.randperm(self.rows, generator=generator) for generator in generators])  # (S, rows)
        for step in range(len(self)):
            rows = order[:, step * self.batch_size : (step + 1) * self.batch_size]
            drawn = [torch.randperm(self.neighbours, generator=generator) for generator in generators]
            yield rows, torch.stack(drawn)[:, : self.neighbours_per_batch]


class PairDataModule(pl.LightningDataModule):
    """All that is trained on, and the validation pairs, in a basis.

    A training batch is `Steps`, several at once; the validation batch is all validation pairs.

    Args:
        train: scored pairs, neighbouring sentences and views to fit; None for what there is none of.
        validation: pairs to choose by; None for no choice.
        batch_size: most pairs per step; None takes all.
        seeds: of the shuffles: those of the members that are trained.
        neighbours_per_batch: sentences contrasted per step.
        minimum_steps: of an epoch; few pairs are dealt out in smaller batches.
    """

    def __init__(
        self,
        train: TrainingBatch,
        validation: PairBatch | None,
        batch_size: int | None = 256,
        seeds: Sequence[int] = (0,),
        neighbours_per_batch: int = 128,
        minimum_steps: int = 1,
    ):
        super().__init__()
        self.train, self.validation = train, validation
        rows = 0 if train.pairs is None else len(train.pairs.score)
        most = batch_size and max(1, min(batch_size, rows // minimum_steps))
        neighbours = 0 if train.neighbours is None else len(train.neighbours.a)
        self.batches = EpochBatches(rows, most, seeds, neighbours, neighbours_per_batch)

    def train_dataloader(self) -> DataLoader[Steps]:
        """Shuffled batches, several steps at a time, gathered where they are trained on."""
        where = (
            self.train if self.trainer is None else move_data_to_device(self.train, self.trainer.strategy.root_device)
        )
        batches: Any = self.batches
        steps: Any = BatchSampler(batches, STEPS_AT_ONCE, drop_last=False)
        return DataLoader(_Gathered(where), batch_sampler=steps, collate_fn=_as_it_is)

    def val_dataloader(self) -> Any:
        """All validation pairs as one batch."""
        only: Any = [self.validation]
        return [] if self.validation is None else DataLoader(only, batch_size=None)


def _as_it_is(steps: Any) -> Any:
    return steps
