"""Pairs in a cone with a planted removal, and what tests of learning make of them."""

from functools import cache

import torch

from uncone.learning.bank import RemovalBank
from uncone.learning.basis import Basis, PairBatch, TrainingBatch, take
from uncone.learning.batches import PairDataModule
from uncone.learning.fit import quiet_trainer, quietly
from uncone.learning.module import RemovalModule
from uncone.learning.recipe import Recipe
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


def data_module(cone, basis, batch_size=64, neighbours=None, views=None, **options) -> PairDataModule:
    """The first 300 pairs to train on, the rest to choose by; neighbours and views as vectors, if given."""
    batch = batch_of(cone, basis)
    train, validation = (take(batch, torch.arange(*rows)) for rows in ((0, 300), (300, PAIRS)))
    return PairDataModule(training(basis, train, neighbours, views), validation, batch_size, **options)


def training(basis, pairs, neighbours=None, views=None) -> TrainingBatch:
    """What is trained on: pairs, neighbouring vectors (n, d) of both sides, and views of the first."""
    return TrainingBatch(
        pairs,
        None if neighbours is None else basis.neighbours(*neighbours),
        None if views is None else basis.neighbours(neighbours[0], views),
    )


def batch_of(cone, basis) -> PairBatch:
    return basis.pairs(*cone, torch.zeros(PAIRS, dtype=torch.long))


def module_of(basis, objective, members, parameterisation="log_gains", learn_centre=False, **changes) -> RemovalModule:
    """A bank under an objective; `changes` are those of a recipe."""
    optimizer = {"gradient_clip": 1.0} | changes.pop("optimizer", {})
    contrast = {"temperature": 0.05} | changes.pop("contrast", {})
    recipe = Recipe.named("pairs").but(
        parameterisation=parameterisation,
        learn_centre=learn_centre,
        objective=objective if isinstance(objective, dict) else {"name": objective},
        contrast=contrast,
        optimizer=optimizer,
        **{"mixing_pull": 10, **changes},
    )
    return RemovalModule(RemovalBank(basis, members, parameterisation, learn_centre, recipe.rank), recipe)


def fit(module, data, epochs=30) -> RemovalModule:
    with quietly():
        quiet_trainer(max_epochs=epochs).fit(module, data)
    return module


def disturb(module) -> RemovalModule:
    """Weights as after some training."""
    for number, parameter in enumerate(module.bank.parameters()):
        with torch.no_grad():
            mask = module.bank.mask.view(*module.bank.mask.shape, *[1] * (parameter.ndim - 2))
            parameter += 0.3 * mask * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
    return module
