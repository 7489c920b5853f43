"""What is tested was neither learned from nor chosen by."""

from itertools import combinations

import numpy as np
import pytest

from uncone.advice.folds import Folds, halves
from uncone.data import load_sts, load_word_pairs
from uncone.data.pairs import ScoredPairs


def pairs_from(rows, name="mine"):
    return ScoredPairs(
        tuple(one for one, _ in rows), tuple(two for _, two in rows), np.arange(float(len(rows))), (name,) * len(rows)
    )


def words_at(pairs, rows):
    return {text.casefold() for side in (pairs.text1, pairs.text2) for text in np.array(side)[rows]}


@pytest.fixture(scope="module")
def packaged():
    return load_word_pairs()


def test_no_word_stands_on_both_sides(packaged):
    folds = Folds.of(packaged, 5, seed=0)
    assert folds.disjoint == "words"
    for f, b in combinations(range(5), 2):
        learned = words_at(packaged, folds.training(f, b))
        assert not learned & words_at(packaged, folds.fold == f)
        assert not learned & words_at(packaged, folds.fold == b)


def test_most_pairs_remain_to_learn_from(packaged):
    """Folds drawn at random would leave less than half of them, so that the grouping of words is what does it."""
    folds = Folds.of(packaged, 5, seed=0)
    sizes = np.bincount(folds.fold)
    assert sizes.max() < 1.2 * sizes.min()
    assert all(folds.training(f).sum() > 0.75 * (folds.fold != f).sum() for f in range(5))
    drawn = np.random.default_rng(0).integers(5, size=len(packaged))
    tested = words_at(packaged, drawn == 0)
    apart = [
        one.casefold() not in tested and two.casefold() not in tested
        for one, two in zip(packaged.text1, packaged.text2, strict=True)
    ]
    assert sum(apart) < 0.5 * (drawn != 0).sum()


def test_seeds_decide(packaged):
    first, again, other = (Folds.of(packaged, 4, seed).fold for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_pairs_of_few_words_are_kept_apart_as_pairs():
    """Every pair shares a word with a tenth of the others: no way to keep words apart."""
    rows = list(combinations("abcdefghij", 2))
    rows = [*rows, *((two.upper(), one) for one, two in rows)]  # and once more, the other way round
    folds = Folds.of(pairs_from(rows), 3, seed=0)
    assert folds.disjoint == "pairs"
    assert (folds.fold[:45] == folds.fold[45:]).all()
    assert (folds.training(0, 2) == (folds.fold == 1)).all()


@pytest.mark.parametrize(
    ("pairs", "count", "message"), [(90, 2, "at least 3"), (29, 3, "29 word pairs .* at least 30")]
)
def test_too_little_is_refused(pairs, count, message):
    with pytest.raises(ValueError, match=message):
        Folds.of(pairs_from([(f"a{i}", f"b{i}") for i in range(pairs)]), count, seed=0)


def test_halves_of_documents_that_were_all_compared():
    lee = load_sts("lee")
    divided = halves(lee, 5, seed=0)
    assert set(map(tuple, np.sort([np.bincount(row + 1, minlength=3) for row in divided]).tolist())) == {
        (300, 300, 625)
    }
    for row in divided:
        assert not words_at(lee, row == 0) & words_at(lee, row == 1)
    assert (divided[1][divided[0] == 1] == 0).all()  # sides are swapped
    assert ((divided[2] == 1) != (divided[0] == 1)).any()


def test_halves_of_sentence_pairs_lose_none():
    """Chains of shared sentences stay on one side, and no pair falls between."""
    rows = [(f"s{i}", f"s{i + 1}") for i in range(60) if i % 3]  # chains of two pairs
    pairs = pairs_from(rows)
    for row in halves(pairs, 2, seed=0):
        assert set(row) == {0, 1}
        assert abs((row == 1).mean() - 0.5) < 0.1
        assert not words_at(pairs, row == 0) & words_at(pairs, row == 1)
