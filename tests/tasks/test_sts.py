import numpy as np
import pytest
from scipy import stats

from uncone.data import ScoredPairs, load_sts
from uncone.tasks import Sts, evaluate


def values(rows, metric="spearman"):
    return {row["subset"]: row["value"] for row in rows if row["metric"] == metric}


def test_aggregates(glove, data_dir):
    rows, _ = evaluate([Sts("sts13", data_dir=data_dir)], {"none": glove}, resamples=10)
    pairs = load_sts("sts13", data_dir)
    one, two = (glove.sentences(texts).astype(float) for texts in (pairs.text1, pairs.text2))
    norms = np.sqrt((one * one).sum(axis=1) * (two * two).sum(axis=1))  # exactly 1 for equal sentences, as in a tie
    cosine = np.minimum(1, np.divide((one * two).sum(axis=1), norms, out=np.zeros(len(pairs)), where=norms > 0))
    dataset = np.array(pairs.dataset)
    parts = {
        part: stats.spearmanr(pairs.score[dataset == f"sts13/{part}"], cosine[dataset == f"sts13/{part}"])[0]
        for part in ("FNWN", "headlines", "OnWN")
    }
    found = values(rows)
    assert found == pytest.approx(
        {
            "all": stats.spearmanr(pairs.score, cosine)[0],
            **parts,
            "mean": np.mean(list(parts.values())),
            "wmean": np.average(list(parts.values()), weights=[189, 750, 561]),
        }
    )
    assert values(rows, "pearson")["all"] == pytest.approx(stats.pearsonr(pairs.score, cosine)[0])


def test_lee_documents(glove):
    rows, _ = evaluate([Sts("lee")], {"none": glove}, resamples=10)
    assert set(values(rows)) == {"all"}
    assert values(rows)["all"] > 0.3
    assert not values(rows, "coverage")


def test_each_text_is_encoded_once(make_vectors):
    asked = []

    class Recording:
        def sentences(self, texts):
            asked.extend(texts)
            return np.random.default_rng(0).normal(size=(len(texts), 3))

    Sts("lee").predict(Recording())
    assert len(asked) == len(set(asked)) == 50


def test_exclude_what_was_trained_on(data_dir):
    task = Sts("sts12", data_dir=data_dir, exclude="stsb_train")
    assert len(task.pairs) == 3108 - 1002
    assert task.averages()[0].over == ("MSRpar", "MSRvid", "SMTeuroparl", "OnWN", "SMTnews")


def test_several_sets_need_a_name(tmp_path):
    with pytest.raises(ValueError, match="give the task a name"):
        Sts(["sts12", "sts13"])
    texts = ("A cup.", "A sun.", "A mug.", "A star.")
    pairs = ScoredPairs(texts, texts[::-1], np.array([4.0, 2, 3, 1]), ("a/x", "a/x", "b/x", "b/x"))
    task = Sts(pairs, name="mine")
    assert task.averages()[0].over == ("a/x", "b/x")
    with pytest.raises(ValueError, match="give the task a name"):
        Sts(pairs)
    assert Sts(tmp_path / "mine.tsv").name == "mine"
