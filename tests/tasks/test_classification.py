import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from uncone.data import LabelledTexts, load_classification
from uncone.tasks import Classification, evaluate, markdown_table
from uncone.tasks.classification import LogisticProbe, MlpProbe, Rows, ThresholdProbe


class Planted:
    """Texts are names of rows of a matrix."""

    def __init__(self, x):
        self.x = x.astype(np.float32)

    def sentences(self, texts):
        return self.x[[int(text) for text in texts]]

    def in_context(self, texts, spans):
        return self.x[[int(text[start:end]) for text, (start, end) in zip(texts, spans, strict=True)]]


def planted(n=400, d=12, classes=2, seed=0, split=None):
    """Vectors and labels that are a linear function of them."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, d)) + 5
    labels = ((x - 5) @ generator.normal(size=(d, classes))).argmax(axis=1)
    names = tuple(map(str, range(n)))
    return Planted(x), LabelledTexts(names, tuple(f"c{y}" for y in labels), split or ("all",) * n)


def values(rows, removal="none"):
    return {row.metric: row.value for row in rows if row.removal == removal}


def plain_script(x, target, rounds, seed, dev=None):
    """What a person would write with scikit-learn: standardise, choose C on folds or dev, fit, predict."""

    def fit(rows, C):
        scaler = StandardScaler().fit(x[rows])
        model = LogisticRegression(C=C, solver="newton-cg", tol=1e-8, max_iter=1000)
        model.fit(scaler.transform(x[rows]), target[rows])
        return lambda of: model.predict(scaler.transform(x[of]))

    predicted = np.zeros(len(target), dtype=int)
    for train, test in rounds:
        scores = {}
        for C in (1e-4, 1e-3, 1e-2, 1e-1):
            if dev is not None:
                scores[C] = accuracy_score(target[dev], fit(train, C)(dev))
                continue
            guesses = np.zeros(len(train), dtype=int)
            folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(train, target[train])
            for inside, outside in folds:
                guesses[outside] = fit(train[inside], C)(train[outside])
            scores[C] = accuracy_score(target[train], guesses)
        predicted[test] = fit(train, max(scores, key=scores.get))(test)
    return predicted


def test_cross_validation_equals_a_plain_script(glove):
    """The packaged polarity sentences, as vectors of GloVe words."""
    seed = 3
    texts = load_classification("polarity")
    rows, _ = evaluate([Classification("polarity", seed=seed, folds=4)], {"none": glove}, resamples=10)
    x, target = glove.sentences(texts.text1).astype(np.float64), texts.target
    rounds = list(StratifiedKFold(4, shuffle=True, random_state=seed).split(x, target))
    predicted = plain_script(x, target, rounds, seed)
    assert values(rows)["accuracy"] == pytest.approx(accuracy_score(target, predicted), abs=1e-6)
    assert values(rows)["macro_f1"] == pytest.approx(f1_score(target, predicted, average="macro"), abs=1e-6)
    assert values(rows)["matthews"] == pytest.approx(matthews_corrcoef(target, predicted), abs=1e-6)


def test_a_split_equals_a_plain_script(data_dir, glove):
    """TREC, six classes; a quarter of its train split, regularised by inner folds, and its test split."""
    trec = Classification("trec", data_dir=data_dir).data
    kept = [*trec.rows("train")[::4], *trec.rows("test")]
    texts = LabelledTexts(*(tuple(column[i] for i in kept) for column in (trec.text1, trec.label, trec.split)))
    task = Classification(texts, "trec")
    rows, _ = evaluate([task], {"none": glove}, resamples=10)
    x, target = glove.sentences(task.data.text1).astype(np.float64), task.data.target
    train, test = task.data.rows("train"), task.data.rows("test")
    predicted = plain_script(x, target, [(train, test)], seed=0)[test]
    assert values(rows)["accuracy"] == pytest.approx(accuracy_score(target[test], predicted), abs=1e-6)
    assert {row.subset for row in rows} == {"test"}
    dummy = DummyClassifier().fit(x[train], target[train]).predict(x[test])
    assert values(rows, "majority")["accuracy"] == accuracy_score(target[test], dummy)
    assert values(rows, "majority")["macro_f1"] == pytest.approx(f1_score(target[test], dummy, average="macro"))


def test_a_dev_split_chooses(glove):
    """With train, dev and test, nothing is chosen by folds, and dev is not trained on."""
    vectors, texts = planted(600, split=("train",) * 150 + ("dev",) * 200 + ("test",) * 250)
    noisy = np.random.default_rng(1).permutation(600)[:200]
    label = np.array(texts.label)
    label[noisy] = label[noisy[::-1]]
    texts = LabelledTexts(texts.text1, tuple(label.tolist()), texts.split)
    (prediction,) = Classification(texts, "mine").predict(vectors)
    train, dev, test = (texts.rows(split) for split in ("train", "dev", "test"))
    expected = plain_script(vectors.x.astype(np.float64), texts.target, [(train, test)], 0, dev)[test]
    np.testing.assert_array_equal(prediction.predicted, expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_planted_labels_are_found_and_shuffled_ones_are_not(classes):
    vectors, texts = planted(1000, classes=classes)
    shuffled = LabelledTexts(
        texts.text1, tuple(np.random.default_rng(1).permutation(texts.label).tolist()), texts.split
    )
    rows, _ = evaluate([Classification(texts, "mine", folds=3)], {"none": vectors}, resamples=100)
    assert values(rows)["accuracy"] > 0.95
    rows, _ = evaluate([Classification(shuffled, "mine", folds=3)], {"none": vectors}, resamples=100, reference="none")
    assert values(rows)["accuracy"] == pytest.approx(values(rows, "majority")["accuracy"], abs=0.08)
    (compared,) = [row for row in rows if row.metric == "accuracy" and row.gain is not None]
    assert compared.removal == "majority"
    assert compared.p_value > 0.05


def test_majority_is_a_method_of_the_table():
    vectors, texts = planted()
    rows, _ = evaluate([Classification(texts, "mine", folds=3)], {"none": vectors}, resamples=50, reference="none")
    table = markdown_table(rows)
    assert "| method | labels: mine all accuracy |" in table
    assert "| majority | ▼ 5" in table
    rows, _ = evaluate([Classification(texts, "mine", metric="matthews", folds=3)], {"none": vectors}, resamples=50)
    assert "| method | labels: mine all matthews |" in markdown_table(rows)
    assert "| majority | 0.0 ±0.0 |" in markdown_table(rows)
    with pytest.raises(ValueError, match="no removal may be called 'majority'"):
        evaluate([Classification(texts, "mine", folds=3)], {"majority": vectors})


@pytest.mark.parametrize("probe", ["logistic", "mlp", "neighbours", "few_shot", "threshold"])
def test_scored_rows_leave_no_trace_in_the_classifier(probe):
    """Spoil the labels of the test rows, and all their vectors but those of the first: what is said of it stays."""
    split = ("train",) * 200 + ("dev",) * 50 + ("test",) * 50
    vectors, texts = planted(300, split=split)
    names = texts.text1
    second = (*names[:200][::-1], *names[200:250][::-1], *names[250:][::-1])  # pairs stay inside their split
    texts = LabelledTexts(names, texts.label, split, second)
    (before,) = Classification(texts, "mine", probe=probe).predict(vectors)
    spoilt = Planted(vectors.x.copy())
    spoilt.x[251:299] = 1e4  # the first test row is the pair of rows 250 and 299
    label = (*texts.label[:251], *texts.label[251:][::-1])
    (after,) = Classification(LabelledTexts(names, label, split, second), "mine", probe=probe).predict(spoilt)
    assert before.predicted[0] == after.predicted[0]
    rows = slice(1) if probe == "few_shot" else slice(None)  # where what is told is whether the label was met
    assert before.majority[rows].tolist() == after.majority[rows].tolist()


def test_fit_sees_training_rows_only():
    """The logistic classifier of a fold is the same, bit for bit, whatever the rows held out."""
    x, target = planted()[0].x, planted()[1].target
    spoilt = x.copy()
    spoilt[300:] *= -100
    one = LogisticProbe().fit(Rows(x[:300], target[:300]), 2)
    same = LogisticProbe().fit(Rows(spoilt[:300], target[:300]), 2)
    np.testing.assert_array_equal(one(x), same(x))


@pytest.mark.parametrize("probe", ["logistic", "mlp"])
def test_seeds(probe):
    vectors, texts = planted(seed=2)
    label = np.array(texts.label)
    label[::3] = label[::3][::-1]
    texts = LabelledTexts(texts.text1, tuple(label.tolist()), texts.split)
    one, same, other = (
        Classification(texts, "mine", probe=probe, folds=4, seed=seed).predict(vectors)[0].predicted
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_pair_features_are_those_of_senteval():
    vectors, _ = planted(6, 3)
    texts = LabelledTexts(tuple("0123"), tuple("xyxy"), ("all",) * 4, tuple("5432"))
    features = Classification(texts, "mine")._features(vectors)
    u, v = vectors.x[[0, 1, 2, 3]], vectors.x[[5, 4, 3, 2]]
    np.testing.assert_array_equal(features, np.hstack([np.abs(u - v), u * v]))
    marked = LabelledTexts(("a 0", "1 b"), ("x", "y"), ("all",) * 2, ("2 c", "d 3"), ((2, 3), (0, 1)), ((0, 1), (2, 3)))
    features = Classification(marked, "mine")._features(vectors)
    u, v = vectors.x[[0, 1]], vectors.x[[2, 3]]
    np.testing.assert_array_equal(features, np.hstack([np.abs(u - v), u * v]))


def test_mlp_learns_what_a_line_cannot():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1500, 2))
    names, label = tuple(map(str, range(1500))), tuple("xy"[i] for i in (x[:, 0] * x[:, 1] > 0).astype(int))
    texts = LabelledTexts(names, label, ("train",) * 1000 + ("test",) * 500)
    scores = {
        probe: values(evaluate([Classification(texts, "mine", probe=probe)], {"none": Planted(x)}, resamples=5)[0])
        for probe in ("logistic", "mlp")
    }
    assert scores["logistic"]["accuracy"] < 0.7
    assert scores["mlp"]["accuracy"] > 0.9
    assert MlpProbe().hidden == 100


def test_neighbours_and_a_few_shots_equal_plain_scripts():
    vectors, texts = planted(500, classes=3, split=("train",) * 300 + ("test",) * 200)
    x, target, (train, test) = vectors.x.astype(np.float64), texts.target, map(texts.rows, ("train", "test"))
    (found,) = Classification(texts, "mine", probe="neighbours").predict(vectors)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    nearest = np.argsort(-(unit[test] @ unit[train].T), axis=1)[:, :5]
    np.testing.assert_array_equal(found.predicted, [np.bincount(target[train][row]).argmax() for row in nearest])
    (found,) = Classification(texts, "mine", probe="few_shot", seed=4).predict(vectors)
    generator, right = np.random.default_rng(4), []
    for _ in range(10):
        order = generator.permutation(300)
        drawn = [row for c in range(3) for row in [i for i in order if target[i] == c][:8]]
        model = LogisticRegression(max_iter=5000).fit(x[drawn], target[drawn])
        right.append(model.predict(x[test]) == target[test])
    np.testing.assert_allclose(found.predicted, np.mean(right, axis=0))
    assert len({each.mean() for each in right}) > 1  # which rows are drawn matters


def test_few_shots_are_a_mean_accuracy():
    vectors, texts = planted(500, classes=3, split=("train",) * 300 + ("test",) * 200)
    rows, _ = evaluate([Classification(texts, "mine", probe="few_shot")], {"none": vectors}, resamples=200)
    assert {row.metric for row in rows} == {"mean_accuracy"}
    (prediction,) = Classification(texts, "mine", probe="few_shot").predict(vectors)
    (row,) = [row for row in rows if row.removal == "none"]
    assert row.value == pytest.approx(prediction.predicted.mean())
    error = prediction.predicted.std() / np.sqrt(200)  # over scored rows, of which all draws see the same
    assert (row.high - row.low) / 2 == pytest.approx(1.96 * error, rel=0.2)
    train, test = texts.rows("train"), texts.rows("test")
    (most,) = [row.value for row in rows if row.removal == "majority"]
    assert most == np.mean(texts.target[test] == np.bincount(texts.target[train]).argmax())
    with pytest.raises(ValueError, match="mean accuracy of its draws: leave out metric=matthews"):
        Classification(texts, "mine", probe="few_shot", metric="matthews")


@pytest.mark.parametrize("upper", [0, 1])
def test_threshold_is_the_best_of_all(upper):
    generator = np.random.default_rng(upper)
    x = np.round(generator.normal(size=(80, 1)), 1)  # with ties
    target = (generator.random(80) < 0.5 + 0.4 * np.sign(x[:, 0])).astype(int)
    target = target if upper else 1 - target
    classifier = ThresholdProbe().fit(Rows(x[:60], target[:60]), 2, Rows(x[60:], target[60:]))
    brute = max(
        max(np.mean((x[:, 0] > t) == target), np.mean((x[:, 0] <= t) == target)) for t in [-9, *np.unique(x), 9]
    )
    assert np.mean(classifier(x) == target) == brute
    with pytest.raises(ValueError, match="two classes by one number, not 3 by 1"):
        ThresholdProbe().fit(Rows(x, target), 3)


def test_errors(glove):
    _, texts = planted(40)
    with pytest.raises(ValueError, match="unknown metric 'f1': choose one of accuracy, macro_f1, matthews"):
        Classification(metric="f1")
    with pytest.raises(ValueError, match="unknown probe 'svm': choose one of logistic, mlp, neighbours, few_shot, th"):
        Classification(probe="svm")
    with pytest.raises(ValueError, match="give the task a name"):
        Classification(texts)
    with pytest.raises(ValueError, match="polarity: the threshold probe needs pairs"):
        Classification(probe="threshold").predict(glove)
    rare = LabelledTexts(texts.text1, ("x",) * 37 + ("y",) * 3, texts.split)
    with pytest.raises(ValueError, match="a class has 3 rows, fewer than the 10 folds: use fewer folds"):
        Classification(rare, "mine").predict(planted(40)[0])
