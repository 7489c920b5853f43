import numpy as np
import pytest

from uncone.data import ScoredPairs, concatenate


def make(n=40, name="a", seed=0, vocabulary=12):
    generator = np.random.default_rng(seed)
    words = [chr(97 + i) for i in range(vocabulary)]
    cased = [word.upper() if generator.random() < 0.3 else word for word in words]
    one, two = (tuple(cased[i] for i in generator.integers(0, vocabulary, n)) for _ in range(2))
    return ScoredPairs(one, two, generator.random(n) * 10, (name,) * n)


def keys(pairs):
    return {tuple(sorted((one.lower(), two.lower()))) for one, two in zip(pairs.text1, pairs.text2, strict=True)}


def test_scaling_is_per_data_set_and_survives_taking_a_part():
    both = concatenate([make(name="a"), make(name="b", seed=1)])
    for name in "ab":
        scaled = both.scaled_score[np.array(both.dataset) == name]
        assert (scaled.min(), scaled.max()) == (-1, 1)
    part = both.take([3, 50, 7])
    np.testing.assert_array_equal(part.scaled_score, both.scaled_score[[3, 50, 7]])
    assert part.of("b").text1 == (both.text1[50],)
    assert np.corrcoef(both.of("a").score, both.of("a").scaled_score)[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_is_in_two_parts_of_a_split(seed):
    pairs = concatenate([make(300, "a", seed), make(200, "b", seed + 100), make(50, "c", seed + 200)])
    parts = pairs.split((0.7, 0.2, 0.1), seed)
    assert sum(len(part) for part in parts) == len(pairs)
    for i, part in enumerate(parts):
        for other in parts[i + 1 :]:
            assert not keys(part) & keys(other)
        for other in parts[:i]:
            assert len(part.without(other)) == len(part)


def test_split_is_seeded_and_stratified():
    def unique(n, name):  # no pair occurs twice
        words = tuple(f"{name}{i}" for i in range(n))
        return ScoredPairs(words, words, np.arange(n, dtype=float), (name,) * n)

    pairs = concatenate([unique(1000, "a"), unique(100, "b")])
    parts = pairs.split((0.8, 0.1, 0.1), seed=0)
    assert [[len(part.of(name)) for part in parts] for name in "ab"] == [[800, 100, 100], [80, 10, 10]]
    again, other = pairs.split((0.8, 0.1, 0.1), seed=0), pairs.split((0.8, 0.1, 0.1), seed=1)
    assert [part.text1 for part in again] == [part.text1 for part in parts]
    assert other[0].text1 != parts[0].text1


def test_without_ignores_order_and_case():
    pairs = ScoredPairs(("Cup", "sun", "sun"), ("mug", "star", "moon"), np.array([1.0, 2, 3]), ("a",) * 3)
    other = ScoredPairs(("MUG", "x"), ("cup", "y"), np.array([1.0, 2]), ("b",) * 2)
    left = pairs.without(other)
    assert left.text2 == ("star", "moon")
    assert left.ranges == {"a": (1.0, 3.0)}
    with pytest.raises(ValueError, match="all 3 pairs of a also stand in the other set"):
        pairs.without(pairs)


def test_scores_are_copied_and_read_only():
    score = np.array([1.0, 2.0])
    pairs = ScoredPairs(("a", "b"), ("c", "d"), score, ("x", "x"))
    score[0] = 5
    assert pairs.score[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        pairs.score[0] = 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a",), ("b", "c"), [1.0, 2], ("x", "x")), r"equally long, got lengths \[1, 2\]"),
        (((), (), [], ()), "no pairs given"),
        ((("a", " "), ("b", "c"), [1.0, 2], ("x", "x")), "pair 1 is one-sided: ' ' and 'c'"),
        ((("a", "d"), ("b", "c"), [1.0, np.nan], ("x", "x")), r"score of pair 1 \('d', 'c'\) is nan, not finite"),
        ((("a", "d"), ("b", "c"), [3.0, 3.0], ("x", "x")), "every score of 'x' is 3: at least two different"),
        ((("a", "d"), ("b", "c"), [1.0, 2], ("x", "y"), {"x": (0, 1)}), "ranges lack the data sets y"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScoredPairs(*arguments)


def test_errors_of_methods():
    pairs = make()
    with pytest.raises(ValueError, match="no pairs of 'z'; there are a"):
        pairs.of("z")
    with pytest.raises(ValueError, match=r"positive and sum to 1, got \[0.5, 0.6\]"):
        pairs.split((0.5, 0.6), seed=0)
    with pytest.raises(ValueError, match=r"positive and sum to 1, got \[1.5, -0.5\]"):
        pairs.split((1.5, -0.5), seed=0)
    with pytest.raises(ValueError, match=r"a share of 0.001 of 40 pairs is empty"):
        pairs.split((0.999, 0.001), seed=0)
    with pytest.raises(ValueError, match="two data sets are both called 'a'"):
        concatenate([make(seed=0), make(seed=1)])
    with pytest.raises(ValueError, match="no pairs given"):
        concatenate([])
