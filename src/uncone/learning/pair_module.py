"""Scored pairs for training: encoded once, expressed in a component basis, and dealt out in whole-tensor batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from uncone.data.pairs import ScoredPairs
from uncone.learning.basis import Basis, PairBatch, Steps, TrainingBatch
from uncone.learning.clustered_pairs import ClusteredBasis, ClusteredPairBatch

Rows = tuple[Tensor, Tensor]  # of the pairs (S, n), and of the neighbours (S, m), for each of S seeds
STEPS_AT_ONCE = 16  # steps that are gathered together: gathering, and Lightning, cost as much for one


class _Gathered(Dataset[Steps]):
    """All there is to train on, several steps at a time."""

    def __init__(self, whole: TrainingBatch):
        self.whole = whole

    def __getitems__(self, steps: Sequence[Rows]) -> Steps:
        rows, beside = (torch.cat(each, 1) for each in zip(*steps, strict=True))  # (S, all of the steps)
        pairs, neighbours, views = self.whole
        whole = TrainingBatch(
            None if pairs is None else pairs.batch(rows),
            None if neighbours is None else neighbours.batch(beside),
            None if views is None else views.batch(beside),
        )
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


# Texts as a basis takes them: raw vectors (n, d), or for clusters what `ClusteredBasis.express` makes of their tokens.
Side = Any
EncodedPairs = tuple[ScoredPairs, Side, Side]


def expressed(
    pairs: ScoredPairs, first: Side, second: Side, basis: Basis | ClusteredBasis, datasets: Sequence[str] = ()
) -> PairBatch | ClusteredPairBatch:
    """Scored pairs in a basis; their data sets are numbered after those of `datasets`."""
    number = {name: i for i, name in enumerate(dict.fromkeys([*datasets, *pairs.datasets]))}
    score = torch.tensor(pairs.scaled_score, dtype=torch.float32)
    return basis.pairs(first, second, score, torch.tensor([number[name] for name in pairs.dataset]))


class PairDataModule(pl.LightningDataModule):
    """Training and validation pairs, encoded once and expressed in a basis.

    A training batch is `Steps`, several at once; the validation batch is all validation pairs.

    Args:
        train: pairs to fit, with both sides of them; None for none.
        validation: pairs to choose by, with both sides.
        basis: where the removal is learned.
        batch_size: most pairs per step; None takes all.
        seeds: of the shuffles: those of the members that are trained.
        neighbours: first and second sentences, for a contrast; None for none.
        neighbours_per_batch: sentences contrasted per step.
        minimum_steps: of an epoch; few pairs are dealt out in smaller batches.
        views: of each first sentence; None for none.
    """

    def __init__(
        self,
        train: EncodedPairs | None,
        validation: EncodedPairs,
        basis: Basis | ClusteredBasis,
        batch_size: int | None = 256,
        seeds: Sequence[int] = (0,),
        neighbours: tuple[Side, Side] | None = None,
        neighbours_per_batch: int = 128,
        minimum_steps: int = 1,
        views: Side = None,
    ):
        super().__init__()
        self.seeds, self.neighbours_per_batch = seeds, neighbours_per_batch
        self.datasets = () if train is None else train[0].datasets
        self.train = None if train is None else expressed(*train, basis, self.datasets)
        self.validation = expressed(*validation, basis, self.datasets)
        rows = 0 if train is None else len(train[0])
        self.batch_size = batch_size and max(1, min(batch_size, rows // minimum_steps))
        self.neighbours = None if neighbours is None else basis.neighbours(*neighbours)
        self.views = None if neighbours is None or views is None else basis.neighbours(neighbours[0], views)
        self.neighbours_count = 0 if neighbours is None else len(_first(self.neighbours))

    def batches(self) -> EpochBatches:
        """The steps of an epoch."""
        return EpochBatches(
            0 if self.train is None else len(self.train.score),
            self.batch_size,
            self.seeds,
            self.neighbours_count,
            self.neighbours_per_batch,
        )

    def train_dataloader(self) -> DataLoader[Steps]:
        """Shuffled batches, several steps at a time."""
        batches: Any = self.batches()
        steps: Any = BatchSampler(batches, STEPS_AT_ONCE, drop_last=False)
        own = torch.Generator()  # a loader would draw from the caller's random numbers
        return DataLoader(
            _Gathered(TrainingBatch(self.train, self.neighbours, self.views)),
            batch_sampler=steps,
            collate_fn=_as_it_is,
            generator=own,
        )

    def val_dataloader(self) -> DataLoader[PairBatch | ClusteredPairBatch]:
        """All validation pairs as one batch."""
        only: Any = [self.validation]
        return DataLoader(only, batch_size=None)


def _as_it_is(steps: Any) -> Any:
    return steps


def _first(part: Any) -> Tensor:
    """The first tensor of a batch."""
    return part if isinstance(part, Tensor) else _first(part[0])
