"""Pairs in a cone with a planted removal, and what tests of learning make of them."""

from functools import cache

import pytorch_lightning as pl
import torch

from uncone.data.pairs import ScoredPairs
from uncone.learning.bank import RemovalBank
from uncone.learning.basis import Basis, PairBatch
from uncone.learning.module import RemovalModule
from uncone.learning.pair_module import PairDataModule
from uncone.removal.spectrum import Spectrum

DIMENSION, PAIRS = 12, 400


@cache
def planted_cone() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pairs (n, d) whose similarity lives in ten directions, drowned by two large ones that mean nothing."""
    generator = torch.Generator().manual_seed(0)
    meaning1 = torch.randn(PAIRS, DIMENSION, generator=generator)
    share = torch.rand(PAIRS, 1, generator=generator)
    meaning2 = share * meaning1 + (1 - share) * torch.randn(PAIRS, DIMENSION, generator=generator)
    scores = torch.nn.functional.cosine_similarity(meaning1[:, 2:], meaning2[:, 2:])
    noise = torch.zeros(2, PAIRS, DIMENSION)
    noise[:, :, :2] = 8 * torch.randn(2, PAIRS, 2, generator=generator)
    noise[:, :, 2:] = torch.stack([meaning1, meaning2])[:, :, 2:]
    return noise[0], noise[1], scores


def basis_of(cone) -> Basis:
    spectrum = Spectrum.fit(torch.cat(cone[:2]))
    return Basis(spectrum.mean, spectrum.components, spectrum.eigenvalues)


def pairs_of(scores, dataset="planted") -> ScoredPairs:
    words = tuple(f"w{i}" for i in range(len(scores)))
    return ScoredPairs(
        words,
        tuple(f"v{i}" for i in range(len(scores))),
        scores.double().numpy(),
        (dataset,) * len(scores),
        {dataset: (-1.0, 1.0)},
    )


def data_module(cone, basis, batch_size=64, **options) -> PairDataModule:
    e1, e2, scores = cone
    train, validation = slice(0, 300), slice(300, None)
    return PairDataModule(
        (pairs_of(scores[train]), e1[train], e2[train]),
        (pairs_of(scores[validation]), e1[validation], e2[validation]),
        basis,
        batch_size,
        **options,
    )


def batch_of(cone, basis) -> PairBatch:
    return basis.pairs(*cone, torch.zeros(PAIRS, dtype=torch.long))


def module_of(
    basis, objective, members, parameterisation="log_gains", learn_centre=False, rank=0, **options
) -> RemovalModule:
    return RemovalModule(RemovalBank(basis, members, parameterisation, learn_centre, rank), objective, **options)


def fit(module, data, epochs=30) -> RemovalModule:
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data)
    return module


def disturb(module) -> RemovalModule:
    """Weights as after some training."""
    for number, parameter in enumerate(module.bank.parameters()):
        with torch.no_grad():
            mask = module.bank.mask.view(*module.bank.mask.shape, *[1] * (parameter.ndim - 2))
            parameter += 0.3 * mask * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
    return module
