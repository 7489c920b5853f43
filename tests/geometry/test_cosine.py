import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from uncone.geometry import TypeSums, mean_cosine, s_inter, s_intra
from uncone.support.arrays import BLOCK


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
        with pytest.raises(ValueError, match=r"types must be 400 integers.*got \(399,\)"):
            s_intra(X, types[1:])
        with pytest.raises(ValueError, match=r"types must be 400 integers.*torch.float32"):
            s_intra(X, types.float())
        zero = X.clone()
        zero[11] = 0
        with pytest.raises(ValueError, match="row 11 of X is a zero vector"):
            s_intra(zero, types)


class TestInter:
    def test_is_the_mean_over_pairs_of_types_and_choices_of_occurrences(self, cone):
        X, types = cone
        units = torch.nn.functional.normalize(X.double(), dim=1)
        pairs = [(a @ b.T).mean() for a, b in itertools.permutations(groups(units, types), 2)]
        assert s_inter(X, types) == pytest.approx(float(torch.stack(pairs).mean()), abs=1e-12)

    def test_is_what_random_choices_find_on_average(self, cone):
        """One occurrence of each type, drawn anew each time, and the mean over pairs of those."""
        X, types = cone
        drawn = []
        for seed in range(300):
            order = torch.randperm(len(X), generator=generator(seed))
            first = np.unique(types[order].numpy(), return_index=True)[1]
            drawn.append(mean_cosine(X[order][first]))
        assert s_inter(X, types) == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(300))

    def test_planted_types(self):
        """Orthogonal types: 0 between, whatever happens inside."""
        types = torch.arange(8).repeat(5)
        assert s_inter(torch.eye(8)[types], types) == pytest.approx(0, abs=1e-15)

    def test_of_types_that_occur_once_is_the_mean_cosine(self, cone):
        X, _ = cone
        assert s_inter(X, torch.randperm(400, generator=generator())) == pytest.approx(mean_cosine(X), abs=1e-14)

    def test_accepts_numpy(self, cone):
        X, types = cone
        value = s_inter(X.numpy(), types.numpy())
        assert type(value) is float
        assert value == s_inter(X, types)

    def test_refuses(self, cone):
        X, types = cone
        with pytest.raises(ValueError, match="needs at least 2 of them, got 1"):
            s_inter(X, torch.zeros(400, dtype=torch.long))
        zero = X.clone()
        zero[11] = 0
        with pytest.raises(ValueError, match="row 11 of X is a zero vector"):
            s_inter(zero, types)


class TestTypeSums:
    """Chunks and merged states equal the whole, for all measures."""

    def sums_of(self, X, types, dtype=torch.float64, chunks=(400,)):
        sums = TypeSums(450, X.shape[1], dtype)
        units = torch.nn.functional.normalize(X.to(dtype), dim=1)
        for rows in torch.arange(len(X)).split(chunks):
            sums.update(units[rows], types[rows])
        return sums

    def expected(self, X, types):
        return pytest.approx([s_intra(X, types), s_inter(X, types), mean_cosine(X)], abs=1e-12)

    def measures(self, sums):
        return [sums.s_intra(), sums.s_inter(), sums.mean_cosine()]

    @pytest.mark.parametrize("chunks", [[400], [1, 7, 192, 200]])
    def test_streamed_equals_whole(self, cone, chunks):
        assert self.measures(self.sums_of(*cone, chunks=chunks)) == self.expected(*cone)

    def test_merged_equals_whole(self, cone):
        X, types = cone
        parts = [self.sums_of(X[rows], types[rows], chunks=[len(rows)]) for rows in torch.arange(400).split([133, 267])]
        merged = TypeSums(450, 12, torch.float64).merge(parts[0]).merge(parts[1])
        assert merged.n == 400
        assert self.measures(merged) == self.expected(*cone)

    def test_single_precision_is_close(self, cone):
        value = self.measures(self.sums_of(*cone, dtype=torch.float32))
        assert value == pytest.approx([s_intra(*cone), s_inter(*cone), mean_cosine(cone[0])], abs=1e-6)

    def test_what_has_no_pair_is_nan(self):
        sums = TypeSums(5, 3)
        sums.update(torch.full((1, 3), 3**-0.5), torch.tensor([2]))
        assert np.isnan([*self.measures(sums), sums.mean_cosine(sums.counts > 0)]).all()
