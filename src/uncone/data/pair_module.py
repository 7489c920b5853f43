"""Word pairs as training sees them: their coordinates in the component basis, in whole-tensor batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from uncone.data.clustered_pairs import ClusteredBasis, ClusteredNeighbours, ClusteredPairBatch
from uncone.data.pairs import ScoredPairs
from uncone.removal import Removal
from uncone.spectrum import Spectrum


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

    @classmethod
    def of(cls, spectrum: Spectrum, k: int, centred: bool) -> Basis:
        """The k leading components of a spectrum, about its mean or the origin."""
        centre = spectrum.mean if centred else torch.zeros_like(spectrum.mean)
        return cls(centre, spectrum.components[:, :k], spectrum.eigenvalues[:k])

    @property
    def place(self) -> Tensor:
        """(k,) index of each component."""
        return torch.arange(self.components.shape[1])

    @property
    def matrix(self) -> Tensor:
        """(d, k) the components."""
        return self.components

    def pairs(self, e1: Tensor, e2: Tensor, score: Tensor, dataset: Tensor) -> PairBatch:
        """Scored pairs of vectors (n, d)."""
        return PairBatch(*in_basis(e1, e2, self), score, dataset)

    def neighbours(self, e1: Tensor, e2: Tensor) -> Neighbours:
        """Pairs without scores."""
        return Neighbours.of(e1, e2, self)

    def removal(self, gains: Tensor, shift: Tensor, count: int, **description: Any) -> Removal:
        """The removal of the leading components.

        Args:
            gains: (k,) g of every component.
            shift: (k,) of the centre along them, in units of √λ.
            count: components that it has.
            **description: method, settings and encoder.
        """
        U = self.components.float()
        centre = self.centre.float() + U @ (shift * self.eigenvalues.clamp_min(0).sqrt().float())
        return Removal(centre, U[:, :count], gains[:count], **description)


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


class Neighbours(NamedTuple):
    """Neighbouring sentences in a component basis.

    Attributes:
        a: (n, k) = (e₁ − c) U of the first sentences.
        b: (n, k) of the second.
        a_rest: (n, d) what of the first lies outside U.
        b_rest: (n, d) of the second.
    """

    a: Tensor
    b: Tensor
    a_rest: Tensor
    b_rest: Tensor

    @classmethod
    def of(cls, e1: Tensor, e2: Tensor, basis: Basis) -> Neighbours:
        """Express vectors (n, d) of first and second sentences in a basis."""
        c, U = basis.centre.float(), basis.components.float()
        a, b = (e1 - c) @ U, (e2 - c) @ U
        return cls(a, b, e1 - c - a @ U.T, e2 - c - b @ U.T)


class TrainingBatch(NamedTuple):
    """One step: scored pairs and, if there is a contrast, neighbouring sentences."""

    pairs: PairBatch | ClusteredPairBatch
    neighbours: Neighbours | ClusteredNeighbours | None


def in_basis(e1: Tensor, e2: Tensor, basis: Basis) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (n, k) of both sides of pairs (n, d), and the products (n, 3) of what the basis does not span."""
    c, U = basis.centre.double(), basis.components.double()
    e1, e2 = e1.double() - c, e2.double() - c
    a, b = e1 @ U, e2 @ U
    e1, e2 = e1 - a @ U.T, e2 - b @ U.T
    rest = torch.stack([(e1 * e2).sum(1), e1.square().sum(1), e2.square().sum(1)], 1)
    return a.float(), b.float(), rest.float()


Rows = tuple[Tensor, Tensor]  # of the pairs, and of the neighbours


class _Training(Dataset[TrainingBatch]):
    """Indexed by tensors of rows at once: no item-by-item collation."""

    def __init__(self, pairs: PairBatch | ClusteredPairBatch, neighbours: Neighbours | ClusteredNeighbours | None):
        self.pairs, self.neighbours = pairs, neighbours

    def __len__(self) -> int:
        return len(self.pairs.score)

    def __getitem__(self, rows: Rows) -> TrainingBatch:
        of_pairs, of_neighbours = rows
        return TrainingBatch(_take(self.pairs, of_pairs), self.neighbours and _take(self.neighbours, of_neighbours))


def _take(part: Any, rows: Tensor) -> Any:
    """Some rows of a tensor, or of all tensors in a batch."""
    return part[rows] if isinstance(part, Tensor) else type(part)(*(_take(each, rows) for each in part))


def _rows(part: Any) -> int:
    """Rows of a tensor, or of each tensor in a batch."""
    return len(part) if isinstance(part, Tensor) else _rows(part[0])


class EpochBatches(Sampler[Rows]):
    """Batches of random rows that depend on the seed and the epoch alone, so that a resumed run sees the same ones.

    Every pair comes once an epoch; beside each batch of pairs stand neighbours drawn without replacement.

    Lightning calls `set_epoch`.

    Args:
        rows: pairs.
        batch_size: pairs a batch.
        seed: of the shuffle.
        neighbours: neighbouring sentences there are.
        neighbours_per_batch: how many of them stand beside a batch of pairs.

    Example:
        >>> batches = EpochBatches(5, 2, seed=0)
        >>> [len(rows) for rows, _ in batches], len(batches)
        ([2, 2, 1], 3)
    """

    def __init__(self, rows: int, batch_size: int, seed: int, neighbours: int = 0, neighbours_per_batch: int = 0):
        self.rows, self.batch_size, self.seed, self.epoch = rows, batch_size, seed, 0
        self.neighbours, self.neighbours_per_batch = neighbours, neighbours_per_batch

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[Rows]:
        seed = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0])
        generator = torch.Generator().manual_seed(seed)
        for rows in torch.randperm(self.rows, generator=generator).split(self.batch_size):
            yield rows, torch.randperm(self.neighbours, generator=generator)[: self.neighbours_per_batch]


# Texts as a basis takes them: raw vectors (n, d), or for clusters what `ClusteredBasis.express` makes of their tokens.
Side = Any
EncodedPairs = tuple[ScoredPairs, Side, Side]


class PairDataModule(pl.LightningDataModule):
    """Training and validation pairs, encoded once and expressed in a basis.

    Args:
        train: pairs to fit, with both sides of them.
        validation: pairs to choose by, with both sides.
        basis: where the removal is learned.
        batch_size: pairs per step.
        seed: of the shuffle.
        neighbours: first and second sentences, for a contrast; None for none.
        neighbours_per_batch: sentences contrasted per step.
    """

    def __init__(
        self,
        train: EncodedPairs,
        validation: EncodedPairs,
        basis: Basis | ClusteredBasis,
        batch_size: int = 256,
        seed: int = 0,
        neighbours: tuple[Side, Side] | None = None,
        neighbours_per_batch: int = 128,
    ):
        super().__init__()
        self.batch_size, self.seed, self.neighbours_per_batch = batch_size, seed, neighbours_per_batch
        self.datasets = train[0].datasets
        self.train, self.validation = self._express(*train, basis), self._express(*validation, basis)
        self.neighbours = None if neighbours is None else basis.neighbours(*neighbours)

    def _express(
        self, pairs: ScoredPairs, first: Side, second: Side, basis: Basis | ClusteredBasis
    ) -> PairBatch | ClusteredPairBatch:
        number = {name: i for i, name in enumerate(dict.fromkeys([*self.datasets, *pairs.datasets]))}
        score = torch.tensor(pairs.scaled_score, dtype=torch.float32)
        return basis.pairs(first, second, score, torch.tensor([number[name] for name in pairs.dataset]))

    def train_dataloader(self) -> DataLoader[TrainingBatch]:
        """Shuffled batches."""
        count = 0 if self.neighbours is None else _rows(self.neighbours)
        sampler = EpochBatches(len(self.train.score), self.batch_size, self.seed, count, self.neighbours_per_batch)
        return DataLoader(_Training(self.train, self.neighbours), sampler=sampler, batch_size=None)

    def val_dataloader(self) -> DataLoader[TrainingBatch]:
        """All validation pairs as one batch."""
        rows = [(torch.arange(len(self.validation.score)), torch.arange(0))]
        return DataLoader(_Training(self.validation, None), sampler=rows, batch_size=None)
