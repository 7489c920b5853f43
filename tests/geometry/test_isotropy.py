import math

import numpy as np
import pytest
import torch

from uncone.geometry import isotropy, log10_isotropy
from uncone.geometry.isotropy import resampled_log10_isotropy
from uncone.removal.spectrum import Spectrum
from uncone.support.arrays import BLOCK


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
        for measure in (isotropy, log10_isotropy):
            assert type(measure(X.numpy())) is float
            assert measure(X.numpy()) == measure(X)

    def test_refuses(self):
        with pytest.raises(ValueError, match='signs must be "both" or "as_computed", got \'plus\''):
            isotropy(normal(5, 2), "plus")
        with pytest.raises(ValueError, match="at least 2 rows"):
            isotropy(normal(1, 2))
        with pytest.raises(ValueError, match="first in row 1"):
            isotropy(torch.tensor([[1.0, 2.0], [torch.inf, 0.0]]))

    def test_a_spectrum_at_hand_changes_nothing(self):
        X = normal(300, 6) + 0.4
        assert log10_isotropy(X, spectrum=Spectrum.fit(X)) == log10_isotropy(X)

    @pytest.mark.parametrize("signs", ["both", "as_computed"])
    def test_weights_repeat_vectors(self, signs):
        """Along the same directions: those of the vectors as they were given."""
        X = normal(40, 4) + 0.3
        times = torch.randint(0, 3, (2, 40), generator=torch.Generator().manual_seed(0))
        found = resampled_log10_isotropy(X, times.double(), signs)
        _, U = torch.linalg.eigh(Spectrum.fit(X).second_moment)
        U = U if signs == "as_computed" else torch.cat([U, -U], dim=1)
        for weights, value in zip(times, found, strict=True):
            F = (X.repeat_interleave(weights, 0) @ U).exp().sum(0)
            assert value.item() == pytest.approx(math.log10(F.min() / F.max()), rel=1e-9)
