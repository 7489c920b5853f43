"""Search is scored as trec_eval and mteb score it."""

import gzip
import json

import numpy as np
import pytest

from uncone.data import Searches, load_searches
from uncone.tasks import Retrieval, evaluate, retrieval
from uncone.tasks.leaks import scored_texts
from uncone.tasks.retrieval import METRICS, search

TREC = ("ndcg_cut_10", "map", "recall_100")


class Planted:
    """A text is vectors[text]."""

    def __init__(self, vectors):
        self.vectors, self.asked = vectors, []

    def with_prompt(self, role):
        self.asked.append(role)
        return self

    def sentences(self, texts):
        return np.stack([self.vectors[text] for text in texts])


def planted(n=300, queries=20, seed=0):
    """Corners of a cube, whose cosines are exact and often equal; graded judgements, some of them 0."""
    generator = np.random.default_rng(seed)
    documents = tuple(f"text {i}" for i in generator.integers(0, n // 2, size=n))
    asked = tuple(f"query {i}" for i in range(queries))
    known = dict.fromkeys([*documents, *asked])
    vectors = {text: generator.choice([-1.0, 1.0], size=16) for text in known} | {documents[0]: np.zeros(16)}
    ids = tuple(map(str, generator.permutation(n)))
    relevance = tuple(
        {str(i): int(generator.integers(0, 4)) for i in generator.choice(n + 9, 12, replace=False)} | {"0": 1}
        for _ in asked
    )
    return Planted(vectors), Searches(asked, ids, documents, relevance)


def trec_eval(vectors, data):
    """What trec_eval says of the cosines, computed one by one."""
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="the oracle of search: pip install pytrec-eval-terrier")
    run = {}
    for query in data.queries:
        q, run[query] = vectors.vectors[query], {}
        for key, text in zip(data.document_ids, data.documents, strict=True):
            d = vectors.vectors[text]
            run[query][key] = float(q @ d / 16)
        run[query] = dict(sorted(run[query].items(), key=lambda item: (item[1], item[0]), reverse=True)[:1000])
    judged = dict(zip(data.queries, data.relevance, strict=True))
    found = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut", "map", "recall"}).evaluate(run)
    ranks = []
    for query in data.queries:
        first = [judged[query].get(key, 0) > 0 for key in run[query]][:10]
        ranks.append(1 / (first.index(True) + 1) if any(first) else 0.0)
    return np.array([[found[query][name] for name in TREC] for query in data.queries]), np.array(ranks)


@pytest.mark.parametrize(("n", "block"), [(60, 7), (300, 1000), (1500, 400)])
def test_figures_are_those_of_trec_eval(n, block, monkeypatch):
    """With ties, grades, documents of one text, judgements of documents that are not there, and in any blocks."""
    monkeypatch.setattr(retrieval, "DOCUMENTS", block)
    monkeypatch.setattr(retrieval, "QUERIES", 6)
    vectors, data = planted(n)
    predictions = Retrieval(data, "mine").predict(vectors)
    assert [prediction.metrics for prediction in predictions] == [(metric,) for metric in METRICS]
    *ours, first = (prediction.predicted for prediction in predictions)
    theirs, ranks = trec_eval(vectors, data)
    np.testing.assert_allclose(np.stack(ours, axis=1), theirs, atol=1e-6)
    np.testing.assert_allclose(first, ranks, atol=1e-9)
    assert set(vectors.asked) == {"query", "document"}


def test_rows_have_intervals_and_paired_tests_over_queries():
    vectors, data = planted()
    noise = Planted({text: np.random.default_rng(len(text)).normal(size=3) for text in vectors.vectors})
    rows, not_run = evaluate([Retrieval(data, "mine")], {"none": vectors, "noise": noise}, reference="none")
    assert not not_run
    assert {row.metric for row in rows} == set(METRICS)
    assert all(row.n == 20 and row.low <= row.value <= row.high for row in rows)
    assert all(row.p_holm is not None for row in rows if row.removal == "noise")


def test_an_empty_document_is_never_found_and_nan_is_refused():
    vectors = Planted({"q": np.array([1.0, 0]), "a": np.array([-1.0, 0]), "b": np.array([0.0, 1])})
    data = Searches(("q",), ("1", "2", "3"), ("a", "  ", "b"), ({"1": 1, "2": 1},))
    ndcg, _, recall, first = (prediction.predicted[0] for prediction in Retrieval(data, "mine").predict(vectors))
    assert (recall, first) == (0.5, 0.5)
    assert ndcg == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    vectors.vectors["b"][0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        Retrieval(data, "mine").predict(vectors)


def test_memory_holds_a_block_of_documents():
    sizes = []

    def encode(texts):
        sizes.append(len(texts))
        return np.array([[len(text), 1.0] for text in texts])

    places = search(np.array([[1.0, 0.0]]), ["x" * (i % 97 + 1) for i in range(2 * retrieval.DOCUMENTS)], encode)
    assert sizes == [97, 97]  # distinct texts of each block
    assert places.shape == (1, retrieval.DEPTH)
    assert places[0, :3].tolist() == [96, 193, 290]  # the longest, in their order


def folder_of(path, corpus, queries, qrels, compress=False):
    (path / "qrels").mkdir(parents=True)
    lines = "".join(json.dumps(entry) + "\n" for entry in corpus)
    if compress:
        (path / "corpus.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    else:
        (path / "corpus.jsonl").write_text(lines)
    (path / "queries.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in queries))
    (path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
    return path


CORPUS = [{"_id": "a", "title": "One", "text": "two"}, {"_id": "b", "text": " three "}, {"_id": "c", "text": ""}]
QUERIES = [{"_id": "1", "text": "who?"}, {"_id": "2", "text": "why?"}, {"_id": "3", "text": "how?"}]


@pytest.mark.parametrize("compress", [False, True])
def test_a_folder_of_ones_own(compress, tmp_path, caplog):
    folder = folder_of(tmp_path / "mine", CORPUS, QUERIES, "1\ta\t2\n1\tc\t0\n3\tb\t0\n", compress)
    data = load_searches(folder)
    assert data == Searches(("who?",), ("a", "b", "c"), ("One two", "three", ""), ({"a": 2, "c": 0},), skipped=2)
    assert "2 of 3 queries have no relevant document: skipped" in caplog.text
    assert scored_texts([Retrieval(folder)]) == {"who?", "One two", "three", ""}
    assert Retrieval(folder).name == "mine"


@pytest.mark.parametrize(
    ("corpus", "queries", "qrels", "message"),
    [
        (CORPUS, QUERIES, "1\ta\t0.5\n", r"test.tsv, line 2: score must be a whole number, got 0.5"),
        (CORPUS, QUERIES, "9\ta\t1\n", r"judges the query '9', which .*queries.jsonl does not have"),
        (CORPUS, QUERIES, "1\ta\t0\n", "0 judged queries and 3 documents: give both"),
        (CORPUS, [{"_id": "1", "text": ""}], "1\ta\t1\n", "the query '' is empty"),
        ([*CORPUS, CORPUS[0]], QUERIES, "1\ta\t1\n", "corpus.jsonl, line 4: the _id 'a' stands twice"),
        ([{"id": "a"}], QUERIES, "1\ta\t1\n", "corpus.jsonl, line 1: a JSON object with _id and text expected"),
        ([{"_id": "a", "text": None}], QUERIES, "1\ta\t1\n", "line 1: a JSON object with _id and text expected"),
    ],
)
def test_malformed_folders(corpus, queries, qrels, message, tmp_path):
    folder = folder_of(tmp_path / "mine", corpus, queries, qrels)
    with pytest.raises(ValueError, match=message):
        load_searches(folder)


def test_what_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("UNCONE_DATA", raising=False)
    with pytest.raises(ValueError, match=r"no set of searches 'cranfeld'.* none of wikipedia, cranfield"):
        load_searches("cranfeld")
    folder = folder_of(tmp_path / "mine", CORPUS, QUERIES, "1\ta\t1\n")
    tasks = [Retrieval("cranfield"), Retrieval(folder, split="dev"), Retrieval(None, "beir")]
    _, not_run = evaluate(tasks, {"none": Planted({})})
    assert [each.task for each in not_run] == ["cranfield", "mine", "beir"]
    assert "not found: retrieval/cranfield/queries.jsonl" in not_run[0].why
    assert "the splits that have judgements are: test" in not_run[1].why


def test_published_sets(data_dir, caplog):
    sizes = {name: load_searches(name, data_dir) for name in ("cranfield", "cisi", "npl", "adi")}
    assert {name: (len(data.documents), len(data)) for name, data in sizes.items()} == {
        "cranfield": (1400, 225),
        "cisi": (1460, 76),
        "npl": (11429, 93),
        "adi": (82, 35),
    }
    assert sizes["cisi"].skipped == 36
    assert sum(not text for text in sizes["cranfield"].documents) == 2
    graded = load_searches("cranfield", data_dir, "test_graded")
    assert {grade for grades in graded.relevance for grade in grades.values()} == {1, 2, 3, 4}
