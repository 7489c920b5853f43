import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.decomposition import PCA

from uncone.geometry import frequency_correlation
from uncone.removal.spectrum import Spectrum

ORACLES = {"pearson": pearsonr, "spearman": spearmanr}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def words():
    """Vectors (3000, 8) of decreasing variances, and log counts (3000,), with ties, along some directions."""
    X = torch.randn(3000, 8, generator=generator(), dtype=torch.float64) * torch.arange(8, 0, -1)
    log_counts = (X[:, 0] - 2 * X[:, 2] + torch.randn(3000, generator=generator(1)) * 3).round() / 8
    basis = torch.linalg.qr(torch.randn(8, 8, generator=generator(2), dtype=torch.float64))[0]
    return X @ basis + 20, log_counts


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_is_the_correlation_with_sklearns_projections(words, method):
    X, log_counts = (array.numpy() for array in words)
    projections = PCA(svd_solver="full").fit_transform(X)
    expected = [ORACLES[method](projection, log_counts).statistic for projection in projections.T]
    correlations = frequency_correlation(X, log_counts, components=8, method=method)
    np.testing.assert_allclose(correlations, expected, atol=1e-9)  # signs included


def test_methods_differ_where_frequency_is_not_linear(words):
    X, log_counts = words
    raw = log_counts.exp()
    pearson = [frequency_correlation(X, f, components=3) for f in (log_counts, raw)]
    spearman = [frequency_correlation(X, f, components=3, method="spearman") for f in (log_counts, raw)]
    assert (pearson[0] - pearson[1]).abs().max() > 0.1
    torch.testing.assert_close(*spearman)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
@pytest.mark.parametrize("planted", [0, 2])
def test_finds_a_planted_direction(planted, method):
    """Frequency is one of the principal components, plus noise that leaves a correlation of 0.8."""
    X = torch.randn(20_000, 6, generator=generator(), dtype=torch.float64) * torch.arange(6, 0, -1)
    log_counts = 0.8 * X[:, planted] / (6 - planted) + 0.6 * torch.randn(20_000, generator=generator(1))
    correlations = frequency_correlation(X, log_counts, components=4, method=method).abs()
    assert correlations.argmax() == planted
    assert correlations[planted].item() == pytest.approx(0.8, abs=0.03)
    assert correlations.sort().values[-2] < 0.05


def test_absolute_values_are_invariant_to_rotation_translation_and_scale(words):
    X, log_counts = words
    basis = torch.linalg.qr(torch.randn(8, 8, generator=generator(3), dtype=torch.float64))[0]
    moved = frequency_correlation(0.1 * X @ basis - 7, 3 * log_counts + 1, components=8)
    torch.testing.assert_close(moved.abs(), frequency_correlation(X, log_counts, components=8).abs())


def test_sign_follows_the_largest_coordinate():
    """Nothing else can tell u from −u: turning an axis round turns the sign of its correlation."""
    X = torch.tensor([[-3.0, 0.1], [-1.0, -0.1], [1.0, -0.1], [3.0, 0.1]])
    log_counts = torch.arange(4)
    assert frequency_correlation(X, log_counts, components=1).item() == pytest.approx(1)
    assert frequency_correlation(-X, log_counts, components=1).item() == pytest.approx(-1)


def test_answers_in_the_kind_given(words):
    X, log_counts = words
    for method in ORACLES:
        from_torch = frequency_correlation(X, log_counts.numpy(), components=3, method=method)
        from_numpy = frequency_correlation(X.numpy(), log_counts, components=3, method=method)
        assert isinstance(from_torch, torch.Tensor)
        assert isinstance(from_numpy, np.ndarray)
        assert from_numpy.shape == (3,)
        np.testing.assert_array_equal(from_torch.numpy(), from_numpy)


def test_never_leaves_the_range():
    """Whatever the rounding: all variance, and log frequency, is along one line."""
    for seed in range(50):
        along = torch.randn(50, generator=generator(seed), dtype=torch.float64)
        X = along[:, None] * torch.tensor([0.3, 0.7, -0.2], dtype=torch.float64)
        assert 1 - 1e-9 < frequency_correlation(X, along, components=1).item() <= 1


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_refuses(words, method):
    X, log_counts = words
    with pytest.raises(ValueError, match="log_counts has no variance"):
        frequency_correlation(X, torch.full((3000,), 3.7), method=method, components=2)
    with pytest.raises(ValueError, match=r"log_counts must hold 3000 values.*\(2999,\)"):
        frequency_correlation(X, log_counts[1:], method=method)
    with pytest.raises(ValueError, match=r"log_counts holds NaN or infinity, first at 4; is log\(0\)"):
        frequency_correlation(X, torch.where(torch.arange(3000) == 4, -torch.inf, log_counts), method=method)
    for components in (0, 9):
        with pytest.raises(ValueError, match=rf"components must lie in \[1, 8\].*got {components}"):
            frequency_correlation(X, log_counts, components, method)
    with pytest.raises(ValueError, match="X has no variance"):
        frequency_correlation(torch.ones(5, 2), torch.arange(5), 1, method)


def test_components_end_at_the_rank():
    X = torch.randn(5, 30, generator=generator())
    assert frequency_correlation(X, torch.arange(5), components=4).shape == (4,)
    with pytest.raises(ValueError, match=r"components must lie in \[1, 4\]"):
        frequency_correlation(X, torch.arange(5), components=5)


def test_refuses_an_unknown_method(words):
    with pytest.raises(ValueError, match='method must be "pearson" or "spearman", got \'kendall\''):
        frequency_correlation(*words, method="kendall")


def test_components_of_the_whole_against_the_frequency_of_a_part(words):
    X, log_counts = words
    spectrum = Spectrum(8)
    for chunk in X.split(700):
        spectrum.update(chunk)
    torch.testing.assert_close(
        frequency_correlation(X, log_counts, spectrum=spectrum, components=8),
        frequency_correlation(X, log_counts, components=8),
    )
    projections = PCA(svd_solver="full").fit(X.numpy()).transform(X[:400].numpy())
    expected = [pearsonr(projection, log_counts[:400].numpy()).statistic for projection in projections.T]
    part = frequency_correlation(X[:400], log_counts[:400], components=8, spectrum=spectrum)
    np.testing.assert_allclose(part, expected, atol=1e-9)
