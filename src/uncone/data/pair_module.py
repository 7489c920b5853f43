"""Word pairs as training sees them: their coordinates in the component basis, in whole-tensor batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from uncone.data.pairs import ScoredPairs


class Basis(NamedTuple):
    """Where a removal is learned.

    Attributes:
        centre: (d,) c.
        components: (d, k) U, orthonormal columns.
        eigenvalues: (k,) variance along each.
    """

    centre: Tensor
    components: Tensor
    eigenvalues: Tensor


class PairBatch(NamedTuple):
    """Pairs in a component basis; all that any gains need to know of them.

    Attributes:
        a: (n, k) = (e₁ − c) U.
        b: (n, k) = (e₂ − c) U.
        rest: (n, 3) e₁·e₂, ‖e₁‖², ‖e₂‖² of what lies outside U.
        score: (n,) in [-1, 1].
        dataset: (n,) number of the data set.
    """

    a: Tensor
    b: Tensor
    rest: Tensor
    score: Tensor
    dataset: Tensor


def in_basis(e1: Tensor, e2: Tensor, basis: Basis) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (n, k) of both sides of pairs (n, d), and the products (n, 3) of what the basis does not span."""
    c, U = basis.centre.double(), basis.components.double()
    e1, e2 = e1.double() - c, e2.double() - c
    a, b = e1 @ U, e2 @ U
    e1, e2 = e1 - a @ U.T, e2 - b @ U.T
    rest = torch.stack([(e1 * e2).sum(1), e1.square().sum(1), e2.square().sum(1)], 1)
    return a.float(), b.float(), rest.float()


class _Pairs(Dataset[PairBatch]):
    """Indexed by a tensor of rows at once: no item-by-item collation."""

    def __init__(self, batch: PairBatch):
        self.batch = batch

    def __len__(self) -> int:
        return len(self.batch.score)

    def __getitem__(self, rows: Tensor) -> PairBatch:
        return PairBatch(*(part[rows] for part in self.batch))


class EpochBatches(Sampler[Tensor]):
    """Batches of shuffled rows that depend on the seed and the epoch alone, so that a resumed run sees the same ones.

    Lightning calls `set_epoch`.

    Example:
        >>> batches = EpochBatches(5, 2, seed=0)
        >>> [len(rows) for rows in batches], len(batches)
        ([2, 2, 1], 3)
    """

    def __init__(self, rows: int, batch_size: int, seed: int):
        self.rows, self.batch_size, self.seed, self.epoch = rows, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        seed = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0])
        yield from torch.randperm(self.rows, generator=torch.Generator().manual_seed(seed)).split(self.batch_size)


class PairDataModule(pl.LightningDataModule):
    """Training and validation pairs, encoded once and expressed in a basis.

    Args:
        train: pairs to fit.
        validation: pairs to choose by; None trains without.
        vectors: (texts) -> (n, d) raw vectors of the encoder.
        basis: where the removal is learned.
        batch_size: pairs per step.
        seed: of the shuffle.
    """

    def __init__(
        self,
        train: tuple[ScoredPairs, Tensor, Tensor],
        validation: tuple[ScoredPairs, Tensor, Tensor] | None,
        basis: Basis,
        batch_size: int = 256,
        seed: int = 0,
    ):
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self.datasets = train[0].datasets
        self.train = self._express(*train, basis)
        self.validation = None if validation is None else self._express(*validation, basis)

    def _express(self, pairs: ScoredPairs, e1: Tensor, e2: Tensor, basis: Basis) -> PairBatch:
        number = {name: i for i, name in enumerate(dict.fromkeys([*self.datasets, *pairs.datasets]))}
        score = torch.tensor(pairs.scaled_score, dtype=torch.float32)
        return PairBatch(*in_basis(e1, e2, basis), score, torch.tensor([number[name] for name in pairs.dataset]))

    def train_dataloader(self) -> DataLoader[PairBatch]:
        """Shuffled batches."""
        sampler = EpochBatches(len(self.train.score), self.batch_size, self.seed)
        return DataLoader(_Pairs(self.train), sampler=sampler, batch_size=None)

    def val_dataloader(self) -> DataLoader[PairBatch] | list[DataLoader[PairBatch]]:
        """All validation pairs as one batch."""
        if self.validation is None:
            return []
        rows = [torch.arange(len(self.validation.score))]
        return DataLoader(_Pairs(self.validation), sampler=rows, batch_size=None)
