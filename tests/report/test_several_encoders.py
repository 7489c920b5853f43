"""The whole way, from the command line to the browser: the layers of a transformer beside a table of word vectors."""

import json
from pathlib import Path

import pytest
from tiny_runs import run_script

from uncone.geometry.atlas.store import AtlasStore
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[2]
LAYERS = [str(layer) for layer in range(7)]
SMALL = (
    *("corpus=lee_background", "corpus_limit=8", "sample=1500", "resamples=20", "frequencies=wordfreq"),
    *("measures.neighbours=20", "measures.queries=100", "measures.clusters=[2,3]", "measures.cluster_points=300"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The output folder of the command."""
    folder = tmp_path_factory.mktemp("several")
    command = [str(ROOT / "analyze.py"), "encoder=[minilm,glove]", f"output_dir={folder}/run", *SMALL]
    printed, failed = run_script(command, folder)
    assert failed is None
    assert "minilm, none" in printed
    assert "glove, none" in printed
    assert "Corpus: lee_background, the first 8 texts of each; " in printed
    assert "\nminilm is narrow" in printed
    assert [path.name for path in folder.iterdir()] == ["run"]  # no log, no folder of Hydra's
    return folder / "run"


@pytest.fixture(scope="module")
def page(browser, run):
    browser.get((run / "report.html").as_uri())
    assert browser.execute_script("return document.body.dataset.ready") == "true"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    return browser


def test_both_are_measured(run):
    index = AtlasStore(run).index()["encoders"]
    assert {name: entry["layers"] for name, entry in index.items()} == {"minilm": LAYERS, "glove": ["words"]}
    assert {(row.encoder, row.subset) for row in read_results(run)} == {
        *(("minilm", layer) for layer in LAYERS),
        ("glove", "words"),
    }


def test_their_curves_lie_in_one_chart(page, run):
    values = {(row.encoder, row.subset, row.metric): row.value for row in read_results(run)}
    for metric in ("lid", "mean_cosine", "effective_dimension", "frequency_pearson"):
        traces = page.execute_script(
            "return document.getElementById(arguments[0]).data.map(({x, y, name}) => [name, x, y])", f"depth-{metric}"
        )
        drawn = {name: dict(zip(x, y, strict=True)) for name, x, y in traces}
        assert drawn["minilm, raw"] == {layer: values["minilm", layer, metric] for layer in LAYERS}
        assert set(drawn["glove, raw"].values()) == {values["glove", "words", metric]}  # level, over all layers
        assert set(LAYERS) < set(drawn["glove, raw"])


def test_each_has_its_cloud_and_numbers(page, run):
    shown = {}
    for encoder in (0, 1):
        page.execute_script("update({encoder: arguments[0]})", encoder)
        points = "document.getElementById('cloud-0').data.reduce((sum, trace) => sum + trace.x.length, 0)"
        shown[encoder] = page.execute_script(f"return [state.layer, {points}]")  # with and without a known frequency
    assert [layer for layer, _ in shown.values()] == ["3", "words"]
    assert all(points > 1000 for _, points in shown.values())
    captions = page.execute_script("return [...document.querySelectorAll('caption')].map((node) => node.textContent)")
    assert captions == ["minilm, raw", "glove, raw"]
    on_page = page.execute_script(
        "return [...document.querySelectorAll('td[data-metric]')].map((cell) => cell.dataset.value)"
    )
    written = [row.to_json()["value"] for row in read_results(run)]
    assert sorted(map(str, map(json.loads, on_page))) == sorted(map(str, written))


def test_static_figures_show_both(run):
    names = {path.name for path in (run / "figures").iterdir()}
    assert names == {"depth.png", "variance.png", "cloud_minilm.png", "cloud_glove.png"}
