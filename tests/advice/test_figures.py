"""Figures and their resamples against scipy, on data repeated as the counts say."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from uncone.advice.design import Figure, pair_counts
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.tasks.statistics import STATISTICS, draw


def whole(pairs):
    """The figure of one cell."""
    return Figure(pairs, np.ones((1, len(pairs)), dtype=bool), range(1))


@pytest.fixture
def pairs():
    generator = np.random.default_rng(0)
    independent = ScoredPairs(
        tuple(f"a{i}" for i in range(40)),
        tuple(f"b{i}" for i in range(40)),
        generator.random(40).round(1),
        ("one",) * 40,
    )
    first, second = np.triu_indices(8, 1)
    shared = ScoredPairs(
        tuple(f"d{i}" for i in first), tuple(f"d{i}" for i in second), generator.random(28), ("two",) * 28
    )
    return concatenate([independent, shared])


def test_figure_is_the_mean_over_data_sets_of_cells_by_size(pairs):
    generator = np.random.default_rng(1)
    cell = generator.integers(3, size=len(pairs))
    systems = np.repeat(generator.random((2, 1, len(pairs))), 3, axis=1)  # (S, C, n)
    first, expected = systems[:, 0], []
    for rows in (np.arange(40), np.arange(40, 68)):
        cells = [rows[cell[rows] == c] for c in range(3)]
        expected.append([sum(len(r) * spearmanr(pairs.score[r], s[r])[0] for r in cells) / len(rows) for s in first])
    figure = Figure(pairs, cell == np.arange(3)[:, None], range(3))
    np.testing.assert_allclose(figure.by_dataset(systems)[:, :, 0], expected)
    assert figure.n == 68


def test_a_pair_may_come_in_several_cells(pairs):
    cells = np.zeros((2, len(pairs)), dtype=bool)
    cells[0], cells[1, :50] = True, True
    system = np.stack([pairs.score, -pairs.score])  # right, then wrong
    found = Figure(pairs, cells, range(2)).by_dataset(system[None])
    np.testing.assert_allclose(found[:, 0, 0], [0, (28 - 10) / 38])


def test_counts_stand_for_repeated_pairs(pairs):
    """Also where they do not sum to the number of pairs, as when texts are drawn."""
    generator = np.random.default_rng(2)
    counts = pair_counts(pairs, 6, generator)
    assert counts[40:].sum(0).std() > 0
    system = generator.random(len(pairs))
    found = whole(pairs).by_dataset(system[None, None], counts)[:, 0]
    for d, rows in enumerate((np.arange(40), np.arange(40, 68))):
        for b in range(6):
            repeated = np.repeat(rows, counts[rows, b].astype(int))
            assert found[d, b] == pytest.approx(spearmanr(pairs.score[repeated], system[repeated])[0])


def test_texts_are_drawn_where_pairs_share_them(pairs):
    counts = pair_counts(pairs, 3000, np.random.default_rng(3))
    assert (counts[:40].sum(0) == 40).all()
    drawn = np.array([[counts[40 + k, b] for k in range(28)] for b in range(3000)])  # (B, 28)
    # two pairs of one document rise and fall together, two of four documents hardly do
    first, second = np.triu_indices(8, 1)
    correlation = np.corrcoef(drawn.T)
    sharing = np.array(
        [[len({*a} & {*b}) for b in zip(first, second, strict=True)] for a in zip(first, second, strict=True)]
    )
    assert correlation[sharing == 1].mean() > 0.15
    assert correlation[sharing == 0].mean() < 0.0


def test_intervals_over_documents_are_wider(pairs):
    """As wide as they are over fresh samples of documents, whereas pairs taken for independent give too narrow ones."""
    documents, dimension = 30, 6
    first, second = np.triu_indices(documents, 1)
    texts = tuple(f"d{i}" for i in first), tuple(f"d{i}" for i in second)

    def sample(seed):
        generator = np.random.default_rng(seed)
        X = generator.standard_normal((documents, dimension))
        quality = X + 1.5 * generator.standard_normal((documents, 1)) * generator.standard_normal(
            (documents, dimension)
        )
        gold, said = ((Y @ Y.T)[first, second] for Y in (X, quality))
        return ScoredPairs(*texts, gold, ("d",) * len(first)), said

    values = []
    for seed in range(200):
        own, said = sample(seed)
        values.append(spearmanr(own.score, said)[0])
    spreads = []
    for seed in range(8):
        own, said = sample(seed)
        by_texts = whole(own).estimates(said[None, None], 300, [seed])[0][0].replicates.std()
        draws = draw(len(own), 300, np.random.default_rng(seed))
        spreads.append((by_texts, STATISTICS["spearman"](own.score, said[None])(draws).std()))
    over_texts, over_pairs = np.mean(spreads, axis=0)
    assert over_pairs < 0.7 * np.std(values)
    assert 0.75 * np.std(values) < over_texts < 1.5 * np.std(values)


def test_resamples_are_the_same_for_all_systems(pairs):
    system = np.random.default_rng(4).random((1, len(pairs)))
    alone = whole(pairs).estimates(system[None], 50, [7])
    beside = whole(pairs).estimates(np.stack([pairs.score[None], system]), 50, [7])
    for one, two in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one[0].replicates, two[1].replicates)


def test_a_data_set_too_small_is_named(pairs):
    with pytest.raises(ValueError, match="two has no 5 pairs"):
        Figure(pairs, np.arange(68)[None] < 44, range(1))
