"""Every objective against a direct computation."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr

from uncone.learning.objectives import (
    CalibratedMeanSquaredError,
    MeanSquaredError,
    PearsonLoss,
    RankLoss,
    neighbour_contrast,
    relative_alignment,
)

N, MEMBERS = 60, 3


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    predictions = torch.rand(N, MEMBERS, generator=generator, requires_grad=True)
    scores = torch.randint(-4, 5, (N,), generator=generator) / 4
    dataset = torch.arange(N) // 40  # 40 pairs of set 0, 20 of set 1
    return predictions, scores, dataset


def test_mean_squared_error(batch):
    predictions, scores, _ = batch
    expected = [(predictions[:, m] - scores).square().mean() for m in range(MEMBERS)]
    torch.testing.assert_close(MeanSquaredError()(*batch), torch.stack(expected))


@pytest.mark.parametrize("per_dataset", [False, True])
def test_calibration_is_one_line_for_all_or_for_each_set(batch, per_dataset):
    predictions, scores, dataset = batch
    objective = CalibratedMeanSquaredError(MEMBERS, 2, per_dataset)
    assert objective.scale.shape == (MEMBERS, 2 if per_dataset else 1)
    torch.testing.assert_close(objective(*batch), MeanSquaredError()(*batch))  # starts without any
    with torch.no_grad():
        objective.scale[1, 0], objective.offset[1, -1] = 2.0, -1.0
    scale, offset = (
        (torch.where(dataset == 0, 2.0, 1.0), torch.where(dataset == 1, -1.0, 0.0)) if per_dataset else (2.0, -1.0)
    )
    torch.testing.assert_close(objective(*batch)[1], (scale * predictions[:, 1] + offset - scores).square().mean())


def test_pearson_is_scipys_inside_each_set(batch):
    predictions, scores, dataset = batch
    values = PearsonLoss(datasets=2)(*batch).detach()
    for m in range(MEMBERS):
        r = [pearsonr(predictions[dataset == i, m].detach(), scores[dataset == i])[0] for i in (0, 1)]
        assert float(values[m]) == pytest.approx(1 - np.average(r, weights=[40, 20]), abs=1e-5)


def test_rank_counts_couples_of_one_set(batch):
    predictions, scores, dataset = batch
    couples = [(i, j) for i in range(N) for j in range(N) if scores[i] > scores[j] and dataset[i] == dataset[j]]
    expected = [
        np.mean([np.logaddexp(0, float((predictions[j, m] - predictions[i, m]).detach()) / 0.1) for i, j in couples])
        for m in range(MEMBERS)
    ]
    np.testing.assert_allclose(RankLoss(temperature=0.1)(*batch).detach(), expected, rtol=1e-5)


def test_rank_of_ties_says_nothing(batch):
    predictions, _, dataset = batch
    loss = RankLoss()(predictions, torch.zeros(N), dataset)
    loss.sum().backward()
    assert not loss.any()
    assert not predictions.grad.any()


def test_temperature_must_be_positive():
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        RankLoss(temperature=0)


@pytest.mark.parametrize(
    "objective",
    [PearsonLoss(datasets=2), RankLoss(), CalibratedMeanSquaredError(2 * MEMBERS, 2, True), MeanSquaredError()],
)
def test_seeds_stand_side_by_side(batch, objective):
    """Two seeds, each with pairs in an order of its own, are two batches."""
    predictions, scores, dataset = batch
    order = torch.stack([torch.arange(N), torch.arange(N).flip(0)])
    losses = objective(predictions[order], scores[order], dataset[order])
    assert losses.shape == (2, MEMBERS)
    for seed in (0, 1):
        one = CalibratedMeanSquaredError(MEMBERS, 2, True) if list(objective.parameters()) else objective
        expected = one(predictions[order[seed]], scores[order[seed]], dataset[order[seed]])
        torch.testing.assert_close(losses[seed], expected)


@pytest.mark.parametrize(
    "objective", [PearsonLoss(datasets=2), RankLoss(), CalibratedMeanSquaredError(MEMBERS), MeanSquaredError()]
)
def test_members_share_no_gradient(batch, objective):
    predictions, *_ = batch
    objective(*batch)[0].backward()
    assert predictions.grad[:, 0].any()
    assert not predictions.grad[:, 1:].any()


def test_contrast_is_cross_entropy_both_ways():
    cosines = torch.rand(MEMBERS, 9, 9, generator=torch.Generator().manual_seed(0)) * 2 - 1
    labels = torch.arange(9)
    for member, value in enumerate(neighbour_contrast(cosines, 0.05)):
        logits = cosines[member] / 0.05
        expected = torch.nn.functional.cross_entropy(logits, labels) + torch.nn.functional.cross_entropy(
            logits.T, labels
        )
        torch.testing.assert_close(value, expected / 2)


def test_relative_alignment_is_a_ratio_of_squared_distances():
    generator = torch.Generator().manual_seed(0)
    x = torch.nn.functional.normalize(torch.randn(MEMBERS, 9, 4, generator=generator), dim=-1)
    y = torch.nn.functional.normalize(x + 0.3 * torch.randn(MEMBERS, 9, 4, generator=generator), dim=-1)
    for member, value in enumerate(relative_alignment(x @ y.mT)):
        apart = torch.tensor([[float((a - b).square().sum()) for b in y[member]] for a in x[member]])
        torch.testing.assert_close(value, (apart.diagonal().mean() / apart.mean()).log())


def test_relative_alignment_is_not_made_smaller_by_drawing_everything_together():
    """Cosines halfway to 1 leave it as it is; equal pairs, and equal everything, are finite."""
    cosines = torch.rand(1, 6, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(relative_alignment((1 + cosines) / 2), relative_alignment(cosines))
    equal = torch.ones(1, 6, 6, requires_grad=True)
    relative_alignment(equal).sum().backward()
    assert torch.isfinite(relative_alignment(equal)).all()
    assert torch.isfinite(equal.grad).all()
