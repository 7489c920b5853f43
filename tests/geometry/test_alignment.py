import time

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.special import hyp0f1

from uncone.geometry import alignment, uniformity, uniformity_terms
from uncone.geometry.alignment import _TILE


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def units(X):
    return X / X.norm(dim=1, keepdim=True)


def log_mean_potential(X, t=2.0):
    """The definition: all pairs."""
    return np.log(np.mean(np.exp(-t * pdist(units(X).numpy(), "sqeuclidean"))))


def on_the_sphere(d, t=2.0):
    """Uniformity of the uniform distribution on the sphere of d dimensions, from its moment generating function."""
    return -2 * t + np.log(hyp0f1(d / 2, t * t))


class TestAlignment:
    def test_is_the_mean_over_pairs(self):
        X, Y = normal(300, 7), normal(300, 7, seed=1)
        pairs = zip(X.numpy(), Y.numpy(), strict=True)
        expected = np.mean([np.sum((x / np.linalg.norm(x) - y / np.linalg.norm(y)) ** 2) for x, y in pairs])
        assert alignment(X, Y) == pytest.approx(expected, abs=1e-13)
        assert isinstance(alignment(X.numpy(), Y.numpy()), float)

    def test_planted_angles(self):
        """Partners turned by θ are at squared distance 2 − 2 cos θ."""
        angles = torch.linspace(0, torch.pi, 50, dtype=torch.float64)
        X = torch.tensor([[2.0, 0.0]], dtype=torch.float64).repeat(50, 1)
        Y = 5 * torch.stack([angles.cos(), angles.sin()], dim=1)
        assert alignment(X, Y) == pytest.approx(float((2 - 2 * angles.cos()).mean()), abs=1e-14)
        assert alignment(X, X) == 0
        assert alignment(X, -X) == 4

    def test_errors(self):
        X = torch.eye(3)
        with pytest.raises(ValueError, match=r"of one shape, got \(3, 3\) and \(2, 3\)"):
            alignment(X, X[:2])
        with pytest.raises(ValueError, match="row 1 of X is a zero vector"):
            alignment(X, X * torch.tensor([[1.0], [0.0], [1.0]]))
        with pytest.raises(ValueError, match="Y holds NaN or infinity, first in row 0"):
            alignment(X, X * torch.nan)


class TestUniformity:
    @pytest.mark.parametrize("n", [2, 3, 400, _TILE + 3])  # beyond one tile, too
    def test_is_the_mean_over_pairs(self, n):
        X = normal(n, 5) + 0.5
        assert uniformity(X) == pytest.approx(log_mean_potential(X), abs=1e-12)
        assert uniformity(X, t=0.5) == pytest.approx(log_mean_potential(X, 0.5), abs=1e-12)
        assert uniformity(X.float()) == pytest.approx(log_mean_potential(X), abs=1e-6)
        assert uniformity(X.numpy()) == uniformity(X)

    def test_planted_circle(self):
        """Points evenly on a circle; the pairs of a point with itself, which do not count, are put back in."""
        n = 1000
        angles = torch.arange(n, dtype=torch.float64) * (2 * torch.pi / n)
        potential = np.exp(uniformity(torch.stack([angles.cos(), angles.sin()], dim=1)))
        assert np.log((potential * (n - 1) + 1) / n) == pytest.approx(on_the_sphere(2), abs=1e-12)

    @pytest.mark.parametrize("d", [3, 20, 384])
    def test_planted_sphere(self, d):
        assert uniformity(normal(4000, d, dtype=torch.float32)) == pytest.approx(on_the_sphere(d), abs=0.005)

    def test_planted_clusters(self):
        """Twelve orthogonal directions in equal parts: two vectors are of one with probability (n/m − 1)/(n − 1)."""
        n, m = 600, 12
        X = torch.eye(m).repeat(n // m, 1)
        same = (n / m - 1) / (n - 1)
        assert uniformity(X) == pytest.approx(np.log(same + (1 - same) * np.exp(-4)), abs=1e-7)

    def test_lengths_and_rotation_do_not_matter(self):
        X = normal(200, 6, seed=1) + 1
        rotation = torch.linalg.qr(normal(6, 6, seed=2)).Q
        assert uniformity(X @ rotation * torch.rand(200, 1, dtype=torch.float64).add(0.1)) == pytest.approx(
            uniformity(X), abs=1e-12
        )
        assert uniformity(X - X.mean(0)) < uniformity(X) - 0.5  # a cone is not uniform

    def test_errors(self):
        with pytest.raises(ValueError, match="at least 2 rows, got 1"):
            uniformity(torch.ones(1, 3))
        with pytest.raises(ValueError, match="row 2 of X is a zero vector"):
            uniformity(torch.diag(torch.tensor([1.0, 1.0, 0.0])))
        with pytest.raises(ValueError, match="t must be above 0, got 0"):
            uniformity(torch.eye(3), t=0)

    def test_is_fast(self):
        X = normal(6000, 384, dtype=torch.float32)
        start = time.perf_counter()
        uniformity(X)
        assert time.perf_counter() - start < 10  # about half a second on one thread of an idle machine


class TestTerms:
    def test_their_mean_is_the_uniformity(self):
        X = normal(300, 4, seed=5) + 0.3
        terms = uniformity_terms(X.numpy())
        assert isinstance(terms, np.ndarray)
        assert terms.mean() == pytest.approx(uniformity(X), abs=1e-12)

    def test_are_its_derivative_in_the_weights(self):
        """A vector held twice as often moves the uniformity by its term, less the mean, over n."""
        X = normal(2000, 3, seed=6) + 0.5
        before = log_mean_potential(X)
        terms = uniformity_terms(X)
        for i in (int(terms.argmin()), 100, int(terms.argmax())):
            # the new copy's own pair, at distance 0, is the difference between a weight and a second row
            n = len(X) + 1
            potential = np.exp(log_mean_potential(torch.cat([X, X[i : i + 1]]))) * n * (n - 1) - 2
            after = np.log(potential / (n * (n - 1) - 2))
            assert (after - before) * len(X) == pytest.approx(float(terms[i]) - before, rel=0.02, abs=0.01)

    def test_their_spread_is_the_sampling_error(self):
        draws = [normal(300, 3, seed=seed) + 0.5 for seed in range(200)]
        spread = np.std([uniformity(X) for X in draws])
        predicted = np.mean([float(uniformity_terms(X).std()) / np.sqrt(300) for X in draws])
        assert predicted == pytest.approx(spread, rel=0.15)
