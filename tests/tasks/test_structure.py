"""Planted answers: vectors made of tense, meaning or structure alone; and miniatures through the whole command."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from uncone.commands.evaluate import evaluate as evaluate_command
from uncone.commands.schema import register
from uncone.runs.reading import read_results
from uncone.tasks import FunctionWords, VerbTense, evaluate
from uncone.tasks.structure import RATIOS

ROOT = Path(__file__).parents[2]
MEANINGS = {
    "run": (("runs", "ran"), ("to the old house", "the small company")),
    "draw": (("draws", "drew"), ("a picture of it", "the cart home")),
}


@pytest.fixture
def verbs(tmp_path):
    """Three sentences of every lemma, meaning and tense."""
    path = tmp_path / "verbs.tsv"
    rows = [
        f"{who} <b>{forms[tense]}</b> {objects[meaning]} .\t{lemma}\t{lemma}.{meaning}\t{('present', 'past')[tense]}\n"
        for lemma, (forms, objects) in MEANINGS.items()
        for meaning, tense in product((0, 1), (0, 1))
        for who in ("She", "The tall man", "Nobody here")
    ]
    path.write_text("context\tlemma\tmeaning\ttense\n" + "".join(rows))
    return path


@pytest.fixture
def groups(tmp_path):
    path = tmp_path / "groups.tsv"
    rows = [f"A {a} is {b}.\ta\n" for a, b in (("man", "crying"), ("cat", "running"), ("king", "dancing"))]
    rows += [
        f"Why did the {a} leave the {b}, then.\tb\n" for a, b in (("boy", "room"), ("train", "city"), ("ship", "sea"))
    ]
    path.write_text("text\tgroup\n" + "".join(rows))
    return path


class Marked:
    """The vector of a word in context is whatever a function says of text and span."""

    def __init__(self, function):
        self.function = function

    def in_context(self, texts, spans):
        return np.array([self.function(text, span) for text, span in zip(texts, spans, strict=True)], dtype=np.float32)


def values(rows):
    return {row.subset: row.value for row in rows if row.metric == "mean"}


def test_ratios_of_planted_distances(verbs):
    """Two tenses stand `far` apart, two meanings `near`, and equal occurrences by a little noise."""

    def vector(text, span):
        generator = np.random.default_rng(sum(map(ord, text)))
        tense = text[slice(*span)] in ("ran", "drew")
        meaning = text.endswith(("company .", "home ."))
        return [3.0 * tense, 1.0 * meaning, *generator.normal(scale=0.01, size=4)]

    rows, _ = evaluate([VerbTense(verbs)], {"none": Marked(vector)}, resamples=10)
    assert values(rows)["st_dm/dt_sm"] == pytest.approx(1 / 3, abs=0.01)
    assert values(rows)["st_dm/st_sm"] > 20
    assert {row.n for row in rows} == {2}  # lemmas


def test_ratios_by_brute_force(verbs):
    def vector(text, span):
        return np.random.default_rng(sum(i * ord(letter) for i, letter in enumerate(text))).normal(size=3)

    task = VerbTense(verbs)
    rows, _ = evaluate([task], {"none": Marked(vector)}, resamples=10)
    items = list(zip(task.data.text, task.data.lemma, task.data.meaning, task.data.tense, strict=True))
    ratios = []
    for lemma in MEANINGS:
        kinds = {}
        for one, other in combinations([item for item in items if item[1] == lemma], 2):
            distance = np.linalg.norm(vector(one[0], None) - vector(other[0], None))
            kinds.setdefault((one[3] == other[3], one[2] == other[2]), []).append(distance)
        means = {kind: np.mean(distances) for kind, distances in kinds.items()}
        ratios.append([means[True, False] / means[False, True], means[False, True] / means[True, True]])
    expected = np.mean(ratios, axis=0)
    assert values(rows)["st_dm/dt_sm"] == pytest.approx(expected[0], abs=1e-6)
    assert values(rows)["dt_sm/st_sm"] == pytest.approx(expected[1], abs=1e-6)


def test_neighbours_of_planted_structure(groups):
    task = FunctionWords(groups, words=[".", "the"])
    by_structure = Marked(lambda text, span: [float(text.startswith("Why")), len(text) / 1000])
    rows, _ = evaluate([task], {"none": by_structure}, resamples=10)
    assert values(rows) == {".": 0.0, "the": 0.0, "macro": 0.0}


def test_neighbours_by_brute_force(groups):
    def vector(text, span):
        return np.random.default_rng(len(text) + span[0]).normal(size=2)

    task = FunctionWords(groups, words=["."])
    (prediction,) = task.predict(Marked(vector))
    x = [vector(text, (text.index("."), 0)) for text in task.data.text]
    shares = []
    for i, group in enumerate(task.data.group):
        others = sorted((float(np.linalg.norm(x[i] - x[j])), task.data.group[j]) for j in range(6) if j != i)
        shares.append(np.mean([name != group for _, name in others[:2]]))  # two others have the same structure
    assert 0 < np.mean(shares) < 1
    np.testing.assert_array_equal(prediction.predicted, shares)


def test_the_experiment_on_miniatures(verbs, groups, tmp_path):
    register()
    overrides = [f"tasks.verb_tense.path={verbs}", f"tasks.function_words.path={groups}"]
    overrides += ["tasks.function_words.words=['.',the]", "methods.clustered={clusters: 2, D: 1}"]
    overrides += [
        "encoder.layers=[1]",
        "methods.all_but_the_top.D=2",
        "corpus_limit=20",
        "vocabulary_size=600",
        "resamples=20",
    ]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("evaluate", ["experiment=rajaee2021_structure", *overrides, f"output_dir={tmp_path}/run"])
    evaluate_command(config)
    rows = read_results(tmp_path / "run")
    figures = {(row.removal, row.task, row.subset): row.value for row in rows if row.metric == "mean"}
    assert {removal for removal, *_ in figures} == {"none", "all_but_the_top", "clustered"}
    for removal in ("none", "all_but_the_top", "clustered"):
        assert all(figures[removal, "verb_tense", ratio] > 0 for ratio in RATIOS)
        assert all(0 <= figures[removal, "function_words", word] <= 1 for word in (".", "the", "macro"))
    assert figures["none", "verb_tense", "st_dm/st_sm"] != figures["all_but_the_top", "verb_tense", "st_dm/st_sm"]


def test_errors(tmp_path, verbs, groups):
    rows, not_run = evaluate([VerbTense(None), FunctionWords(None)], {"none": Marked(None)})
    assert not rows
    assert [line.why.split(";")[0] for line in not_run] == ["name a file of verbs", "name a file of groups"]
    verbs.write_text("\n".join(verbs.read_text().splitlines()[:4]))  # one meaning in one tense
    with pytest.raises(ValueError, match="no lemma has pairs of all three kinds"):
        VerbTense(verbs).predict(Marked(lambda text, span: [len(text)]))
    with pytest.raises(ValueError, match="'of' does not stand in two sentences of any group"):
        FunctionWords(groups, words=["of"]).predict(Marked(lambda text, span: [len(text)]))
