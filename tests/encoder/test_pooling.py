import numpy as np
import pytest
import torch

from uncone.encoder.pooling import POOLINGS, WEIGHTED, check_pooling, pool, token_weights

LENGTHS = [3, 1, 5]


@pytest.fixture
def tokens():
    return torch.randn(sum(LENGTHS), 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def weights():
    return torch.rand(sum(LENGTHS), generator=torch.Generator().manual_seed(1)) + 0.1


def by_hand(rows, weights, pooling):
    return {
        "mean": lambda: rows.mean(0),
        "sum": lambda: rows.sum(0),
        "max": lambda: rows.max(0).values,
        "first": lambda: rows[0],
        "cls": lambda: rows[0],
        "last": lambda: rows[-1],
        "idf": lambda: (weights[:, None] * rows).sum(0) / weights.sum(),
        "sif": lambda: (weights[:, None] * rows).sum(0) / weights.sum(),
        "usif": lambda: (weights[:, None] * rows).sum(0) / weights.sum(),
        "weightedmean": lambda: sum((i + 1) * row for i, row in enumerate(rows)) / sum(range(1, len(rows) + 1)),
    }[pooling]()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_against_its_definition(pooling, tokens, weights):
    w = weights if pooling in WEIGHTED else None
    result = pool(tokens, torch.tensor(LENGTHS), pooling, w)
    parts = zip(tokens.split(LENGTHS), weights.split(LENGTHS), strict=True)
    torch.testing.assert_close(result, torch.stack([by_hand(rows, w, pooling) for rows, w in parts]))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_stays_on_its_device(pooling):
    """Of tensors on the meta device only shapes are known: anything that looks at values, or mixes devices, fails."""
    tokens, lengths = torch.empty(9, 4, device="meta"), torch.empty(3, dtype=torch.long, device="meta")
    weights = torch.empty(9, device="meta") if pooling in ("idf", "sif") else None
    assert pool(tokens, lengths, pooling, weights).shape == (3, 4)


def test_weights_follow_their_formulas():
    p = torch.tensor([0.9, 0.01, 1e-6, 0.0], dtype=torch.float64)
    np.testing.assert_allclose(token_weights("idf", p), -np.log([0.9, 0.01, 1e-6, 1e-6]), rtol=1e-6)
    np.testing.assert_allclose(token_weights("sif", p), 1e-3 / (1e-3 + np.array([0.9, 0.01, 1e-6, 1e-6])), rtol=1e-6)
    assert token_weights("idf", torch.tensor([1.0, 0.0])).min() > 0  # the mean of "the the" is defined even if p = 1


def test_weights_need_a_probability():
    with pytest.raises(ValueError, match="at least one token type with a probability above 0"):
        token_weights("sif", torch.zeros(3))


def test_unknown_pooling_names_the_choices():
    with pytest.raises(ValueError, match=r"unknown pooling 'avg': choose one of mean, sum, .*sif"):
        check_pooling("avg")
