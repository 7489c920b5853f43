import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from uncone.geometry import InterSimilarity, IntraSimilarity, MeanCosine, mean_cosine, s_inter, s_intra
from uncone.geometry.rows import BLOCK

from .streams import assert_streams, chunks, gathered, streamed


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def cone():
    """Vectors (400, 12) with a common direction, float32, and their word types (400,), some of them rare."""
    X = torch.randn(400, 12, generator=generator()) + 0.7
    types = (torch.rand(400, generator=generator(1)).square() * 150).long() * 3
    return X, types


def mean_over_pairs(X):
    """The definition: an n × n matrix of cosines, averaged off its diagonal."""
    cosines = cosine_similarity(X.double().numpy())
    return cosines[~np.eye(len(X), dtype=bool)].mean()


def groups(X, types):
    return [X[types == t] for t in types.unique()]


class TestMeanCosine:
    def test_is_the_mean_over_all_pairs(self, cone):
        X, _ = cone
        assert mean_cosine(X) == pytest.approx(mean_over_pairs(X), abs=1e-14)

    def test_spans_blocks(self):
        X = torch.randn(BLOCK + 5, 3, generator=generator()) + 1
        assert mean_cosine(X) == pytest.approx(mean_over_pairs(X), abs=1e-12)

    def test_known_values(self):
        assert mean_cosine(torch.eye(5)) == pytest.approx(0, abs=1e-15)
        assert mean_cosine(torch.cat([torch.eye(5), -torch.eye(5)])) == pytest.approx(-1 / 9)
        assert mean_cosine(torch.ones(5, 3) * torch.arange(1.0, 6)[:, None]) == pytest.approx(1)

    def test_planted_cone(self):
        """Unit vectors at angle θ around an axis, in a space large enough for the rest to be orthogonal: cos²θ."""
        rest = torch.randn(2000, 2000, generator=generator())
        axis = torch.ones(2000, 1)
        X = torch.cat([axis * 0.6, rest / rest.norm(dim=1, keepdim=True) * 0.8], dim=1)
        assert mean_cosine(X) == pytest.approx(0.36, abs=0.001)

    def test_depends_on_the_origin_not_on_lengths(self, cone):
        X, _ = cone
        lengths = torch.rand(len(X), 1, generator=generator()) + 0.1
        assert mean_cosine(X * lengths) == pytest.approx(mean_cosine(X), abs=1e-6)
        assert mean_cosine(X - X.mean(0)) < mean_cosine(X) - 0.1

    def test_sums_in_float64(self):
        """Nearly parallel half-precision vectors: float16 sums would saturate."""
        X = torch.ones(3000, 64, dtype=torch.float16)
        X[::2, 0] = 1.125
        assert mean_cosine(X) == pytest.approx(mean_over_pairs(X), abs=1e-12)

    def test_accepts_numpy_and_returns_a_float(self, cone):
        X, _ = cone
        value = mean_cosine(X.numpy())
        assert type(value) is float
        assert value == mean_cosine(X)

    def test_refuses(self):
        with pytest.raises(ValueError, match="at least 2 rows, got 1"):
            mean_cosine(torch.ones(1, 3))
        X = torch.ones(BLOCK + 9, 3)
        X[BLOCK + 4] = 0
        with pytest.raises(ValueError, match=f"row {BLOCK + 4} of X is a zero vector"):
            mean_cosine(X)
        X[7] = torch.nan
        with pytest.raises(ValueError, match="NaN or infinity, first in row 7"):
            mean_cosine(X)

    def test_metric(self, cone):
        X, _ = cone
        assert_streams(lambda: MeanCosine(dim=12), (X,), mean_cosine(X))

    def test_metric_refuses(self):
        metric = MeanCosine(dim=3)
        with pytest.raises(ValueError, match=r"dim=3 columns the metric was made for, got shape \(2, 4\)"):
            metric.update(torch.ones(2, 4))
        metric.update(torch.ones(1, 3))
        with pytest.raises(ValueError, match="at least 2 vectors, got 1"):
            metric.compute()


class TestIntra:
    def test_is_the_unweighted_mean_over_types_that_repeat(self, cone):
        X, types = cone
        repeated = [group for group in groups(X, types) if len(group) > 1]
        assert len(repeated) < len(types.unique())  # the case of a type that occurs once is in the sample
        assert s_intra(X, types) == pytest.approx(np.mean([mean_over_pairs(g) for g in repeated]), abs=1e-12)

    def test_planted_types(self):
        """Each type its own direction: 1, however close or far the directions are."""
        directions = torch.randn(10, 6, generator=generator()) + 3
        types = torch.arange(10).repeat(3)
        scales = torch.rand(30, 1, generator=generator()) + 0.5
        assert s_intra(directions[types] * scales, types) == pytest.approx(1, abs=1e-6)

    def test_ignores_order_and_names_of_types(self, cone):
        X, types = cone
        shuffled = torch.randperm(len(X), generator=generator())
        assert s_intra(X[shuffled], types[shuffled]) == pytest.approx(s_intra(X, types), abs=1e-13)
        assert s_intra(X, 10**9 - types) == pytest.approx(s_intra(X, types), abs=1e-13)

    def test_accepts_numpy(self, cone):
        X, types = cone
        value = s_intra(X.numpy(), types.numpy().astype(np.int32))
        assert type(value) is float
        assert value == s_intra(X, types)

    def test_refuses(self, cone):
        X, types = cone
        with pytest.raises(ValueError, match=r"no type occurs twice \(of 400 types\)"):
            s_intra(X, torch.arange(400))
        with pytest.raises(ValueError, match=r"types must be 400 integers.*got shape \(399,\)"):
            s_intra(X, types[1:])
        with pytest.raises(ValueError, match=r"types must be 400 integers.*torch.float32"):
            s_intra(X, types.float())
        zero = X.clone()
        zero[11] = 0
        with pytest.raises(ValueError, match="row 11 of X is a zero vector"):
            s_intra(zero, types)

    def test_metric(self, cone):
        assert_streams(lambda: IntraSimilarity(n_types=450, dim=12), cone, s_intra(*cone))

    def test_metric_accepts_numpy(self, cone):
        X, types = cone
        metric = IntraSimilarity(n_types=450, dim=12)
        metric.update(X.numpy(), types.numpy())
        assert metric.compute().item() == pytest.approx(s_intra(X, types), abs=1e-13)

    @pytest.mark.parametrize("bad", [-1, 450])
    def test_metric_refuses_types_outside_its_vocabulary(self, cone, bad):
        X, types = cone
        with pytest.raises(ValueError, match=r"types must lie in \[0, 450\)"):
            IntraSimilarity(n_types=450, dim=12).update(X, torch.where(types == types[0], bad, types))


class TestInter:
    def test_compares_one_occurrence_of_each_type(self, cone):
        """Recover which were chosen from the keys themselves, and average over their pairs."""
        X, types = cone
        keys = torch.rand(len(X), generator=generator(5), dtype=torch.float64)
        chosen = torch.stack(
            [group[key.argmax()] for group, key in zip(groups(X, types), groups(keys, types), strict=True)]
        )
        assert s_inter(X, types, generator(5)) == pytest.approx(mean_over_pairs(chosen), abs=1e-12)

    def test_draws_every_occurrence_equally_often(self):
        """A type with 3 occurrences against an axis: the cosine tells which was drawn."""
        X = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [1.0, 0.0]])
        types = torch.tensor([4, 4, 4, 2])
        drawn = np.round([s_inter(X, types, generator(seed)) for seed in range(900)], 6)
        values, counts = np.unique(drawn, return_counts=True)
        assert values.tolist() == [0.0, 0.6, 1.0]
        assert np.all(np.abs(counts - 300) < 4 * np.sqrt(900 * (1 / 3) * (2 / 3)))

    def test_planted_types(self):
        """Orthogonal types: 0 between, whatever happens inside."""
        types = torch.arange(8).repeat(5)
        assert s_inter(torch.eye(8)[types], types, generator()) == pytest.approx(0, abs=1e-15)

    def test_is_fixed_by_the_seed(self, cone):
        assert s_inter(*cone, generator(3)) == s_inter(*cone, generator(3))
        assert s_inter(*cone, generator(3)) != s_inter(*cone, generator(4))

    def test_accepts_numpy(self, cone):
        X, types = cone
        value = s_inter(X.numpy(), types.numpy(), generator())
        assert type(value) is float
        assert value == s_inter(X, types, generator())

    def test_refuses(self, cone):
        X, types = cone
        with pytest.raises(ValueError, match="needs at least 2 of them, got 1"):
            s_inter(X, torch.zeros(400, dtype=torch.long), generator())
        zero = X.clone()
        zero[types == types[0]] = 0
        with pytest.raises(ValueError, match=r"row \d+ of X is a zero vector"):
            s_inter(zero, types, generator())

    def test_metric_streams_the_function(self, cone):
        metric = InterSimilarity(n_types=450, dim=12, generator=generator(5))
        assert streamed(metric, cone).item() == pytest.approx(s_inter(*cone, generator(5)), abs=1e-13)

    def test_metric_keeps_the_largest_key_of_all_processes(self, cone):
        X, types = cone
        keys = torch.cat([torch.rand(133, generator=generator(s), dtype=torch.float64) for s in range(3)])
        keys = torch.cat([keys, torch.rand(134, generator=generator(2), dtype=torch.float64)[133:]])
        chosen = torch.stack(
            [group[key.argmax()] for group, key in zip(groups(X, types), groups(keys, types), strict=True)]
        )

        metrics = [InterSimilarity(n_types=450, dim=12, generator=generator(s)) for s in range(3)]
        assert gathered(metrics, cone).item() == pytest.approx(mean_over_pairs(chosen), abs=1e-12)
        for other in metrics[1:]:
            metrics[0].merge_state(other)
        assert metrics[0].compute().item() == pytest.approx(mean_over_pairs(chosen), abs=1e-12)

    def test_metric_runs_forward_and_resets(self, cone):
        metric = InterSimilarity(n_types=450, dim=12, generator=generator(5))
        batches = chunks(cone, [100])
        values = [metric(*batch).item() for batch in batches]
        assert values[0] == pytest.approx(s_inter(*batches[0], generator(5)), abs=1e-13)
        assert metric.compute().item() == pytest.approx(s_inter(*cone, generator(5)), abs=1e-13)
        metric.reset()
        metric.update(*batches[0])
        assert metric.compute().item() != pytest.approx(values[0], abs=1e-9)  # the generator has moved on
