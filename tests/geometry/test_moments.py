import numpy as np
import pytest
import torch

from uncone.geometry import EffectiveDimension, IsoScore, ParticipationRatio
from uncone.geometry.moments import covariance, merge, moments
from uncone.geometry.rows import BLOCK, add_gram


@pytest.fixture(scope="module")
def X():
    return torch.randn(BLOCK + 50, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 2


def test_covariance_is_numpys(X):
    np.testing.assert_allclose(covariance(moments(X)), np.cov(X.numpy().T, bias=True), rtol=1e-12)


def test_merging_is_exact_far_from_the_origin(X):
    """The mean is 1e8 standard deviations away: adding up raw squares would keep no digit of the covariance."""
    far = X + 3e8
    parts = torch.stack([moments(part) for part in far.split(300)])
    np.testing.assert_allclose(covariance(merge(parts)), np.cov((far - 3e8).numpy().T, bias=True), rtol=1e-6, atol=1e-6)


def test_nothing_is_the_neutral_element(X):
    nothing = torch.zeros(10, 10, dtype=torch.float64)
    assert torch.equal(merge(torch.stack([nothing, nothing])), nothing)
    torch.testing.assert_close(merge(torch.stack([nothing, moments(X), nothing])), moments(X))


@pytest.mark.parametrize("d", [1, 127, 128, 129, 300])
def test_gram_is_the_full_product(d):
    """Widths around that of a strip."""
    block = torch.randn(20, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    total = torch.eye(d, dtype=torch.float64)
    add_gram(total, block)
    torch.testing.assert_close(total, block.T @ block + torch.eye(d))


@pytest.mark.parametrize("metric", [EffectiveDimension, IsoScore, ParticipationRatio])
def test_metrics_refuse(metric):
    few = metric(dim=3)
    with pytest.raises(ValueError, match="dim=3 columns"):
        few.update(torch.ones(2, 4))
    few.update(torch.ones(1, 3))
    with pytest.raises(ValueError, match="at least 2 rows to have a variance, got 1"):
        few.compute()
    few.update(torch.ones(1, 3))
    with pytest.raises(ValueError, match="no variance: all 2 rows are equal"):
        few.compute()


def test_equal_rows_are_recognised_despite_rounding():
    with pytest.raises(ValueError, match="no variance"):
        covariance(moments(torch.full((1001, 7), 0.1)))
