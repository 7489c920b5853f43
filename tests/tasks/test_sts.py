import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial.distance import pdist

from uncone.data import ScoredPairs, load_sts
from uncone.tasks import Sts, evaluate, markdown_table
from uncone.tasks.row import Headline


class Readable:
    """A system that knows every text."""

    def readable(self, texts):
        return np.ones(len(texts), dtype=bool)


def values(rows, metric="spearman"):
    return {row.subset: row.value for row in rows if row.metric == metric}


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

    class Recording(Readable):
        def sentences(self, texts):
            asked.extend(texts)
            return np.random.default_rng(0).normal(size=(len(texts), 3))

    Sts("lee").predict(Recording())
    assert len(asked) == len(set(asked)) == 50


def test_sentences_without_a_known_piece_are_scored_and_counted():
    class Unknown(Planted):
        def readable(self, texts):
            return np.array([text != "20" for text in texts])

    rows, _ = evaluate([planted_task()], {"none": Unknown()}, resamples=10)
    assert values(rows, "coverage") == {"all": 0.75}
    assert next(row.n for row in rows if row.metric == "spearman") == 4


def test_exclude_what_was_trained_on(data_dir):
    task = Sts("sts12", data_dir=data_dir, exclude=["stsb_train"])
    assert len(task.data) == 3108 - 1002
    assert task.averages()[0].over == ("MSRpar", "MSRvid", "SMTeuroparl", "OnWN", "SMTnews")


class Planted(Readable):
    """Unit vectors in the plane; the angle of a sentence is in its text, in degrees."""

    def sentences(self, texts):
        angles = np.radians([float(text) for text in texts])
        return 3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def planted_task():
    first, second = ("0", "0", "90", "20"), ("60", "180", "90.0", "200")
    return Sts(ScoredPairs(first, second, np.array([4.5, 1.0, 5.0, 4.0]), ("x",) * 4), name="planted")


def test_alignment_and_uniformity():
    rows, not_run = evaluate([planted_task()], {"none": Planted()}, resamples=10)
    assert not not_run
    # pairs above 4 are at 60 and at 0 degrees: squared distances 1 and 0
    assert values(rows, "alignment") == {"all": pytest.approx(0.5)}
    sentences = Planted().sentences(["0", "60", "180", "90", "90.0", "20", "200"]) / 3
    assert values(rows, "uniformity") == {"all": pytest.approx(np.log(np.mean(np.exp(-2 * pdist(sentences) ** 2))))}
    assert {row.metric: row.n for row in rows} == {"spearman": 4, "pearson": 4, "alignment": 2, "uniformity": 7}


def test_close_pairs_are_above_four_fifths_of_the_scale_of_their_set(data_dir):
    for name in ("stsb_dev", "sickr_dev"):  # 0 to 5, and 1 to 5
        rows, _ = evaluate([Sts(name, data_dir=data_dir)], {"none": Letters()}, resamples=10)
        n = next(row.n for row in rows if row.metric == "alignment")
        assert n == (load_sts(name, data_dir).score > 4).sum()


class Letters(Readable):
    """How often each letter occurs in a text."""

    def sentences(self, texts):
        return np.array([[text.lower().count(letter) + 0.1 for letter in "etaoin"] for text in texts])


def test_lower_alignment_is_better():
    class Turned(Planted):
        def sentences(self, texts):
            return Planted.sentences(self, texts) @ np.diag([1, 0.3])

    rows, _ = evaluate([planted_task()], {"none": Planted(), "flat": Turned()}, reference="none", resamples=100)
    assert next(row.gain for row in rows if row.metric == "alignment" and row.removal == "flat") < 0
    assert "| flat | **" in markdown_table(rows, [Headline("planted", "all", "alignment")])


def test_the_interval_of_uniformity_covers_that_of_the_population():
    """In about 95 % of the samples."""
    generator = np.random.default_rng(0)
    population = uniformity_of_normal_angles(np.radians(60))
    covered = []
    for trial in range(100):
        angles = [str(angle) for angle in generator.normal(0, 60, size=100)]
        pairs = ScoredPairs(tuple(angles[::2]), tuple(angles[1::2]), np.arange(50.0), ("x",) * 50)
        rows, _ = evaluate([Sts(pairs, name="x")], {"none": Planted()}, resamples=200, seed=trial)
        row = next(row for row in rows if row.metric == "uniformity")
        covered.append(row.low <= population <= row.high)
    assert 0.88 <= np.mean(covered) <= 1.0


def uniformity_of_normal_angles(sigma):
    """Log E exp(−2 ‖x − y‖²) for angles of a normal distribution, from the Fourier series of exp(4 cos)."""
    series = (special.iv(k, 4) * np.exp(-((k * sigma) ** 2)) for k in range(1, 30))
    return -4 + np.log(special.iv(0, 4) + 2 * sum(series))


def test_vectors_without_a_direction_leave_uniformity_undefined():
    class Nil(Planted):
        def sentences(self, texts):
            return Planted.sentences(self, texts) * (np.arange(len(texts)) > 0)[:, None]

    rows, not_run = evaluate([planted_task()], {"none": Planted(), "nil": Nil()}, resamples=10)
    assert [(line.removal, line.subset) for line in not_run] == [("nil", "all")]
    assert not_run[0].why.startswith("uniformity: predicted holds NaN")
    nil = {row.metric for row in rows if row.removal == "nil"}
    assert nil == {"spearman", "pearson", "alignment"}


def test_wmean_as_senteval_computes_it(glove, data_dir):
    """Correlations of each part weighted by its number of pairs, from the files and scipy alone."""
    rows, _ = evaluate([Sts("sts15", data_dir=data_dir)], {"none": glove}, resamples=10)
    with open(data_dir / "sts" / "sts15.tsv", encoding="utf-8") as file:
        header, *lines = (line.rstrip("\n").split("\t") for line in file)
    parts = {}
    for line in lines:
        record = dict(zip(header, line, strict=True))
        parts.setdefault(record["subset"], []).append(record)
    correlations = {}
    for part, records in parts.items():
        cosines = []
        for record in records:
            a, b = (glove.sentences([record[name].strip()])[0].astype(float) for name in ("sentence1", "sentence2"))
            norms = np.sqrt(a @ a * (b @ b))
            cosines.append(min(a @ b / norms, 1.0) if norms else 0.0)
        correlations[part] = stats.spearmanr([float(record["score"]) for record in records], cosines)[0]
    sizes = [len(parts[part]) for part in correlations]
    expected = np.average(list(correlations.values()), weights=sizes)
    assert values(rows)["wmean"] == pytest.approx(expected, abs=1e-6)
    assert abs(values(rows)["wmean"] - values(rows)["all"]) > 1e-3  # which one it is makes a difference


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
