import math
import warnings

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from uncone.geometry import (
    EffectiveDimension,
    IsoScore,
    Isotropy,
    Log10Isotropy,
    ParticipationRatio,
    isoscore,
    isotropy,
    log10_isotropy,
    participation_ratio,
)
from uncone.geometry.rows import BLOCK

from .streams import assert_streams

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import IsoScore.IsoScore as official


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(d, seed=1):
    return torch.linalg.qr(normal(d, d, seed))[0]


def partition_ratio(X, signs):
    """The definition, with one exp per vector and direction, in numpy."""
    _, U = np.linalg.eigh(X.T @ X)
    directions = U.T if signs == "as_computed" else np.concatenate([U.T, -U.T])
    F = [sum(math.exp(u @ x) for x in X) for u in directions]
    return min(F) / max(F)


class TestIsotropy:
    @pytest.mark.parametrize("signs", ["both", "as_computed"])
    def test_is_the_ratio_of_partition_functions(self, signs):
        X = (normal(300, 6) * torch.arange(1, 7) / 3 + 0.4).numpy()
        assert isotropy(X, signs) == pytest.approx(partition_ratio(X, signs), rel=1e-10)

    def test_signs_matter(self):
        X = normal(300, 6) * 0.5 + 0.4
        assert isotropy(X, "both") < isotropy(X, "as_computed")

    def test_spans_blocks(self):
        X = (normal(BLOCK + 100, 3) + 0.4).numpy()
        assert isotropy(X) == pytest.approx(partition_ratio(X, "both"), rel=1e-10)

    def test_of_a_gaussian(self):
        """F(u) = n exp(σ²/2) along every u, so 1 but for sampling; a mean of length m makes it exp(−2 m)."""
        X = normal(40_000, 5) * 0.3
        assert isotropy(X) == pytest.approx(1, abs=0.02)
        X[:, 2] += 1.5
        assert isotropy(X) == pytest.approx(math.exp(-3), rel=0.02)

    def test_of_unequal_variances(self):
        """F(u_i) = n exp(λ_i / 2) for a centred Gaussian with eigenvalues λ."""
        X = normal(100_000, 3) * torch.tensor([1.0, 0.5, 0.1])
        assert isotropy(X) == pytest.approx(math.exp((0.01 - 1) / 2), rel=0.02)

    def test_stays_finite_where_it_underflows(self):
        X = normal(50, 4)
        X[:, 0] += 2000
        assert isotropy(X) == 0.0
        assert log10_isotropy(X) == pytest.approx(-2 * 2000 / math.log(10), rel=0.01)

    def test_is_invariant_to_rotation_and_order(self):
        X = normal(200, 5) * torch.arange(1, 6) / 4 + 0.3
        value = isotropy(X)
        assert isotropy(X @ rotation(5)) == pytest.approx(value, rel=1e-9)
        assert isotropy(X.flip(0)) == pytest.approx(value, rel=1e-9)

    def test_is_not_invariant_to_scale_or_translation(self):
        X = normal(200, 5) + 0.3
        assert isotropy(2 * X) < 0.5 * isotropy(X)
        assert isotropy(X + 1) < 0.5 * isotropy(X)

    def test_float32_is_computed_in_float64(self):
        X = (normal(300, 6) + 10).float()
        assert log10_isotropy(X) == pytest.approx(log10_isotropy(X.double()), rel=1e-12)

    def test_accepts_numpy_and_returns_a_float(self):
        X = normal(30, 4)
        for measure in (isotropy, log10_isotropy, isoscore):
            assert type(measure(X.numpy())) is float
            assert measure(X.numpy()) == measure(X)

    def test_refuses(self):
        with pytest.raises(ValueError, match='signs must be "both" or "as_computed", got \'plus\''):
            isotropy(normal(5, 2), "plus")
        with pytest.raises(ValueError, match="at least 2 rows"):
            isotropy(normal(1, 2))
        with pytest.raises(ValueError, match="first in row 1"):
            isotropy(torch.tensor([[1.0, 2.0], [torch.inf, 0.0]]))

    @pytest.mark.parametrize("signs", ["both", "as_computed"])
    def test_metrics(self, signs):
        X = normal(120, 5) + 0.2
        assert_streams(lambda: Isotropy(signs), (X,), isotropy(X, signs))
        assert_streams(lambda: Log10Isotropy(signs), (X,), log10_isotropy(X, signs))


class TestIsoScore:
    def test_is_the_official_one(self):
        for d in (2, 7, 40):
            X = normal(500, d) * torch.logspace(0, -2, d) @ rotation(d) + 5
            assert isoscore(X) == pytest.approx(float(official.IsoScore(X.numpy())), abs=1e-6)

    def test_is_the_formula_on_eigenvalues(self):
        X = normal(100, 8) * torch.arange(1, 9)
        eigenvalues = np.linalg.eigvalsh(np.cov(X.numpy().T))
        expected = (eigenvalues.sum() ** 2 / (eigenvalues**2).sum() - 1) / 7
        assert isoscore(X) == pytest.approx(expected, rel=1e-12)

    def test_of_known_shapes(self):
        assert isoscore(normal(20_000, 10)) == pytest.approx(1, abs=0.01)
        assert isoscore(normal(100, 1) @ torch.ones(1, 10, dtype=torch.float64)) == pytest.approx(0, abs=1e-12)
        X = torch.cat([normal(20_000, 4), torch.zeros(20_000, 6)], dim=1) @ rotation(10)
        assert isoscore(X) == pytest.approx(3 / 9, abs=0.01)  # k of d dimensions: (k − 1) / (d − 1)

    def test_is_invariant_to_rotation_translation_and_scale(self):
        X = normal(100, 6) * torch.arange(1, 7)
        assert isoscore(0.01 * X @ rotation(6) - 100) == pytest.approx(isoscore(X), rel=1e-9)

    def test_is_a_map_of_the_participation_ratio(self):
        X = normal(100, 6) * torch.arange(1, 7)
        assert isoscore(X) == pytest.approx((participation_ratio(X) - 1) / 5)

    def test_refuses(self):
        with pytest.raises(ValueError, match="d ≥ 2, got d = 1"):
            isoscore(normal(10, 1))
        with pytest.raises(ValueError, match="X has no variance: all 4 rows are equal"):
            isoscore(torch.ones(4, 3))

    def test_metric(self):
        X = normal(120, 5) * torch.arange(1, 6) + 3
        assert_streams(lambda: IsoScore(dim=5), (X,), isoscore(X))


def test_measures_of_moments_share_one_pass_in_a_collection():
    X = normal(60, 5)
    collection = MetricCollection([IsoScore(dim=5), ParticipationRatio(dim=5), EffectiveDimension(dim=5), Isotropy()])
    for chunk in X.split(20):
        collection.update(X=chunk)
    assert sorted(map(len, collection.compute_groups.values())) == [1, 3]
    assert collection.compute()["IsoScore"].item() == pytest.approx(isoscore(X))
