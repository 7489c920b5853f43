"""mteb runs its tasks on our vectors, by data of ours, and finds what we find."""

import json
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from uncone.data import DataUnavailable, load_searches, load_sts
from uncone.data.mteb import load_task
from uncone.encoder import Encoder
from uncone.export.mteb import Mteb, named_model
from uncone.removal import all_but_the_top, none
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.tasks import Retrieval, Sts, evaluate, markdown_table
from uncone.tasks.leaks import without_training_pairs

# mteb's own: its wrapper of sentence-transformers calls them so
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The fill_missing parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The `get_sentence_embedding_dimension` method has been:FutureWarning"),
]
needs_mteb = pytest.mark.skipif(not find_spec("mteb"), reason="mteb is not installed")


def evaluate_mteb(encoder, removal=None, tasks=("STSBenchmark",), data_dir=None, results_dir=None):
    """Mteb's own results of the model that an export writes."""
    import mteb

    return mteb.evaluate(
        named_model(encoder, removal),
        [load_task(name, data_dir) for name in tasks],
        encode_kwargs={"show_progress_bar": False},
        cache=None if results_dir is None else mteb.ResultCache(results_dir),
        overwrite_strategy="always",
        show_progress_bar=False,
        co2_tracker=False,
    )


@pytest.fixture(scope="module")
def encoder():
    return Encoder.from_pretrained("minilm", layers="static")


@pytest.fixture(scope="module")
def removal(encoder):
    return all_but_the_top(Spectrum.fit(encoder.table), D=3).for_encoder(encoder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with Lee's documents as STSBenchmark, and a little classification task of three topics."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "mteb").mkdir()
    pairs = load_sts("lee")
    lines = ["split\tsentence1\tsentence2\tscore"]
    lines += [
        f"test\t{one}\t{two}\t{score}" for one, two, score in zip(pairs.text1, pairs.text2, pairs.score, strict=True)
    ]
    (folder / "mteb" / "STSBenchmark.tsv").write_text("\n".join(lines), encoding="utf-8")
    generator = np.random.default_rng(0)
    topics = {"animals": "cat dog horse cow", "numbers": "one two three seven", "places": "city river street lake"}
    lines = ["split\ttext\tlabel"]
    for split, n in (("train", 30), ("test", 40)):
        for label, words in topics.items():
            noise = [
                " ".join(pool.split()[i] for pool, i in zip(topics.values(), row, strict=True))
                for row in generator.integers(0, 4, size=(n, 3))
            ]
            lines += [f"{split}\t{text} {generator.choice(words.split())}\t{label}" for text in noise]
    (folder / "mteb" / "Banking77Classification.v2.tsv").write_text("\n".join(lines))
    return folder


def by_metric(rows, removal="none"):
    return {row.metric: row.value for row in rows if row.removal == removal}


@needs_mteb
def test_sts_equals_mteb_on_packaged_documents(encoder, removal, folder):
    systems = {"none": Vectors(encoder), "top": Vectors(encoder, removal=removal)}
    rows, not_run = evaluate([Mteb("STSBenchmark", data_dir=folder)], systems, reference="none", resamples=50)
    assert not not_run
    ours, _ = evaluate([Sts("lee")], systems, resamples=50)
    for name in systems:
        for metric in ("spearman", "pearson"):
            assert by_metric(rows, name)[metric] == pytest.approx(by_metric(ours, name)[metric], abs=1e-5)
    assert by_metric(rows)["spearman"] != by_metric(rows, "top")["spearman"]
    assert {(row.task, row.subset, row.n) for row in rows} == {("mteb_stsbenchmark", "test", 1225)}
    assert {row.metric for row in rows if row.p_holm is not None} == {"spearman", "pearson"}


@needs_mteb
def test_sts_equals_mteb_on_the_benchmark(encoder, data_dir):
    vectors = {"none": Vectors(encoder)}
    tasks = [Mteb("STSBenchmark", data_dir=data_dir), Mteb("STS13", data_dir=data_dir)]
    rows, _ = evaluate(tasks, vectors, resamples=50)
    ours, _ = evaluate([Sts("stsb_test", data_dir=data_dir), Sts("sts13", data_dir=data_dir)], vectors, resamples=50)
    for theirs, mine in (("mteb_stsbenchmark", "stsb_test"), ("mteb_sts13", "sts13")):
        for metric in ("spearman", "pearson"):
            one = next(row for row in rows if (row.task, row.metric) == (theirs, metric))
            other = next(row for row in ours if (row.task, row.subset, row.metric) == (mine, "all", metric))
            assert one.value == pytest.approx(other.value, abs=1e-6)
            assert one.n == other.n


@needs_mteb
def test_mteb_reads_the_evaluators_own_figures(encoder, folder):
    """What mteb.evaluate reports, through mteb's whole machinery, is what the rows hold."""
    rows, _ = evaluate(
        [Mteb(name, data_dir=folder) for name in ("STSBenchmark", "Banking77Classification.v2")],
        {"none": Vectors(encoder)},
        resamples=50,
    )
    with pytest.warns(UserWarning, match="'STSBenchmark' is superseded"):
        result = evaluate_mteb(encoder, tasks=["STSBenchmark", "Banking77Classification.v2"], data_dir=folder)
    sts, classification = (one.scores["test"][0] for one in result.task_results)
    assert by_metric(rows)["spearman"] == pytest.approx(sts["cosine_spearman"], abs=1e-6)
    assert sts["main_score"] == sts["cosine_spearman"] == pytest.approx(sts["spearman"], abs=1e-5)
    assert by_metric(rows)["mean_accuracy"] == pytest.approx(classification["accuracy"], abs=1e-9)
    row = next(row for row in rows if row.metric == "mean_accuracy")
    assert 0.4 < row.low < row.value < row.high < 1.0
    assert row.n == 120
    assert "mteb_banking77classification.v2 test mean_accuracy" in markdown_table(rows)


@needs_mteb
def test_search_equals_mteb(encoder, removal):
    """The packaged searches in the place of SciFact."""
    import datasets
    import mteb

    scifact, data = mteb.get_task("SciFact"), load_searches("wikipedia")
    asked = [str(i) for i in range(len(data))]
    scifact.dataset = {
        "default": {
            "test": {
                "corpus": datasets.Dataset.from_dict({"id": data.document_ids, "text": data.documents}),
                "queries": datasets.Dataset.from_dict({"id": asked, "text": data.queries}),
                "relevant_docs": dict(zip(asked, data.relevance, strict=True)),
                "top_ranked": None,
            }
        }
    }
    scifact.data_loaded = True
    task = Mteb("SciFact")
    task.task = scifact
    systems = {"none": Vectors(encoder), "top": Vectors(encoder, removal=removal)}
    rows, not_run = evaluate([task], systems, resamples=50)
    assert not not_run
    ours, _ = evaluate([Retrieval("wikipedia")], systems, resamples=50)
    for name in systems:
        found, expected = by_metric(rows, name), by_metric(ours, name)
        assert set(found) == {"ndcg@10", "map", "recall@100", "mrr@10"}
        assert found == pytest.approx(expected, abs=1e-6)
    assert {(row.task, row.subset, row.n, row.use) for row in rows} == {("mteb_scifact", "test", 98, "search")}


@needs_mteb
def test_accuracy_by_hand(encoder, folder):
    """Ten logistic regressions on eight examples of each label, drawn as mteb draws them."""
    from sklearn.linear_model import LogisticRegression

    rows, _ = evaluate([Mteb("Banking77Classification.v2", data_dir=folder)], {"none": Vectors(encoder)}, resamples=50)
    lines = [line.split("\t") for line in (folder / "mteb" / "Banking77Classification.v2.tsv").read_text().split("\n")]
    train, test = ([(text, label) for split, text, label in lines if split == part] for part in ("train", "test"))
    X, Y = (np.asarray(encoder.encode([text for text, _ in part], progress=False), float) for part in (train, test))
    right = []
    order = list(range(len(train)))
    for _ in range(10):
        np.random.RandomState(42).shuffle(order)  # each draw shuffles the order that the last one left
        chosen, counts = [], {}
        for i in order:
            counts[train[i][1]] = counts.get(train[i][1], 0) + 1
            if counts[train[i][1]] <= 8:
                chosen.append(i)
        probe = LogisticRegression(max_iter=100, random_state=42).fit(X[chosen], [train[i][1] for i in chosen])
        right.append(np.mean(probe.predict(Y) == [label for _, label in test]))
    assert by_metric(rows)["mean_accuracy"] == pytest.approx(np.mean(right), abs=1e-6)


def test_two_models_are_never_confused(encoder, removal, tmp_path):
    def named(encoder, removal=None):
        about = named_model(encoder, removal).model_card_data
        return about.model_name, about.base_model_revision

    names, revisions = zip(
        named(encoder),
        named(encoder, none(encoder.dimension)),
        named(encoder, removal),
        named(encoder, all_but_the_top(Spectrum.fit(encoder.table), D=4)),
        named(Encoder.from_pretrained("minilm", layers=2)),
        strict=True,
    )
    assert len(set(revisions)) == len(revisions)
    assert names[2] == "uncone/minilm-static-mean-all_but_the_top"
    # a copy of the weights under another name is another model only by name; changed weights are another revision
    renamed = Encoder.from_pretrained("minilm", layers="static", name="/home/me/my model")
    assert named(renamed) == ("uncone/my_model-static-mean", revisions[0])
    changed = Encoder.from_pretrained("minilm", layers="static")
    changed.hash = "0" * 32
    assert named(changed)[1] != revisions[0]
    # a removal keeps its identity through a file
    loaded = type(removal).load(removal.save(tmp_path))
    assert named(encoder, loaded)[1] == revisions[2]
    with pytest.raises(ValueError, match="belongs to minilm layers static"):
        named(changed, removal)


def test_what_sentence_transformers_cannot_express_is_not_run(folder):
    summed = Encoder.from_pretrained("minilm", layers="static", pooling="sum")
    task = Mteb("STSBenchmark", data_dir=folder)
    _, not_run = evaluate([task], {"none": Vectors(summed)}, resamples=50)
    assert "can only average the rows of a static table" in not_run[0].why


@needs_mteb
@pytest.mark.filterwarnings("ignore:The task 'STSBenchmark' is superseded")
def test_results_of_two_removals_lie_side_by_side(encoder, removal, folder, tmp_path):
    for one in (None, removal):
        evaluate_mteb(encoder, one, data_dir=folder, results_dir=tmp_path)
    files = sorted(tmp_path.rglob("STSBenchmark.json"))
    assert len(files) == 2
    scores = [json.loads(path.read_text())["scores"]["test"][0]["cosine_spearman"] for path in files]
    assert scores[0] != scores[1]
    pairs = load_sts("lee")
    first, second = (encoder.encode(texts, progress=False).astype(float) for texts in (pairs.text1, pairs.text2))
    cosine = np.einsum("nd,nd->n", first, second) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    assert any(score == pytest.approx(stats.spearmanr(pairs.score, cosine)[0], abs=1e-6) for score in scores)


@needs_mteb
def test_a_training_set_in_mtebs_data_is_told(folder):
    removals = {"mine": SimpleNamespace(settings={"trained_on": {"kind": "sentences", "sets": ["stsb_train"]}})}
    tasks = [Mteb("STS12"), Mteb("Banking77Classification.v2")]
    assert without_training_pairs(tasks, removals) == (
        tasks,
        ["mteb_sts12: scored whole, as mteb does, with pairs that training saw (mine on stsb_train)"],
    )


@needs_mteb
def test_what_cannot_be_had_is_not_run(encoder, tmp_path, monkeypatch):
    monkeypatch.delenv("UNCONE_DATA", raising=False)
    rows, not_run = evaluate(
        [Mteb("STS16", data_dir=tmp_path), Mteb("SciFact")], {"none": Vectors(encoder)}, resamples=50
    )
    assert not rows
    assert [each.task for each in not_run] == ["mteb_sts16", "mteb_scifact"]
    assert not_run[1].why.startswith("mteb could not download it")
    assert not_run[0].why.startswith("mteb/STS16.tsv is in no data folder (data_dir, UNCONE_DATA), and mteb could not")


def test_mteb_is_optional(encoder, monkeypatch):
    def refuse(name):
        raise ModuleNotFoundError("No module named 'mteb'", name="mteb")

    monkeypatch.setattr("uncone.data.mteb.import_module", refuse)
    _, not_run = evaluate([Mteb("STS12")], {"none": Vectors(encoder)}, resamples=50)
    assert not_run[0].why == "mteb is not installed: pip install 'uncone[mteb]'"
    with pytest.raises(DataUnavailable, match=r"pip install 'uncone\[mteb\]'"):
        evaluate_mteb(encoder)


@needs_mteb
@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        ("STS99", None, "mteb has no task 'STS99'"),
        ("SummEval", None, "of type Summarization: only STS, classification and retrieval of text"),
        ("BIOSSES", "split\tsentence1\tsentence2\n", "the header lacks score"),
        (
            "BIOSSES",
            "split\tsentence1\tsentence2\tscore\ntest\tA\tB\t\n",
            "line 2: score must be a finite number, got ''",
        ),
        ("BIOSSES", "split\tsentence1\tsentence2\tscore\ndev\tA\tB\t1\n", "BIOSSES needs the split test, found dev"),
        ("ImdbClassification", "split\ttext\tlabel\ntest\tA\tB\n", "needs the split train, found test"),
        (
            "STS17",
            "split\tsentence1\tsentence2\tscore\ntest\tA\tB\t1\n",
            "one file cannot hold several",
        ),
    ],
)
def test_errors(task, text, message, tmp_path):
    if text is not None:
        (tmp_path / "mteb").mkdir()
        (tmp_path / "mteb" / f"{task}.tsv").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_task(task, tmp_path)


@needs_mteb
def test_numbers_as_labels_and_a_task_of_one_language(encoder, tmp_path):
    (tmp_path / "mteb").mkdir()
    lines = ["split\ttext\tlabel"]
    for split in ("train", "validation", "test"):
        lines += [f"{split}\t{word} {i}\t{label}" for i in range(9) for label, word in ((10, "cat"), (9, "seven"))]
    (tmp_path / "mteb" / "MTOPDomainClassification.tsv").write_text("\n".join(lines))
    task = load_task("MTOPDomainClassification", tmp_path)
    assert task.dataset["en"]["test"]["label"][:2] == [1, 0]  # 10 comes after 9
    rows, _ = evaluate([Mteb("MTOPDomainClassification", data_dir=tmp_path)], {"none": Vectors(encoder)}, resamples=20)
    assert [(row.subset, row.value) for row in rows] == [("test", 1.0), ("validation", 1.0)]


@needs_mteb
def test_figures_that_differ_from_mtebs_are_refused(encoder, folder, monkeypatch):
    monkeypatch.setattr("uncone.export.mteb.point", lambda *_: 0.5)
    with pytest.raises(ValueError, match=r"gives STSBenchmark a spearman of .* this version of mteb is not understood"):
        Mteb("STSBenchmark", data_dir=folder).predict(Vectors(encoder))


@needs_mteb
def test_cross_validated_tasks_are_left_to_mteb():
    task = Mteb("SciRepEvalDRSMClassification")
    task.task = SimpleNamespace(is_cross_validation=True)
    with pytest.raises(ValueError, match=r"give uncone.export.mteb.named_model\(encoder, removal\) to mteb.evaluate"):
        task.predict(None)
