import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import v_measure_score

from uncone.data import LabelledTexts, load_classification
from uncone.tasks import Clustering, evaluate


class Planted:
    """Texts are names of rows of a matrix."""

    def __init__(self, x):
        self.x = x

    def sentences(self, texts):
        return self.x[[int(text) for text in texts]]


def planted(n=400, classes=4, noise=0.1, seed=0):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, classes, size=n)
    x = np.eye(classes, 8, dtype=np.float32)[target] * 5 + generator.normal(size=(n, 8)).astype(np.float32) * noise
    return Planted(x), LabelledTexts(tuple(map(str, range(n))), tuple(f"c{y}" for y in target), ("all",) * n)


def test_figures_equal_a_plain_script():
    vectors, texts = planted(noise=3)
    (found,) = Clustering(texts, "mine", samples=4, documents=300, seed=2).predict(vectors)
    rows = np.random.default_rng(2).permutation(400)[:300]
    expected = []
    for i in range(4):
        part = rows[75 * i : 75 * i + 75]
        model = MiniBatchKMeans(4, batch_size=512, n_init=1, random_state=2 + i)
        expected.append(v_measure_score(texts.target[part], model.fit_predict(vectors.x[part].astype(np.float64))))
    np.testing.assert_allclose(found.predicted, expected)
    assert found.metrics == ("v_measure",)


def test_planted_clusters_are_found_and_noise_is_not():
    clear, texts = planted()
    systems = {"none": clear, "noise": Planted(np.random.default_rng(1).normal(size=clear.x.shape))}
    rows, _ = evaluate([Clustering(texts, "mine")], systems, reference="none")
    values = {row.removal: row for row in rows}
    assert values["none"].value > 0.8
    assert values["noise"].value < 0.3
    assert values["noise"].p_holm < 0.05
    assert values["none"].n == 10
    assert values["none"].use == "clusters"


def test_of_length_1_only_directions_count():
    vectors, texts = planted(noise=2)
    longer = Planted(vectors.x * np.random.default_rng(2).uniform(0.1, 10, size=(len(vectors.x), 1)))
    one, other = (Clustering(texts, "mine", unit=True).predict(each)[0].predicted for each in (vectors, longer))
    np.testing.assert_allclose(one, other)
    assert not np.allclose(one, Clustering(texts, "mine").predict(longer)[0].predicted)


def test_too_few_texts():
    vectors, texts = planted(30)
    with pytest.raises(ValueError, match="mine: 30 texts in 10 samples are fewer than 4 classes in each: use fewer"):
        Clustering(texts, "mine").predict(vectors)


def test_published_sets(data_dir):
    sizes = {name: load_classification(name, data_dir) for name in ("stackoverflow", "searchsnippets", "banking77")}
    assert {name: (len(texts), len(texts.classes)) for name, texts in sizes.items()} == {
        "stackoverflow": (20000, 20),
        "searchsnippets": (12340, 8),
        "banking77": (13083, 77),
    }
