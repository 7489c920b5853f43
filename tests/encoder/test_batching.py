import numpy as np
import pytest

from uncone.encoder.texts import make_batches


@pytest.mark.parametrize("budget", [1, 16, 100, 1000])
def test_every_text_once_within_the_budget(budget):
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    batches = make_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    for batch in batches:
        assert lengths[batch[0]] == max(lengths[i] for i in batch)
        assert len(batch) == 1 or lengths[batch[0]] * len(batch) <= budget
    firsts = [lengths[batch[0]] for batch in batches]
    assert firsts == sorted(firsts, reverse=True)


def test_batches_of_one_length_are_not_padded():
    lengths = [7] * 100 + [5] * 100
    assert all(len({lengths[i] for i in batch}) == 1 for batch in make_batches(lengths, 70))


def test_small_groups_are_put_together():
    assert len(make_batches(list(range(1, 11)), 1000)) == 1
    lengths = np.random.default_rng(0).poisson(15, 4000).clip(3).tolist()
    padded = sum(lengths[batch[0]] * len(batch) for batch in make_batches(lengths, 1024))
    assert padded < 1.01 * sum(lengths)


def test_nothing_makes_no_batch():
    assert make_batches([], 10) == []
