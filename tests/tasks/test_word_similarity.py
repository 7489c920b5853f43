import numpy as np
import pytest
from gensim.test.utils import datapath
from scipy import stats

from uncone.data import DataUnavailable, ScoredPairs, load_word_pairs
from uncone.tasks import Prediction, WordSimilarity, evaluate
from uncone.tasks.base import paired_cosine


def values(rows, metric):
    return {row.subset: row.value for row in rows if row.metric == metric}


@pytest.mark.parametrize(("name", "file"), [("ws353", "wordsim353.tsv"), ("simlex999", "simlex999.txt")])
def test_equals_gensim(name, file, glove, glove_gensim):
    rows, _ = evaluate([WordSimilarity(name)], {"none": glove}, resamples=10)
    pearson, spearman, unknown_percent = glove_gensim.evaluate_word_pairs(datapath(file))
    assert values(rows, "pearson")[name] == pytest.approx(pearson[0], abs=1e-6)
    assert values(rows, "spearman")[name] == pytest.approx(spearman[0], abs=1e-6)
    assert values(rows, "coverage")[name] == pytest.approx(1 - unknown_percent / 100)


def test_macro_and_pooled(glove, data_dir):
    names = ("men3k", "simverb3500", "simlex999", "rw2034", "ws353", "mturk771", "mturk287", "rg65")
    task = WordSimilarity(names, data_dir=data_dir)
    rows, not_run = evaluate([task], {"none": glove}, resamples=10)
    assert not not_run
    spearman = values(rows, "spearman")
    assert set(spearman) == {*names, "macro", "pooled"}
    assert spearman["macro"] == pytest.approx(np.mean([spearman[name] for name in names]))
    pooled = next(p for p in task.predict(glove) if p.subset == "pooled")
    pairs = task.data.take(np.flatnonzero(pooled.covered))
    assert len(pooled.covered) - len(pooled.gold) == len(task.data) - len(pairs) > 0
    cosine = [_cosine(glove, one, two) for one, two in zip(pairs.text1, pairs.text2, strict=True)]
    assert spearman["pooled"] == pytest.approx(stats.spearmanr(pairs.scaled_score, cosine)[0], abs=1e-6)


def _cosine(vectors, one, two):
    a, b = vectors.words([one, two]).astype(float)
    return a @ b / np.sqrt((a @ a) * (b @ b))


def test_unknown_words_are_skipped_or_count_as_nil(make_vectors):
    words = ["a", "b", "c", "d"]
    vectors = make_vectors(words, np.array([[1.0, 0], [1, 1], [0, 1], [-1, 1]]))
    pairs = ScoredPairs(("a", "a", "zz", "b", "a"), ("b", "c", "a", "zz", "d"), np.arange(5.0), ("mine",) * 5)
    (skipping,) = WordSimilarity(pairs).predict(vectors)
    assert skipping.covered.tolist() == [True, True, False, False, True]
    np.testing.assert_allclose(skipping.predicted, [0.5**0.5, 0, -(0.5**0.5)], atol=1e-12)
    assert (skipping.gold.tolist(), len(skipping.covered)) == ([0, 1, 4], 5)
    (counting,) = WordSimilarity(pairs, skip_unknown=False).predict(vectors)
    np.testing.assert_allclose(counting.predicted, [0.5**0.5, 0, 0, 0, -(0.5**0.5)], atol=1e-12)
    rows, _ = evaluate([WordSimilarity(pairs, skip_unknown=False)], {"none": vectors}, resamples=5)
    assert {row.metric: (row.value, row.n) for row in rows}["coverage"] == (0.6, 5)


def test_a_set_of_unknown_words_only_is_reported(make_vectors):
    vectors = make_vectors(["a", "b", "c"], np.eye(3))
    pairs = ScoredPairs(("x", "y"), ("z", "z"), np.arange(2.0), ("mine",) * 2)
    rows, not_run = evaluate([WordSimilarity(pairs)], {"none": vectors}, resamples=5)
    assert [(row.metric, row.value) for row in rows] == [("coverage", 0.0)]
    assert [(line.subset, line.why) for line in not_run] == [("mine", "not a single item is made of known words")]


def test_exclude(data_dir):
    task = WordSimilarity("liang_test", data_dir=data_dir, exclude=["liang_train"])
    assert len(task.data) == 2329
    pairs = load_word_pairs("ws353")
    first = pairs.take(range(100))
    assert len(WordSimilarity(pairs, exclude=[first]).data) == 252  # one pair stands twice


def test_missing_data_shows_when_asked(monkeypatch, glove):
    monkeypatch.delenv("UNCONE_DATA", raising=False)
    task = WordSimilarity("men3k")
    with pytest.raises(DataUnavailable, match=r"men3k.tsv"):
        task.predict(glove)


def test_paired_cosine():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(50, 8)).astype(np.float32)
    vectors[7] = 0
    first, second = generator.integers(0, 50, size=(2, 9000))  # more than a block
    expected = [
        0.0
        if 7 in (i, j)
        else vectors[i].astype(float) @ vectors[j] / np.linalg.norm(vectors[i]) / np.linalg.norm(vectors[j])
        for i, j in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(paired_cosine(vectors, first, second), expected, atol=1e-6)


def test_predictions_must_fit():
    with pytest.raises(ValueError, match=r"must be \(n,\), got \(3,\) and \(2,\)"):
        Prediction("x", np.zeros(3), np.zeros(2), ())
    with pytest.raises(ValueError, match="3 items are scored, but 2 of 4 are covered"):
        Prediction("x", np.zeros(3), np.zeros(3), (), np.array([True, False, True, False]))
