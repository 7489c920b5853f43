import warnings

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from uncone.geometry import effective_dimension, isoscore, participation_ratio
from uncone.removal.spectrum import Spectrum

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import IsoScore.IsoScore as official
    from skdim.id import lPCA


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(d, seed=1):
    return torch.linalg.qr(normal(d, d, seed))[0]


def with_variances(variances):
    """Vectors of exactly these variances along random orthogonal directions, far from the origin."""
    d = len(variances)
    whitened = torch.linalg.qr(torch.cat([torch.ones(50, 1, dtype=torch.float64), normal(50, d)], dim=1))[0][:, 1:]
    return whitened * torch.tensor(variances, dtype=torch.float64).sqrt() @ rotation(d) + 3


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.99, 1.0])
def test_effective_dimension_counts_components(share):
    X = normal(300, 15) * torch.logspace(0, -1, 15)
    explained = PCA().fit(X.numpy()).explained_variance_ratio_
    expected = next(k for k in range(1, 16) if explained[:k].sum() >= share - 1e-12)
    assert effective_dimension(X, share) == expected
    if share < 1:
        assert expected == lPCA(ver="ratio", alphaRatio=share).fit(X.numpy()).dimension_


def test_effective_dimension_of_known_spectra():
    assert effective_dimension(with_variances([5, 1, 1, 1, 1])) == 4  # 5/9, 6/9, 7/9, 8/9
    for d in range(2, 20):
        for k in range(1, d + 1):
            assert effective_dimension(with_variances([1] * d), share=k / d) == k  # met exactly, whatever the rounding
    assert effective_dimension(with_variances([9, 1]), share=0.9) == 1


def test_planted_subspace():
    """7 directions of 40, with a little noise in the rest."""
    X = normal(5000, 7) @ rotation(40)[:7] + 0.01 * normal(5000, 40, seed=2)
    assert effective_dimension(X, share=0.99) == 7
    assert participation_ratio(X) == pytest.approx(7, abs=0.05)


def test_participation_ratio_is_that_of_eigenvalues():
    X = normal(300, 15) * torch.logspace(0, -1, 15) + 4
    eigenvalues = np.linalg.eigvalsh(np.cov(X.numpy().T))
    assert participation_ratio(X) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-12)
    assert participation_ratio(X) == pytest.approx(lPCA(ver="participation_ratio").fit(X.numpy()).dimension_, rel=1e-9)


@pytest.mark.parametrize("measure", [effective_dimension, participation_ratio, isoscore])
def test_invariant_to_rotation_translation_and_scale(measure):
    X = normal(100, 6) * torch.arange(1, 7)
    assert measure(1e-3 * X @ rotation(6) + 50) == pytest.approx(measure(X), rel=1e-9)


@pytest.mark.parametrize(
    ("measure", "kind"), [(effective_dimension, int), (participation_ratio, float), (isoscore, float)]
)
def test_numpy_in_number_out(measure, kind):
    X = normal(30, 4)
    assert type(measure(X.numpy())) is kind
    assert measure(X.numpy()) == measure(X)


@pytest.mark.parametrize("measure", [effective_dimension, participation_ratio, isoscore])
def test_streamed_and_merged_equal_whole(measure):
    """Far from the origin, where adding up raw squares would keep no digit."""
    X = normal(120, 5) * torch.arange(1, 6) + 1e6
    spectrum = Spectrum(5)
    for chunk in X[:50].split([1, 7, 42]):
        spectrum.update(chunk)
    assert measure(spectrum.merge(Spectrum.fit(X[50:]))) == pytest.approx(measure(X - 1e6), rel=1e-6)


@pytest.mark.parametrize("measure", [effective_dimension, participation_ratio, isoscore])
def test_refuses(measure):
    with pytest.raises(ValueError, match="at least 2 rows"):
        measure(normal(1, 3))
    with pytest.raises(ValueError, match="no variance"):
        measure(torch.ones(5, 3))
    with pytest.raises(ValueError, match="X has no variance: all 1001 rows are equal"):  # despite rounding
        measure(torch.full((1001, 7), 0.1, dtype=torch.float64))
    with pytest.raises(ValueError, match="first in row 2"):
        measure(torch.tensor([[1.0], [2.0], [torch.nan]]))


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_effective_dimension_refuses_a_share(share):
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\]"):
        effective_dimension(normal(5, 3), share)


def test_isoscore_is_the_official_one():
    for d in (2, 7, 40):
        X = normal(500, d) * torch.logspace(0, -2, d) @ rotation(d) + 5
        assert isoscore(X) == pytest.approx(float(official.IsoScore(X.numpy())), abs=1e-6)


def test_isoscore_is_the_formula_on_eigenvalues():
    X = normal(100, 8) * torch.arange(1, 9)
    eigenvalues = np.linalg.eigvalsh(np.cov(X.numpy().T))
    expected = (eigenvalues.sum() ** 2 / (eigenvalues**2).sum() - 1) / 7
    assert isoscore(X) == pytest.approx(expected, rel=1e-12)


def test_isoscore_of_known_shapes():
    assert isoscore(normal(20_000, 10)) == pytest.approx(1, abs=0.01)
    assert isoscore(normal(100, 1) @ torch.ones(1, 10, dtype=torch.float64)) == pytest.approx(0, abs=1e-12)
    X = torch.cat([normal(20_000, 4), torch.zeros(20_000, 6)], dim=1) @ rotation(10)
    assert isoscore(X) == pytest.approx(3 / 9, abs=0.01)  # k of d dimensions: (k − 1) / (d − 1)


def test_isoscore_is_a_map_of_the_participation_ratio():
    X = normal(100, 6) * torch.arange(1, 7)
    assert isoscore(X) == pytest.approx((participation_ratio(X) - 1) / 5)


def test_isoscore_refuses_a_line():
    with pytest.raises(ValueError, match="d ≥ 2, got d = 1"):
        isoscore(normal(10, 1))
