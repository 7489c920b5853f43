import warnings

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from uncone.geometry import DuplicateWarning, lid, local_dimensions
from uncone.geometry.local_dimension import _neighbour_distances, distinct_rows

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from skdim.id import MLE, TwoNN


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=generator(seed), dtype=torch.float64)


def embedded(X, d, seed=9):
    """Turn vectors into a random subspace of d dimensions, away from the origin."""
    return X @ torch.linalg.qr(normal(d, X.shape[1], seed))[0].T + 5


def ball(n, dim, seed=0):
    directions = torch.nn.functional.normalize(normal(n, dim, seed))
    return directions * torch.rand(n, 1, generator=generator(seed + 1), dtype=torch.float64) ** (1 / dim)


def by_definition(X, k, squared=False, metric="euclidean"):
    """The equation, one point at a time, in numpy."""
    X = np.asarray(X, dtype=np.float64)
    if metric == "cosine":
        X = X / np.linalg.norm(X, axis=1, keepdims=True)
    estimates = []
    for i, x in enumerate(X):
        r = np.sort(np.linalg.norm(np.delete(X, i, axis=0) - x, axis=1))[:k]
        r = r**2 if squared else r
        estimates.append(-1 / np.mean(np.log(r / r[-1])))
    return np.array(estimates)


class TestDefinition:
    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    @pytest.mark.parametrize("squared", [False, True])
    def test_is_the_equation(self, metric, squared):
        X = embedded(normal(200, 6), 10)
        estimates = local_dimensions(X, k=12, squared=squared, metric=metric)
        np.testing.assert_allclose(estimates, by_definition(X, 12, squared, metric), rtol=1e-9)

    def test_squared_distances_halve_it_exactly(self):
        X = normal(300, 5)
        assert torch.equal(local_dimensions(X, k=20, squared=True) * 2, local_dimensions(X, k=20))

    def test_squared_cosine_is_the_cosine_distance(self):
        X = normal(150, 5) + 1
        units = torch.nn.functional.normalize(X)
        distances = (1 - units @ units.T).fill_diagonal_(torch.inf).sort(1).values[:, :15]
        expected = -1 / (distances / distances[:, -1:]).log().mean(1)
        torch.testing.assert_close(
            local_dimensions(X, k=15, squared=True, metric="cosine"), expected, rtol=1e-6, atol=0
        )

    def test_agrees_with_scikit_dimension(self):
        """Levina and Bickel, as there, divide by k − 1 where Amsaleg et al. divide by k."""
        X = embedded(normal(400, 4), 7).numpy()
        theirs = MLE().fit(X, n_neighbors=30).dimension_pw_
        np.testing.assert_allclose(local_dimensions(X, k=30), theirs * 30 / 29, rtol=1e-9)

    def test_lid_is_the_mean(self):
        X = normal(100, 5)
        assert lid(X, k=10) == local_dimensions(X, k=10).mean().item()

    def test_queries_are_a_sample_of_rows_among_all(self):
        X = normal(500, 5)
        sample = torch.randperm(500, generator=generator(4))[:60]
        estimates = local_dimensions(X, k=10, queries=60, generator=generator(4))
        torch.testing.assert_close(estimates, local_dimensions(X, k=10)[sample])

    def test_more_queries_than_rows_are_all_rows(self):
        X = normal(50, 5)
        assert lid(X, k=10, queries=1000, generator=generator()) == pytest.approx(lid(X, k=10), rel=1e-12)


class TestPlantedDimension:
    def test_of_a_ball(self):
        """Few neighbours, so that the edge of the ball, where most of its volume is, bends the estimate little."""
        X = embedded(ball(20_000, 10), 24).float()
        assert lid(X, k=20, queries=500, generator=generator()) == pytest.approx(10, abs=0.5)

    @pytest.mark.parametrize("dim", [1, 2, 5])
    def test_of_a_cube(self, dim):
        X = embedded(torch.rand(8000, dim, generator=generator(), dtype=torch.float64), 12)
        assert lid(X, k=50, queries=500, generator=generator()) == pytest.approx(dim, rel=0.1)

    def test_of_a_curved_sheet(self):
        """A Swiss roll spreads over three dimensions and has two."""
        angle, height = 4 + 10 * torch.rand(6000, generator=generator()), 20 * torch.rand(6000, generator=generator(1))
        X = torch.stack([angle * angle.cos(), height, angle * angle.sin()], dim=1)
        assert lid(X, k=30) == pytest.approx(2, abs=0.15)

    def test_of_a_sphere_under_cosine(self):
        X = normal(6000, 5) * torch.rand(6000, 1, generator=generator()) + 0  # lengths carry no meaning
        assert lid(X, k=30, metric="cosine", queries=500, generator=generator()) == pytest.approx(4, abs=0.3)
        assert lid(X, k=30, queries=500, generator=generator()) > 4.5

    def test_agrees_with_two_nearest_neighbours(self):
        X = embedded(ball(3000, 6), 12)
        assert lid(X, k=20) == pytest.approx(TwoNN().fit(X.numpy()).dimension_, rel=0.1)


class TestInvariance:
    def test_of_the_euclidean(self):
        X = normal(200, 6)
        moved = 0.01 * embedded(X, 6) - 3
        torch.testing.assert_close(local_dimensions(moved, k=15), local_dimensions(X, k=15))

    def test_of_the_cosine(self):
        X = normal(200, 6) + 1
        lengths = torch.rand(200, 1, generator=generator(), dtype=torch.float64) + 0.1
        cosine = local_dimensions(X, k=15, metric="cosine")
        torch.testing.assert_close(local_dimensions(X * lengths, k=15, metric="cosine"), cosine)
        assert not torch.allclose(local_dimensions(X + 1, k=15, metric="cosine"), cosine)


class TestSearch:
    def exact(self, X, k):
        tree = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(X.double().numpy())
        return tree.kneighbors()[0][:, :k]

    def test_is_exact_in_tight_clusters_far_apart(self):
        """‖x‖² is 1e10 times r²: float32 products alone could not tell any two points of a cluster apart."""
        centres = normal(3, 8, seed=1) * 10
        X = (centres.repeat(300, 1) + 1e-4 * normal(900, 8)).float()
        np.testing.assert_allclose(local_dimensions(X, k=20), by_definition(X, 20), rtol=1e-5)

    def test_is_exact_beside_an_outlier(self):
        X = normal(300, 16).float()
        X[7] *= 1e4
        np.testing.assert_allclose(local_dimensions(X, k=20), by_definition(X, 20), rtol=1e-4)

    def test_is_exact_far_from_the_origin(self):
        X = normal(300, 6) + 1e6
        np.testing.assert_allclose(local_dimensions(X, k=20), by_definition(X, 20), rtol=1e-6)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_finds_the_nearest_in_every_block(self, dtype, monkeypatch):
        monkeypatch.setattr("uncone.geometry.local_dimension._SEARCH", 3000)
        X = normal(700, 12).to(dtype)
        asked = torch.arange(0, 700, 3)
        found = _neighbour_distances(X, asked, k=25)
        np.testing.assert_allclose(found, self.exact(X, 25)[::3], rtol=1e-5)

    def test_takes_half_precision(self):
        X = normal(200, 12).half()
        np.testing.assert_allclose(local_dimensions(X, k=10), by_definition(X, 10), rtol=1e-5)

    def test_uses_every_other_point_if_asked(self):
        X = normal(12, 3)
        np.testing.assert_allclose(local_dimensions(X, k=11), by_definition(X, 11), rtol=1e-9)


class TestDuplicates:
    def test_count_once_and_are_warned_of(self):
        X = normal(300, 5)
        copies = X[[3, 3, 250]]
        with pytest.warns(DuplicateWarning, match="3 of 303 rows are exact copies of another row"):
            estimates = local_dimensions(torch.cat([X, copies]), k=20)
        expected = local_dimensions(X, k=20)
        torch.testing.assert_close(estimates, torch.cat([expected, expected[[3, 3, 250]]]))

    def test_outnumbering_the_neighbours_stay_finite(self):
        """As in an embedding layer, where a frequent word at the start of a line recurs exactly."""
        X = torch.cat([normal(100, 5), torch.ones(500, 5, dtype=torch.float64)])
        with pytest.warns(DuplicateWarning, match="499 of 600"):
            estimates = local_dimensions(X, k=20)
        assert estimates.isfinite().all()
        assert estimates.min() > 0

    def test_under_cosine_are_parallel_vectors(self):
        X = normal(300, 5).half().float()  # so that tripling them rounds nothing
        with pytest.warns(DuplicateWarning, match="300 of 600"):
            estimates = local_dimensions(torch.cat([X, 3 * X]), k=20, metric="cosine")
        torch.testing.assert_close(estimates[:300], local_dimensions(X, k=20, metric="cosine"), rtol=1e-4, atol=0)

    def test_nothing_is_said_without_them(self):
        local_dimensions(normal(100, 5), k=10)  # warnings are errors here

    def test_negative_zero_is_zero(self):
        X = normal(50, 3)
        X[0], X[1] = 0.0, -0.0
        with pytest.warns(DuplicateWarning, match="1 of 50"):
            local_dimensions(X, k=10)


class TestArguments:
    def test_answers_in_the_kind_given(self):
        X = normal(60, 4)
        assert isinstance(local_dimensions(X, k=5), torch.Tensor)
        from_numpy = local_dimensions(X.numpy(), k=5)
        assert isinstance(from_numpy, np.ndarray)
        assert from_numpy.shape == (60,)
        np.testing.assert_array_equal(from_numpy, local_dimensions(X, k=5).numpy())
        assert type(lid(X.numpy(), k=5)) is float

    def test_does_not_write_into_its_input(self):
        X = normal(60, 4)
        before = X.clone()
        local_dimensions(X, k=5)
        local_dimensions(X, k=5, metric="cosine")
        assert torch.equal(X, before)

    @pytest.mark.parametrize("k", [1, 50])
    def test_refuses_k(self, k):
        with pytest.raises(ValueError, match=f"k must be at least 2 and less than the 50 distinct rows, got {k}"):
            lid(normal(50, 3), k=k)

    def test_refuses_k_beyond_the_distinct_rows(self):
        with pytest.raises(ValueError, match="less than the 10 distinct rows, got 12"):
            lid(normal(10, 3).repeat(5, 1), k=12)

    def test_refuses_other_arguments(self):
        X = normal(50, 3)
        with pytest.raises(ValueError, match='"euclidean" or "cosine", got \'manhattan\''):
            lid(X, k=5, metric="manhattan")
        with pytest.raises(ValueError, match="queries=10 draws a sample: pass generator"):
            lid(X, k=5, queries=10)
        with pytest.raises(ValueError, match="queries must be at least 1, or None"):
            lid(X, k=5, queries=0, generator=generator())
        with pytest.raises(ValueError, match="first in row 1"):
            lid(torch.tensor([[0.0], [torch.nan], [1.0]]), k=2)
        X[8] = 0
        with pytest.raises(ValueError, match="row 8 of X is a zero vector"):
            lid(X, k=5, metric="cosine")

    def test_refuses_neighbours_equally_far(self):
        X = torch.cat([normal(20, 30, seed=1), 50 + 0.3 * torch.eye(30, dtype=torch.float64)])
        with pytest.raises(ValueError, match="the 10 neighbours of row 20 are all equally far"):
            lid(X, k=10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distinct_rows_are_those_of_unique(dtype):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(50, 7, generator=generator, dtype=dtype)[torch.randint(50, (300,), generator=generator)]
    X[0], X[1] = 0.0, -0.0
    first, kind = distinct_rows(X)
    unique, inverse = X.unique(dim=0, return_inverse=True)
    assert len(first) == len(unique)
    assert torch.equal(X[first][kind], X)
    assert torch.equal(first, first.sort().values)
    assert torch.equal(first[kind] == first[kind][:, None], inverse == inverse[:, None])


def test_rows_that_share_a_key_by_chance_are_told_apart(monkeypatch):
    """With all factors 1, rows of the same numbers in another order have one key."""
    monkeypatch.setattr(torch, "randint", lambda *_, **__: torch.zeros(2, dtype=torch.long))
    X = torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])
    assert [each.tolist() for each in distinct_rows(X)] == [[0, 1], [0, 1, 0]]
