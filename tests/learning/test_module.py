"""The learned removal: a bank trains as its members would alone, and the facts known about the optimum."""

import numpy as np
import pytest
import torch
from planted_cone import (
    DIMENSION,
    PAIRS,
    basis_of,
    batch_of,
    data_module,
    fit,
    module_of,
    planted_cone,
    training,
)

from uncone.learning.bank import Member, members
from uncone.learning.basis import Basis, PairBatch, TrainingBatch
from uncone.learning.batches import EpochBatches, PairDataModule

PER_DATASET = {"name": "calibrated_mse", "settings": {"per_dataset": True}}


@pytest.fixture(scope="module")
def cone():
    return planted_cone()


@pytest.fixture(scope="module")
def basis(cone):
    return basis_of(cone)


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
    module = module_of(axes, "mse", members([D], pulls=[0], learning_rates=[0.05]), "paper")
    fit(module, data_module((e1, e2, cone[2]), axes), epochs=100)
    np.testing.assert_allclose(module.removal().weights, np.ones(D), atol=0.02)


def test_log_gains_find_the_planted_removal(cone, basis):
    module = fit(
        module_of(basis, "calibrated_mse", members([DIMENSION], pulls=[0], learning_rates=[0.05])),
        data_module(cone, basis),
        60,
    )
    gains = module.removal().gains
    assert gains[:2].max() < 0.35 * gains[2:].min()


@pytest.mark.parametrize(("parameterisation", "rank"), [("paper", 0), ("log_gains", 0), ("log_gains", 2)])
def test_members_of_a_bank_train_as_if_alone(cone, basis, parameterisation, rank):
    """Whatever they differ in, and although each seed sees the pairs in an order of its own."""
    bank = members([3, DIMENSION], [0, 5], [0.0, 0.1], [0.01, 0.03])
    options = {"parameterisation": parameterisation, "learn_centre": True, "rank": rank}
    options |= {"contrast": {"weight": 0.1, "views": 1}, "optimizer": {"gradient_clip": 0.01}}

    def trained(part):
        seeds = list(dict.fromkeys(member.seed for member in part))
        beside = {"neighbours": (cone[0][:50], cone[1][:50]), "neighbours_per_batch": 9, "views": cone[1][50:100]}
        data = data_module(cone, basis, seeds=seeds, **beside)
        return fit(
            module_of(basis, {"name": "calibrated_mse", "settings": {"per_dataset": True}}, part, **options), data, 3
        )

    together = trained(bank)
    for place in (0, 3, 5, 6, 9, 10, 12, 15):  # every three values beside each other
        member = bank[place]
        alone = trained([member])
        for ours, expected in zip(parameters(together, place), parameters(alone, 0), strict=True):
            torch.testing.assert_close(ours, expected, atol=2e-6, rtol=0)
        assert not torch.equal(alone.removal().gains, torch.ones(member.D))


def parameters(module, member) -> list[torch.Tensor]:
    return [parameter.detach()[member] for parameter in module.parameters()]


def test_second_order_reaches_the_same_optimum(cone, basis):
    """A step of L-BFGS is 20 iterations."""
    bank = members([3, DIMENSION], pulls=[0.01], learning_rates=[0.05])
    batch = TrainingBatch(batch_of(cone, basis), None)
    found = {}
    for optimizer, steps in (("start", 0), ("adam", 1200), ("lbfgs", 10)):
        settings = {"name": optimizer if steps else "adam", "gradient_clip": None}
        module = module_of(basis, "calibrated_mse", bank, learn_centre=True, optimizer=settings)
        moves = module.configure_optimizers()
        for _ in range(steps):
            module.update(moves, batch)
        found[optimizer] = module.losses(batch).detach()
    torch.testing.assert_close(found["lbfgs"], found["adam"], atol=1e-5, rtol=0)
    assert (found["lbfgs"] < 0.5 * found["start"]).all()


def test_few_pairs_are_dealt_out_in_smaller_batches(cone, basis):
    assert len(data_module(cone, basis, 64).batches) == 5  # of 300 pairs
    data = data_module(cone, basis, 64, minimum_steps=10)
    assert [rows.shape[1] for rows, _ in data.batches] == [30] * 10
    assert len(data_module(cone, basis, None, minimum_steps=10).batches) == 1


def test_learns_from_neighbours_alone(cone, basis):
    given = training(basis, None, [side[:100] for side in cone[:2]])
    data = PairDataModule(given, batch_of(cone, basis), None, [0, 1], 30)
    assert len(data.batches) == 4
    module, start = (module_of(basis, "mse", members([5], [0, 1]), contrast={"weight": 1.0}) for _ in range(2))
    fit(module, data, 20)
    assert (module.losses(given) < start.losses(given)).all()


def test_views_remove_what_sets_them_apart():
    """Along one axis a view has nothing of its sentence, which neighbours do not show: they share it."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((300, DIMENSION))
    views = np.where(np.arange(DIMENSION) == 1, rng.standard_normal((300, DIMENSION)), first)
    sides = [torch.tensor(side, dtype=torch.float32) for side in (first, first.copy(), views)]
    axes = Basis(torch.zeros(DIMENSION), torch.eye(DIMENSION), torch.ones(DIMENSION))
    gains = []
    for given in (None, sides[2]):
        data = PairDataModule(training(axes, None, sides[:2], given), None, None, [0, 1], 100)
        learner = module_of(axes, "mse", members([DIMENSION], [0, 1]), contrast={"weight": 1.0, "views": 1.0})
        gains.append(fit(learner, data, 40).bank.gains())
    without, beside = gains
    assert (without[:, 1] > 0.9).all()
    assert (beside[:, 1] < 0.7 * beside[:, 2:].min()).all()


def test_the_pull_holds_the_identity(cone, basis):
    loose = fit(
        module_of(basis, "calibrated_mse", members([DIMENSION], pulls=[0])),
        data_module(cone, basis),
        10,
    )
    tight = fit(
        module_of(basis, "calibrated_mse", members([DIMENSION], pulls=[100])),
        data_module(cone, basis),
        10,
    )
    assert tight.bank.theta.abs().max() < 0.1 * loose.bank.theta.abs().max()


def test_validation_picks_the_best_member(cone, basis):
    module = fit(
        module_of(basis, "calibrated_mse", members([1, DIMENSION], pulls=[0], learning_rates=[0.05])),
        data_module(cone, basis),
        20,
    )
    scores = module.validation_scores(data_module(cone, basis).validation)
    assert module.best_member == int(np.argmax(scores)) == 1


def test_two_runs_with_one_seed_are_bit_identical(cone, basis):
    one, two = (
        fit(module_of(basis, "calibrated_mse", members([5], [7]), "paper"), data_module(cone, basis), 3)
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
        basis, "calibrated_mse", members([3, DIMENSION]), learn_centre=True, contrast={"weight": 0.1, "views": 1}
    ).to("meta")
    pairs = PairBatch(*(part.to("meta") for part in batch_of(cone, basis)))
    neighbours = type(basis.neighbours(*cone[:2]))(*(part.to("meta") for part in basis.neighbours(*cone[:2])))
    losses = module.update(torch.optim.SGD(module.parameters()), TrainingBatch(pairs, neighbours, neighbours))
    assert losses.device.type == module.bank.theta.grad.device.type == "meta"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": [Member(DIMENSION + 1)]}, f"must lie in 1..{DIMENSION}"),
        ({"members": []}, "must lie in"),
        ({"members": [Member(1, 0), Member(1, 1), Member(2, 0)]}, "sorted by seed"),
    ],
)
def test_refuses(basis, options, message):
    with pytest.raises(ValueError, match=message):
        module_of(basis, "mse", **options)


def test_forward_needs_an_encoder(basis):
    with pytest.raises(ValueError, match="without an encoder"):
        module_of(basis, "mse", [Member(1)])(["text"])
