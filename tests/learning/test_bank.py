"""A bank of removals: its cosines are those of the removals that it hands out."""

import pytest
import torch
from planted_cone import DIMENSION, basis_of, batch_of, disturb, module_of, planted_cone

from uncone.learning.bank import members
from uncone.learning.basis import Basis, TrainingBatch


@pytest.fixture(scope="module")
def cone():
    return planted_cone()


@pytest.fixture(scope="module")
def basis(cone):
    return basis_of(cone)


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("parameterisation", ["paper", "log_gains"])
@pytest.mark.parametrize("learn_centre", [False, True])
@pytest.mark.parametrize("k", [4, DIMENSION])
def test_similarities_are_the_cosines_of_corrected_vectors(cone, basis, parameterisation, learn_centre, k, rank):
    part = Basis(basis.centre, basis.components[:, :k], basis.eigenvalues[:k])
    module = disturb(module_of(part, "mse", members([2, k], [3]), parameterisation, learn_centre, rank=rank))
    with torch.no_grad():
        predicted = module.bank.similarities(batch_of(cone, part))
    for member in range(2):
        removal = module.removal(member)
        expected = torch.nn.functional.cosine_similarity(
            removal.apply(cone[0].double()), removal.apply(cone[1].double())
        )
        torch.testing.assert_close(predicted[:, member].double(), expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("k", [4, DIMENSION])
def test_sentence_similarities_are_the_cosines_of_corrected_vectors(cone, basis, k, rank):
    part = Basis(basis.centre, basis.components[:, :k], basis.eigenvalues[:k])
    module = disturb(module_of(part, "mse", members([2, k]), learn_centre=True, rank=rank))
    with torch.no_grad():
        predicted = module.bank.sentence_similarities(part.neighbours(cone[0][:20], cone[1][:20]))
    for member in range(2):
        e1, e2 = (torch.nn.functional.normalize(module.removal(member).apply(e[:20].double())) for e in cone[:2])
        torch.testing.assert_close(predicted[member].double(), e1 @ e2.T, atol=2e-5, rtol=0)


def test_starts_at_the_identity(cone, basis):
    module = module_of(basis, "mse", members([DIMENSION]))
    assert torch.equal(module.bank.gains(), torch.ones(1, DIMENSION))


def test_w_and_2_minus_w_are_the_same_model(cone, basis):
    """The loss sees (1 − w)² alone."""
    module = module_of(basis, "mse", members([DIMENSION], [1]), "paper")
    batch = batch_of(cone, basis)
    with torch.no_grad():
        before = module.bank.similarities(batch)
        module.bank.theta.copy_(2 - module.bank.theta)
        torch.testing.assert_close(module.bank.similarities(batch), before)


@pytest.mark.parametrize("D", [1, 2, 3])
def test_full_removal_is_a_stationary_point_of_the_paper(cone, basis, D):
    """At w = 1 the gradient of the paper's parameterisation vanishes, whatever the data."""
    module = module_of(basis, "mse", members([D], pulls=[0]), "paper")
    with torch.no_grad():
        module.bank.theta[:, :D] = 1
    batch = batch_of(cone, basis)
    module.objective(module.bank.similarities(batch), batch.score, batch.dataset).sum().backward()
    module.bank.keep_in_place()
    assert module.bank.theta.grad.abs().max() < 1e-6


def test_mixing_finds_directions_that_no_gain_of_a_component_can(cone, basis):
    """The noise lies across the components: in the basis of a turned spectrum, gains alone cannot remove it."""
    turn = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION, generator=torch.Generator().manual_seed(0)))[0]
    turned = Basis(basis.centre, turn.double(), torch.ones(DIMENSION, dtype=torch.float64))
    batch = TrainingBatch(batch_of(cone, turned), None)
    found = {}
    for rank in (0, 2):
        bank = members([DIMENSION], pulls=[0.0], learning_rates=[0.03])
        options = {"rank": rank, "mixing_pull": 0, "optimizer": {"gradient_clip": None}}
        module = module_of(turned, "calibrated_mse", bank, **options)
        optimizer = module.configure_optimizers()
        for _ in range(300):
            module.update(optimizer, batch)
        found[rank] = module.removal(), float(module.losses(batch).detach())
    assert found[2][1] < 0.5 * found[0][1]
    removal = found[2][0]
    weights = removal.weights.sort(descending=True)
    planted = torch.eye(DIMENSION)[:, :2]
    assert weights.values[:2].min() > 0.8
    assert (removal.components[:, weights.indices[:2]].T @ planted).norm() > 1.38  # of √2


def test_a_strong_pull_keeps_the_components(cone, basis):
    module = disturb(module_of(basis, "mse", members([5], pulls=[0.0]), rank=2, mixing_pull=7.0))
    left, right = module.bank.mixing
    mixing = (left @ right.mT)[0, :5, :5]
    torch.testing.assert_close(module.bank.mixing_penalty()[0], mixing.square().sum() / 5)
    batch = TrainingBatch(batch_of(cone, basis), None)
    free = module_of(basis, "mse", members([5], pulls=[0.0]), rank=2, mixing_pull=0.0)
    free.load_state_dict(module.state_dict())
    torch.testing.assert_close(module.losses(batch) - free.losses(batch), 7 * module.bank.mixing_penalty())
