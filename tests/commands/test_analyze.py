"""analyze.py: what it leaves behind, several encoders, removals before and after, and what it says of bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from tiny_runs import undrawn

from uncone.commands.analyze import analyze, load_encoders
from uncone.commands.schema import register
from uncone.encoder import Encoder
from uncone.geometry.atlas.store import AtlasStore
from uncone.geometry.atlas.windows import Windows
from uncone.removal import all_but_the_top
from uncone.removal.spectrum import Spectrum
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[2]
QUICK = (
    "window_words=16",
    "sample=300",
    "resamples=20",
    "measures.neighbours=10",
    "measures.queries=50",
    "measures.clusters=[2,3]",
    "measures.cluster_points=200",
)


@pytest.fixture(scope="module")
def folder(wordy_model) -> Path:
    """A tiny random BERT with the packaged vocabulary, and a corpus, corpus.txt, beside it."""
    folder = wordy_model.parent
    days = ("Monday", "Tuesday", "Friday")
    lines = [f"On {days[i % 3]} {i} people met in the old town. They saw {i % 9} ships." for i in range(60)]
    (folder / "corpus.txt").write_text("\n".join(lines))
    return folder


def config_of(folder: Path, output: Path, *overrides: str, **options):
    register()
    sizes = [*QUICK, "encoder=local", f"encoder.path={folder}/tiny", f"corpus={folder}/corpus.txt"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("analyze", [*sizes, f"output_dir={output}", *overrides], **options)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory) -> Path:
    """A finished run, raw and with three components removed, with a group of words."""
    output = tmp_path_factory.mktemp("run")
    overrides = ["removal=[none,all_but_the_top]", "methods.all_but_the_top.D=3", "words=[[monday,tuesday]]"]
    with undrawn():
        analyze(config_of(folder, output, *overrides))
    return output


def test_raw_vectors_encode_the_windows_of_the_corpus_alone(folder, tmp_path, encoded):
    """Each once, for all layers."""
    analyze(config_of(folder, tmp_path, "removal=[none]"))
    assert sorted(encoded) == sorted(Windows((folder / "corpus.txt").read_text().splitlines(), words=16))


def value(rows, metric, layer="2", removal="none"):
    [found] = [row for row in rows if (row.metric, row.subset, row.removal) == (metric, layer, removal)]
    return found.value


def test_leaves_what_it_promises(run):
    rows = read_results(run)
    assert {row.task for row in rows} == {"geometry"}
    assert {row.subset for row in rows} == {"0", "1", "2"}
    definitions = json.loads((run / "definitions.json").read_text())
    assert {row.metric for row in rows} <= set(definitions)
    assert "NaN" not in (run / "results.json").read_text()
    store = AtlasStore(run)
    assert list(store.maps()) == [("tiny", layer, name) for layer in "012" for name in ("none", "all_but_the_top")]
    sample = store.sample("tiny")
    assert {token for token, group in zip(sample.token, sample.group, strict=True) if group == 0} == {
        "monday",
        "tuesday",
    }
    for key in store.maps():
        assert store.points(*key).shape == (len(sample), 3)
        assert len(store.curves(*key)["cluster"]) == len(sample)


def test_sampled_measures_have_an_interval_and_exact_ones_none(run):
    rows = {(row.metric, row.subset, row.removal): row for row in read_results(run)}
    sampled = rows["lid", "1", "none"]
    assert sampled.low < sampled.value < sampled.high
    assert rows["mean_cosine", "1", "none"].low is None


def test_before_and_after(run):
    rows = read_results(run)
    assert abs(value(rows, "mean_cosine", removal="all_but_the_top")) < 0.01 < value(rows, "mean_cosine")
    assert value(rows, "isoscore", removal="all_but_the_top") != value(rows, "isoscore")


def test_two_runs_are_identical(run, folder, tmp_path):
    overrides = ["removal=[none,all_but_the_top]", "methods.all_but_the_top.D=3", "words=[[monday,tuesday]]"]
    analyze(config_of(folder, tmp_path, *overrides))
    assert (tmp_path / "results.json").read_text() == (run / "results.json").read_text()


def test_static_tables(tmp_path):
    overrides = ["encoder=glove", "encoder.limit=2000", "frequencies=wordfreq", f"output_dir={tmp_path}"]
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        analyze(compose("analyze", [*QUICK, *overrides]))
    rows = read_results(tmp_path)
    assert np.isnan(value(rows, "s_intra", layer="words"))
    assert value(rows, "s_inter", layer="words") == pytest.approx(value(rows, "mean_cosine", layer="words"), abs=1e-6)
    assert AtlasStore(tmp_path).sample("glove").sentences == []


def test_several_corpora_up_to_a_limit(folder, tmp_path):
    (tmp_path / "more.txt").write_text("One line. Another.\nA second line.\nA third line.\n")
    both = f"corpus=[{folder}/corpus.txt,{tmp_path}/more.txt]"
    analyze(config_of(folder, tmp_path / "run", both, "corpus_limit=2", "window_words=64", "measures.clusters=[2]"))
    index = AtlasStore(tmp_path / "run").index()
    assert index["encoders"]["tiny"]["windows"] == 4  # two lines of each
    assert index["corpus"]["name"] == f"{folder}/corpus.txt and {tmp_path}/more.txt"
    assert not list((tmp_path / "run").glob(".*.sample"))  # the vectors on disk are gone


def test_a_saved_removal_applies_to_its_layer(folder, tmp_path):
    encoder = Encoder.from_pretrained(str(folder / "tiny"), layers=1)
    X = encoder.encode_tokens((folder / "corpus.txt").read_text().splitlines()).vectors
    all_but_the_top(Spectrum.fit(X), D=1).for_encoder(encoder).save(tmp_path / "mine")
    analyze(config_of(folder, tmp_path / "run", f"removal=[none,{tmp_path}/mine]", "layers=[1,2]"))
    assert list(AtlasStore(tmp_path / "run").maps()) == [
        ("tiny", "1", "none"),
        ("tiny", "1", "mine"),
        ("tiny", "2", "none"),
    ]


def test_several_encoders(folder, tmp_path):
    config = config_of(folder, tmp_path, "encoder=[minilm,local]", "layers=static", return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    try:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            assert [(encoder.name, encoder.dimension) for encoder in load_encoders(config)] == [
                ("minilm", 384),
                ("tiny", 16),
            ]
    finally:
        HydraConfig.instance().cfg = None


@pytest.mark.parametrize("setting", ["layers=1", "special_tokens=true", "pooling=max"])
def test_a_setting_that_an_encoder_cannot_have_here_is_refused(folder, tmp_path, setting, monkeypatch):
    config = config_of(folder, tmp_path, f"encoder.{setting}", return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", config)
    with pytest.raises(ValueError, match=f"encoder.{setting.split('=')[0]}"):
        next(load_encoders(config))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("removal=[all_but_the_bottom]", "unknown removal 'all_but_the_bottom'"),
        ("methods.all_but_the_top.D=[1,2]", "has a list of settings"),
        ("removal=[transductive]", "transductive is fitted anew on whatever it corrects"),
        ("measures.signs=whatever", "signs must be both or as_computed, got 'whatever'"),
        ("corpus=nowhere.txt", "no corpus 'nowhere.txt'"),
        ("frequencies=google", "unknown frequencies 'google'"),
        ("measures.neighbours=300", "k must be at least 2 and less than"),
        ("layers=[7]", "this model has 2 blocks"),
    ],
)
def test_mistakes_are_named(folder, tmp_path, override, message):
    removal = [] if override.startswith("removal") else ["removal=[all_but_the_top]"]
    with pytest.raises((ValueError, InstantiationException)) as error:
        analyze(config_of(folder, tmp_path, *removal, override))
    assert message in f"{error.value} {error.value.__cause__}"


@pytest.mark.parametrize(
    ("experiment", "metric", "switched"),
    [("cai2021", "lid", "squared Euclidean"), ("rajaee2021_geometry", "isotropy", "signs as LAPACK returns them")],
)
def test_experiment_runs(experiment, metric, switched, folder, data_dir, tmp_path):
    """At its size but for the corpus and the samples, with what it takes over from the paper's code."""
    asked = config_of(folder, tmp_path, f"experiment={experiment}", f"data_dir={data_dir}")
    assert asked.corpus == f"{folder}/corpus.txt"  # the command line wins over the experiment
    analyze(asked)
    store = AtlasStore(tmp_path)
    assert value(read_results(tmp_path), "log10_isotropy") < 0
    assert switched in store.definitions()[metric]
    assert ("[CLS]" in store.sample("tiny").token) == (experiment == "cai2021")  # special tokens counted
    if experiment == "cai2021":
        assert "unweighted" in store.definitions()["s_intra_clustered"]
    else:
        assert [removal for *_, removal in store.maps()] == ["none", "all_but_the_top", "clustered"]
