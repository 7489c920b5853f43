"""Vectors that are stored: analysed, learned from without labels, evaluated on pairs of rows, and taken away."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import composed, undrawn

from uncone import removal as removals
from uncone.commands.advise import advise
from uncone.commands.analyze import analyze
from uncone.commands.evaluate import evaluate
from uncone.commands.export import export
from uncone.commands.train import train
from uncone.encoder import Encoder
from uncone.removal.spectrum import Spectrum
from uncone.runs.reading import read_results

ROWS, DIMENSION, LOUD = 600, 12, 2
SMALL = ("sample=300", "resamples=20", "measures={neighbours:10,queries:50,clusters:[2,3],cluster_points:200}")
QUICK = ("logger=csv", "probe={size:200,queries:20}", "recipe.optimizer.max_steps=60", "recipe.strength=1")


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    """Twelve rows of each of fifty topics follow each other; two loud directions have nothing to do with topics."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(ROWS // 12, DIMENSION)), 12, axis=0) + rng.normal(size=(ROWS, DIMENSION)) / 2
    X[:, :LOUD] = 8 * rng.normal(size=(ROWS, LOUD))
    return (X + 3).astype(np.float32)


@pytest.fixture(scope="module")
def docs(X, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stored") / "docs.npy"
    np.save(path, X)
    return path


def stored(docs: Path, folder: Path) -> tuple[str, ...]:
    return "encoder=stored", f"encoder.vectors={docs}", f"output_dir={folder}"


@pytest.fixture(scope="module")
def run(docs, tmp_path_factory) -> Path:
    """A run that has learned from which rows follow each other."""
    folder = tmp_path_factory.mktemp("learned") / "run"
    with undrawn():
        train(composed("train", "experiment=stored", *stored(docs, folder)[1:], *QUICK))
    return folder


def test_analysis_is_that_of_all_rows(X, docs, tmp_path, monkeypatch):
    monkeypatch.setattr("uncone.geometry.atlas.occurrences.PILOT_ROWS", 100)
    method = ("removal=[none,all_but_the_top,clustered]", "methods.all_but_the_top.D=2", "methods.clustered.clusters=3")
    analyze(composed("analyze", *stored(docs, tmp_path / "out"), *SMALL, *method))
    found = {(row.removal, row.metric): row.value for row in read_results(tmp_path / "out")}
    units = X.astype(float) / np.linalg.norm(X, axis=1, keepdims=True)
    mean = (np.square(units.sum(0)).sum() - ROWS) / (ROWS * (ROWS - 1))
    assert found["none", "mean_cosine"] == pytest.approx(mean, abs=1e-6)
    assert found["none", "s_inter"] == found["none", "mean_cosine"]
    corrected = removals.all_but_the_top(Spectrum.fit(X), 2).apply(X)
    assert found["all_but_the_top", "norm_mean"] == pytest.approx(np.linalg.norm(corrected, axis=1).mean(), rel=1e-5)
    sample = json.loads((tmp_path / "out" / "atlas" / "docs" / "sample.json").read_text())
    assert sample["token"] == [str(row) for row in sample["type"]]


def test_what_follows_each_other_tells_what_is_noise(X, run):
    """The loud directions go, without a score."""
    learned = removals.load(run)
    moved = learned.apply(np.eye(DIMENSION, dtype=np.float32)) - learned.apply(np.zeros((1, DIMENSION), np.float32))
    lengths = np.linalg.norm(moved, axis=1)
    assert lengths[:LOUD].max() < 0.5 * lengths[LOUD:].min()
    assert learned.encoder["name"] == "docs"
    assert {row.task for row in read_results(run)} == {"geometry"}


def test_evaluated_on_pairs_of_rows(X, docs, run, tmp_path):
    rng = np.random.default_rng(1)
    i, j = rng.integers(0, ROWS, (2, 300))
    score = 1.0 * (i // 12 == j // 12) + 0.001 * rng.random(300)
    i[:100], j[:100], score[:100] = np.arange(100), np.arange(1, 101), 1 + 0.001 * rng.random(100)
    lines = [f"{a}\t{b}\t{s}" for a, b, s in zip(i, j, score, strict=True)]
    (tmp_path / "pairs.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *lines]))
    task = ("task=[pairs]", f"tasks.pairs.sets={tmp_path}/pairs.tsv", "resamples=50", f"removal=[none,{run}]")
    rows = evaluate(composed("evaluate", *stored(docs, tmp_path / "out"), *task))
    found = {row.removal: row.value for row in rows if row.metric == "spearman"}
    assert found["run"] > found["none"] + 0.1


def test_search_by_identifiers_that_name_rows(X, docs, run, tmp_path):
    """Queries are rows of their own, near the topic that they ask for."""
    rng = np.random.default_rng(2)
    topics = rng.integers(0, ROWS // 12, 40)
    queries = X.reshape(-1, 12, DIMENSION)[topics].mean(1)
    queries[:, :LOUD] = 8 * rng.normal(size=(40, LOUD)) + 3
    np.save(tmp_path / "queries.npy", queries)
    (tmp_path / "qrels").mkdir()
    judged = [f"q{i}\t{12 * topic + place}\t1" for i, topic in enumerate(topics) for place in range(12)]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n")
    for name, ids in (("corpus", range(ROWS)), ("queries", [f"q{i}" for i in range(40)])):
        lines = [json.dumps({"_id": str(key), "text": "a text"}) for key in ids]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "ids.txt").write_text("\n".join(f"q{i}" for i in range(40)))
    asked = (*stored(docs, tmp_path / "out"), "task=[beir]", f"tasks.beir.data={tmp_path}", f"removal=[none,{run}]")
    with pytest.raises(ValueError, match=r"docs has no vectors of queries: set encoder\.queries=FILE"):
        evaluate(composed("evaluate", *asked))
    vectors = (f"encoder.queries={tmp_path}/queries.npy", f"encoder.query_texts={tmp_path}/ids.txt", "overwrite=true")
    rows = evaluate(composed("evaluate", *asked, *vectors))
    found = {row.removal: row.value for row in rows if row.metric == "ndcg@10"}
    assert found["run"] > found["none"] + 0.1


def test_advice_finds_the_loud_directions(docs, tmp_path, capsys):
    """And names commands that stored vectors know."""
    rng = np.random.default_rng(3)
    for name, header in (("w", "word1\tword2\tscore"), ("s", "sentence1\tsentence2\tscore")):
        i = rng.integers(0, ROWS, 300)
        j = np.where(np.arange(300) < 150, i // 12 * 12 + (i + 1) % 12, rng.integers(0, ROWS, 300))
        score = 1.0 * (i // 12 == j // 12) + 0.01 * rng.random(300)
        rows = [f"{a}\t{b}\t{c}" for a, b, c in zip(i, j, score, strict=True)]
        (tmp_path / f"{name}.tsv").write_text("\n".join([header, *rows]) + "\n")
    asked = (f"words=[{tmp_path}/w.tsv]", f"sentences=[{tmp_path}/s.tsv]", "removal=[all_but_the_top]", "task=[]")
    small = ("methods.all_but_the_top.D=[1,2]", "folds=3", "divisions=1", "resamples=200", "probe.queries=20")
    advise(composed("advise", *stored(docs, tmp_path / "out"), *asked, *small))
    said = " ".join(capsys.readouterr().out.split())
    assert "all_but_the_top(D=2, centred=True)" in said
    assert "encoder.layers" not in said
    assert "experiment=stored" in said


def test_texts_that_are_no_rows_are_named(docs, tmp_path):
    with pytest.raises(ValueError, match=r"docs has no vector of .*: its 600 rows are called '0' to '599'"):
        evaluate(composed("evaluate", *stored(docs, tmp_path / "out"), "task=[lee]", "removal=[none]"))


def test_the_map_as_a_matrix(X, docs, run, tmp_path):
    removal = removals.load(run)
    export(composed("export", f"removal={run}", f"output_dir={tmp_path}/map", "format=numpy"))  # the run names the file
    W, b = np.load(tmp_path / "map" / "W.npy"), np.load(tmp_path / "map" / "b.npy")
    np.testing.assert_allclose(X @ W.T + b, removal.apply(X), atol=1e-4)
    card = (tmp_path / "map" / "README.md").read_text()
    assert "vectors = raw @ W.T + b" in card
    assert "rows that belong together" in card or "was not measured" in card


def test_a_matrix_for_queries_of_their_own_centre(X, docs, tmp_path):
    np.save(tmp_path / "queries.npy", X[:50] + 4)
    own = (f"encoder.queries={tmp_path}/queries.npy", "fit.queries=true")
    export(composed("export", *stored(docs, tmp_path / "map"), *own, "removal=centre", "format=numpy"))
    W, b = np.load(tmp_path / "map" / "W.npy"), np.load(tmp_path / "map" / "b_queries.npy")
    np.testing.assert_allclose(((X[:50] + 4) @ W.T + b).mean(0), 0, atol=1e-4)
    np.testing.assert_allclose((X @ W.T + np.load(tmp_path / "map" / "b.npy")).mean(0), 0, atol=1e-4)
    asked = (f"removal={tmp_path}/map/removal", "format=vectors", f"input={tmp_path}/queries.npy")
    export(composed("export", *asked, f"output={tmp_path}/out.npy", "role=query"))
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), (X[:50] + 4) @ W.T + b, atol=1e-4)
    with pytest.raises(ValueError, match="a centre for queries: set role=query or role=document"):
        export(composed("export", *asked, f"output={tmp_path}/other.npy"))
    assert "FOLDER" not in (tmp_path / "map" / "README.md").read_text()
    assert 'raw_queries @ W.T + np.load("map/b_queries.npy")' in (tmp_path / "map" / "README.md").read_text()


def test_a_corrected_file_by_a_method_fitted_on_it(X, docs, tmp_path):
    asked = ("format=vectors", f"input={docs}", f"output={tmp_path}/out.npy", "dimensions=4")
    export(composed("export", *asked, "removal=all_but_the_top", "methods.all_but_the_top.D=2"))
    spectrum = Spectrum.fit(X)
    expected = removals.reduced(removals.all_but_the_top(spectrum, 2), 4, spectrum).apply(X)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-4)
    with pytest.raises(ValueError, match=r"methods\.all_but_the_top has a list of settings, but nothing to choose by"):
        export(composed("export", *asked[:2], f"output={tmp_path}/other.npy", "removal=all_but_the_top"))


@pytest.mark.parametrize("form", ["sentence_transformers", "onnx", "word2vec"])
def test_formats_that_need_an_encoder_say_so(form, docs, tmp_path):
    with pytest.raises(ValueError, match=r"docs are stored vectors.* set format=numpy, or format=vectors"):
        export(composed("export", *stored(docs, tmp_path / "out"), "removal=none", f"format={form}"))


def test_the_same_from_python(X):
    encoder = Encoder.from_vectors(X)
    np.testing.assert_array_equal(encoder.encode(["5", "0"]), X[[5, 0]])
