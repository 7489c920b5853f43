"""The learned removal: its cosines, its bank of members, and the facts known about its optimum."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from uncone.bank import Member, RemovalBank, members
from uncone.data.basis import Basis, PairBatch, TrainingBatch
from uncone.data.pair_module import EpochBatches, PairDataModule
from uncone.data.pairs import ScoredPairs
from uncone.module import RemovalModule
from uncone.objectives import CalibratedMeanSquaredError, MeanSquaredError
from uncone.spectrum import Spectrum

DIMENSION, PAIRS = 12, 400


@pytest.fixture(scope="module")
def cone() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
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


@pytest.fixture(scope="module")
def basis(cone) -> Basis:
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
    return basis.pairs(*cone, torch.zeros(PAIRS, dtype=torch.long)).batch()


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


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("parameterisation", ["paper", "log_gains"])
@pytest.mark.parametrize("learn_centre", [False, True])
@pytest.mark.parametrize("k", [4, DIMENSION])
def test_similarities_are_the_cosines_of_corrected_vectors(cone, basis, parameterisation, learn_centre, k, rank):
    part = Basis(basis.centre, basis.components[:, :k], basis.eigenvalues[:k])
    module = disturb(module_of(part, MeanSquaredError(), members([2, k], [3]), parameterisation, learn_centre, rank))
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
    module = disturb(module_of(part, MeanSquaredError(), members([2, k]), learn_centre=True, rank=rank))
    with torch.no_grad():
        predicted = module.bank.sentence_similarities(part.neighbours(cone[0][:20], cone[1][:20]))
    for member in range(2):
        e1, e2 = (torch.nn.functional.normalize(module.removal(member).apply(e[:20].double())) for e in cone[:2])
        torch.testing.assert_close(predicted[member].double(), e1 @ e2.T, atol=2e-5, rtol=0)


def test_starts_at_the_identity(cone, basis):
    module = module_of(basis, MeanSquaredError(), members([DIMENSION]))
    assert torch.equal(module.bank.gains(), torch.ones(1, DIMENSION))


def test_w_and_2_minus_w_are_the_same_model(cone, basis):
    """The loss sees (1 − w)² alone."""
    module = module_of(basis, MeanSquaredError(), members([DIMENSION], [1]), "paper")
    batch = batch_of(cone, basis)
    with torch.no_grad():
        before = module.bank.similarities(batch)
        module.bank.theta.copy_(2 - module.bank.theta)
        torch.testing.assert_close(module.bank.similarities(batch), before)


@pytest.mark.parametrize("D", [1, 2, 3])
def test_full_removal_is_a_stationary_point_of_the_paper(cone, basis, D):
    """At w = 1 the gradient of the paper's parameterisation vanishes, whatever the data."""
    module = module_of(basis, MeanSquaredError(), members([D], pulls=[0]), "paper")
    with torch.no_grad():
        module.bank.theta[:, :D] = 1
    batch = batch_of(cone, basis)
    module.objective(module.bank.similarities(batch), batch.score, batch.dataset).sum().backward()
    module.bank.keep_in_place()
    assert module.bank.theta.grad.abs().max() < 1e-6


@pytest.mark.parametrize("D", [1, 2, 3])
def test_the_paper_converges_to_full_removal_of_dominant_components(cone, D):
    """Liang et al. print weights of exactly 1.0000 for D ≤ 3: their learned removal is all-but-the-top there.

    So it is wherever the leading components only lift all cosines, as the offset of a narrow cone does.
    """
    e1, e2 = (
        torch.cat([6 + torch.randn(PAIRS, D, generator=torch.Generator().manual_seed(i)), cone[i][:, 2:]], 1)
        for i in (0, 1)
    )
    axes = Basis(torch.zeros(e1.shape[1]), torch.eye(e1.shape[1], D), torch.ones(D))
    module = module_of(axes, MeanSquaredError(), members([D], pulls=[0], learning_rates=[0.05]), "paper")
    fit(module, data_module((e1, e2, cone[2]), axes), epochs=150)
    np.testing.assert_allclose(module.removal().weights, np.ones(D), atol=0.02)


def test_log_gains_find_the_planted_removal(cone, basis):
    module = fit(
        module_of(basis, CalibratedMeanSquaredError(), members([DIMENSION], pulls=[0], learning_rates=[0.05])),
        data_module(cone, basis),
        60,
    )
    gains = module.removal().gains
    assert gains[:2].max() < 0.35 * gains[2:].min()


@pytest.mark.parametrize(("parameterisation", "rank"), [("paper", 0), ("log_gains", 0), ("log_gains", 2)])
def test_members_of_a_bank_train_as_if_alone(cone, basis, parameterisation, rank):
    """Whatever they differ in, and although each seed sees the pairs in an order of its own."""
    bank = members([3, DIMENSION], [0, 5], [0.0, 0.1], [0.01, 0.03])
    options = {"parameterisation": parameterisation, "learn_centre": True, "contrast": 0.1, "rank": rank}
    options["gradient_clip"] = 0.01

    def trained(part):
        seeds = list(dict.fromkeys(member.seed for member in part))
        data = data_module(cone, basis, seeds=seeds, neighbours=(cone[0][:50], cone[1][:50]), neighbours_per_batch=9)
        return fit(module_of(basis, CalibratedMeanSquaredError(len(part), 1, True), part, **options), data, 5)

    together = trained(bank)
    for place, member in enumerate(bank):
        alone = trained([member])
        for ours, expected in zip(parameters(together, place), parameters(alone, 0), strict=True):
            torch.testing.assert_close(ours, expected, atol=2e-6, rtol=0)
        assert not torch.equal(alone.removal().gains, torch.ones(member.components))


def parameters(module, member) -> list[torch.Tensor]:
    return [parameter.detach()[member] for parameter in module.parameters()]


def test_second_order_reaches_the_same_optimum(cone, basis):
    """A step of L-BFGS is 20 iterations."""
    bank = members([3, DIMENSION], pulls=[0.01], learning_rates=[0.05])
    batch = TrainingBatch(batch_of(cone, basis), None)
    found = {}
    for optimizer, steps in (("start", 0), ("adam", 2500), ("lbfgs", 10)):
        options = {"learn_centre": True, "gradient_clip": None, "optimizer": optimizer if steps else "adam"}
        module = module_of(basis, CalibratedMeanSquaredError(2), bank, **options)
        moves = module.configure_optimizers()
        for _ in range(steps):
            module.update(moves, batch)
        found[optimizer] = module.losses(batch).detach()
    torch.testing.assert_close(found["lbfgs"], found["adam"], atol=1e-5, rtol=0)
    assert (found["lbfgs"] < 0.5 * found["start"]).all()


def test_mixing_finds_directions_that_no_gain_of_a_component_can(cone, basis):
    """The noise lies across the components: in the basis of a turned spectrum, gains alone cannot remove it."""
    turn = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION, generator=torch.Generator().manual_seed(0)))[0]
    turned = Basis(basis.centre, turn.double(), torch.ones(DIMENSION, dtype=torch.float64))
    batch = TrainingBatch(batch_of(cone, turned), None)
    found = {}
    for rank in (0, 2):
        bank = members([DIMENSION], pulls=[0.0], learning_rates=[0.03])
        options = {"rank": rank, "mixing_pull": 0.0, "gradient_clip": None}
        module = module_of(turned, CalibratedMeanSquaredError(), bank, **options)
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


def test_strength_is_a_power_of_the_map(cone, basis):
    """Half the strength, applied twice, is the whole."""
    half, whole = (
        disturb(module_of(basis, MeanSquaredError(), members([DIMENSION]), rank=2, strength=strength)).removal()
        for strength in (0.5, 1.0)
    )
    W, V = (removal.fold()[0].double() for removal in (half, whole))
    torch.testing.assert_close(W @ W, V, atol=1e-5, rtol=0)


def test_a_strong_pull_keeps_the_components(cone, basis):
    module = disturb(module_of(basis, MeanSquaredError(), members([5], pulls=[0.0]), rank=2, mixing_pull=7.0))
    left, right = module.bank.mixing
    mixing = (left @ right.mT)[0, :5, :5]
    torch.testing.assert_close(module.bank.mixing_penalty()[0], mixing.square().sum() / 5)
    batch = TrainingBatch(batch_of(cone, basis), None)
    free = module_of(basis, MeanSquaredError(), members([5], pulls=[0.0]), rank=2, mixing_pull=0.0)
    free.load_state_dict(module.state_dict())
    torch.testing.assert_close(module.losses(batch) - free.losses(batch), 7 * module.bank.mixing_penalty())


def test_few_pairs_are_dealt_out_in_smaller_batches(cone, basis):
    assert len(data_module(cone, basis, 64).batches()) == 5  # of 300 pairs
    data = data_module(cone, basis, 64, minimum_steps=10)
    assert [rows.shape[1] for rows, _ in data.batches()] == [30] * 10
    assert len(data_module(cone, basis, None, minimum_steps=10).batches()) == 1


def test_learns_from_neighbours_alone(cone, basis):
    e1, e2, scores = cone
    validation = (pairs_of(scores[:50]), e1[:50], e2[:50])
    data = PairDataModule(None, validation, basis, None, [0, 1], (e1[:100], e2[:100]), 30)
    assert len(data.train_dataloader().batch_sampler.sampler) == 4
    module = fit(module_of(basis, MeanSquaredError(), members([5], [0, 1]), contrast=1.0), data, 20)
    batch = TrainingBatch(None, basis.neighbours(e1[:100], e2[:100]))
    start = module_of(basis, MeanSquaredError(), members([5], [0, 1]), contrast=1.0)
    assert (module.losses(batch) < start.losses(batch)).all()


def test_the_pull_holds_the_identity(cone, basis):
    loose = fit(
        module_of(basis, CalibratedMeanSquaredError(), members([DIMENSION], pulls=[0])),
        data_module(cone, basis),
        10,
    )
    tight = fit(
        module_of(basis, CalibratedMeanSquaredError(), members([DIMENSION], pulls=[100])),
        data_module(cone, basis),
        10,
    )
    assert tight.bank.theta.abs().max() < 0.1 * loose.bank.theta.abs().max()


def test_validation_picks_the_best_member(cone, basis):
    module = fit(
        module_of(basis, CalibratedMeanSquaredError(2), members([1, DIMENSION], pulls=[0], learning_rates=[0.05])),
        data_module(cone, basis),
        20,
    )
    scores = module.validation_scores(data_module(cone, basis).validation)
    assert module.best_member == int(np.argmax(scores)) == 1


def test_two_runs_with_one_seed_are_bit_identical(cone, basis):
    one, two = (
        fit(module_of(basis, CalibratedMeanSquaredError(), members([5], [7]), "paper"), data_module(cone, basis), 3)
        for _ in range(2)
    )
    assert torch.equal(one.bank.theta, two.bank.theta)


def test_batches_depend_on_seed_and_epoch_alone():
    batches = EpochBatches(10, 4, seeds=[0, 1], neighbours=7, neighbours_per_batch=3)
    first = [(rows.tolist(), beside.tolist()) for rows, beside in batches]
    batches.set_epoch(1)
    second = [(rows.tolist(), beside.tolist()) for rows, beside in batches]
    batches.set_epoch(0)
    assert [(rows.tolist(), beside.tolist()) for rows, beside in batches] == first != second
    for seed in (0, 1):
        assert sorted(row for rows, _ in second for row in rows[seed]) == list(range(10))
        assert all(len(set(beside[seed])) == 3 for _, beside in second)
    alone = EpochBatches(10, 4, seeds=[1], neighbours=7, neighbours_per_batch=3)
    assert [(rows.tolist()[0], beside.tolist()[0]) for rows, beside in alone] == [(r[1], b[1]) for r, b in first]


def test_the_training_step_moves_nothing_between_devices(cone, basis):
    """On torch's meta device a hidden copy to the host (`.item()`, `.numpy()`) is an error."""
    module = module_of(
        basis, CalibratedMeanSquaredError(2), members([3, DIMENSION]), learn_centre=True, contrast=0.1
    ).to("meta")
    pairs = PairBatch(*(part.to("meta") for part in batch_of(cone, basis)))
    neighbours = type(basis.neighbours(*cone[:2]))(*(part.to("meta") for part in basis.neighbours(*cone[:2])))
    losses = module.update(torch.optim.SGD(module.parameters()), TrainingBatch(pairs, neighbours))
    assert losses.device.type == module.bank.theta.grad.device.type == "meta"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": [Member(DIMENSION + 1)]}, f"must lie in 1..{DIMENSION}"),
        ({"members": []}, "must lie in"),
        ({"members": [Member(1, 0), Member(1, 1), Member(2, 0)]}, "sorted by seed"),
        ({"members": [Member(1)], "parameterisation": "sigmoid"}, "unknown parameterisation 'sigmoid'"),
        ({"members": [Member(1)], "parameterisation": "paper", "strength": 0.5}, "strength must be 1, got 0.5"),
        ({"members": [Member(1)], "optimizer": "lbfgs"}, "gradient_clip None, got 0.0 and 1.0"),
    ],
)
def test_refuses(basis, options, message):
    with pytest.raises(ValueError, match=message):
        module_of(basis, MeanSquaredError(), **options)


def test_forward_needs_an_encoder(basis):
    with pytest.raises(ValueError, match="without an encoder"):
        module_of(basis, MeanSquaredError(), [Member(1)])(["text"])
