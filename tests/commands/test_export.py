"""export.py: from a run to a folder that a stranger uses, and what it says of removals that do not help."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from sentence_transformers import SentenceTransformer
from tiny_runs import train_undrawn

from uncone.commands.export import PROBE_TEXTS, TrainingRun, export
from uncone.commands.schema import register
from uncone.data import load_sts, load_texts
from uncone.encoder import Encoder
from uncone.geometry.calibration import read_calibrations
from uncone.removal import Removal, load
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[2]
TEXTS = ["a narrow cone", "an open field", "The quick brown fox jumps over the lazy dog."]
HARM = {"_target_": "os.system", "command": "touch harm"}
QUICK = ("task=lee", "resamples=50")


def config_of(command: str, *overrides: str, **options):
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(command, list(overrides), **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run on the packaged default."""
    folder = tmp_path_factory.mktemp("runs") / "monday"
    short = ("debug=fast", "task=[lee]", "removal=[none]", "encoder.device=cpu", "logger=csv")
    train_undrawn(config_of("train", f"output_dir={folder}", *short, "recipe.contrast.limit=20"))
    return folder


@pytest.fixture
def saved(tmp_path) -> Path:
    """A removal without a run, of the packaged input table."""
    encoder = Encoder.from_pretrained("minilm", layers="static")
    U = torch.linalg.qr(torch.randn(encoder.dimension, 3, generator=torch.Generator().manual_seed(0)))[0]
    removal = Removal(encoder.table.mean(0), U, torch.zeros(3), "random").for_encoder(encoder)
    return removal.save(tmp_path / "mine")


def vectors_of(folder: Path) -> np.ndarray:
    return SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)


def test_a_run_becomes_a_folder_that_says_what_it_does(run, tmp_path, capsys):
    rows = export(config_of("export", f"removal={run}", f"output_dir={tmp_path}/model"))
    folder, output = tmp_path / "model", " ".join(capsys.readouterr().out.split())
    encoder = Encoder.from_pretrained("minilm", layers="static")
    np.testing.assert_allclose(vectors_of(folder), load(run).apply(encoder.encode(TEXTS)), atol=1e-5)
    measured = {row.value for row in read_results(run)}
    assert {row.value for row in rows} <= measured
    assert "The learned removal" in output
    card = (folder / "README.md").read_text()
    verdict = next(line for line in card.splitlines() if line.startswith("The learned removal"))
    assert verdict.split("**")[0].strip() in output
    for promised in (
        "library_name: sentence-transformers",
        'SentenceTransformer("model")',
        f"hash {encoder.hash}",
        "word pairs with human scores: ws353, simlex999; neighbouring sentences of wikipedia",
        "| none | ",
        "| learned | ",
        "## Thresholds",
        'json.load(file)["learned"]',
        "## Limits",
        "## Licence",
        "https://arxiv.org/abs/2104.05274",
    ):
        assert promised in card
    assert "FOLDER" not in card
    assert str(ROOT) not in card + (folder / "uncone.json").read_text()
    assert list(read_calibrations(folder)) == ["none", "learned"]
    about = json.loads((folder / "uncone.json").read_text())
    assert about["encoder"]["hash"] == encoder.hash
    assert about["removal"]["method"] == "learned"
    torch.testing.assert_close(load(folder / "removal").gains, load(run).gains)


def test_the_encoder_is_that_of_the_run_unless_told(run, tmp_path, capsys):
    with pytest.raises(ValueError, match="belongs to minilm layers static"):
        export(told("encoder.layers=2", f"removal={run}", f"output_dir={tmp_path}/a", *QUICK))
    settings = (f"removal={run}", f"output_dir={tmp_path}/b", "format=numpy", "task=[word_similarity]", QUICK[1])
    rows = export(told("encoder.pooling=sum", *settings))
    assert {row.pooling for row in rows} == {"sum"}  # measured anew: the run's results are of other vectors
    assert "because training saw them" in " ".join(capsys.readouterr().out.split())
    assert "Measured when this was exported" in (tmp_path / "b" / "README.md").read_text()


def test_results_of_an_older_version_are_measured_anew(run, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(run, old)
    rows = [{**row.to_json(), "ci_low": None} for row in read_results(run)]
    (old / "results.json").write_text(json.dumps(rows))
    export(config_of("export", f"removal={old}", f"output_dir={tmp_path}/model", "format=numpy", *QUICK))
    assert "Measured when this was exported" in (tmp_path / "model" / "README.md").read_text()


def told(*overrides: str):
    """The config of a command line, which Hydra knows of."""
    config = config_of("export", *overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    config = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    return config


@pytest.fixture(autouse=True)
def forget_hydra():
    yield
    HydraConfig.instance().cfg = None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("format=vectors", "input=a.npy", "output=b.npy", "encoder=glove", "task=[]"), "leave out encoder, task"),
        (("format=numpy", "input=a.npy"), "exports an encoder, not stored vectors: leave out input"),
    ],
)
def test_a_key_that_the_format_ignores_is_refused(saved, tmp_path, overrides, message):
    with pytest.raises(ValueError, match=message):
        export(told(f"removal={saved}", *overrides))


def test_a_removal_without_a_run_is_measured(saved, tmp_path, capsys):
    rows = export(
        config_of("export", f"removal={saved}/removal.json", f"output_dir={tmp_path}/model", "format=numpy", *QUICK)
    )
    assert {row.removal for row in rows} == {"none", "random"}
    assert {row.task for row in rows} == {"lee", "geometry"}
    assert "The random removal" in " ".join(capsys.readouterr().out.split())
    rows = np.load(tmp_path / "model" / "vectors.npy")
    encoder = Encoder.from_pretrained("minilm", layers="static")
    np.testing.assert_allclose(rows, load(saved).apply(encoder.table), atol=1e-6)


def test_a_removal_that_hurts_is_called_so(tmp_path, capsys):
    """Removing 300 of 384 components leaves next to nothing."""
    settings = ("removal=all_but_the_top", "methods.all_but_the_top.D=300", f"output_dir={tmp_path}/model")
    export(config_of("export", *settings, "format=numpy", "task=lee", "resamples=200"))
    assert "removal hurts minilm (layers static): sentences worse (lee -" in " ".join(capsys.readouterr().out.split())
    card = (tmp_path / "model" / "README.md").read_text()
    assert "**This removal makes the encoder worse on what was measured. Use the raw encoder.**" in card


def test_fewer_dimensions(saved, tmp_path, capsys):
    """Of a saved removal, below its rank: by the spectrum of what a removal would be fitted on."""
    export(config_of("export", f"removal={saved}", "dimensions=20", f"output_dir={tmp_path}/model", *QUICK))
    encoder, made = Encoder.from_pretrained("minilm", layers="static"), load(tmp_path / "model" / "removal")
    np.testing.assert_allclose(vectors_of(tmp_path / "model"), made.apply(encoder.encode(TEXTS)), atol=1e-5)
    variance = load(saved).apply(encoder.rows).var(0)
    assert made.apply(encoder.rows).var(0).sum() > np.sort(variance)[-20:].sum()  # than of any 20 coordinates
    assert "384 dimensions to 20" in " ".join(capsys.readouterr().out.split())
    assert "(raw - part[" in (tmp_path / "model" / "README.md").read_text()


def test_nothing_removed_exports_the_raw_encoder(tmp_path, capsys, encoded):
    """Texts of the task, and of the corpus for geometry and thresholds, are encoded once, and a few to compare with."""
    settings = ("encoder.layers=[1]", f"output_dir={tmp_path}/model", f"cache_dir={tmp_path}/cache")
    export(config_of("export", "removal=none", *settings, *QUICK))
    pairs = load_sts("lee")
    corpus = load_texts("lee_background")
    measured = Counter([*{*pairs.text1, *pairs.text2}, *corpus[:PROBE_TEXTS], *set(corpus)])
    assert Counter(encoded) >= measured
    assert (Counter(encoded) - measured).total() < 10
    raw = Encoder.from_pretrained("minilm", layers=1, device="cpu").encode(TEXTS)
    np.testing.assert_allclose(vectors_of(tmp_path / "model"), raw, atol=1e-5)
    assert "these are the vectors of the raw encoder" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format_version": 99}, "upgrade uncone"),
        ({"format": "pickled virus"}, "does not describe a removal of uncone"),
        ({"method": "mine"}, "it has changed since it was written"),
    ],
)
def test_newer_and_foreign_removals_are_refused(change, words, saved, tmp_path):
    path = saved / "removal.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=words):
        export(config_of("export", f"removal={saved}", f"output_dir={tmp_path}/model", "format=numpy", *QUICK))
    assert not (tmp_path / "model").exists()


def test_a_removal_of_another_encoder_is_refused(saved, tmp_path):
    replace(load(saved), encoder={"name": "other", "hash": "0" * 32, "layers": "static"}).save(tmp_path / "other")
    with pytest.raises(ValueError, match="belongs to other layers static"):
        export(config_of("export", f"removal={tmp_path}/other", f"output_dir={tmp_path}/model", "format=numpy", *QUICK))


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        (HARM, "names no encoder of uncone"),
        ({"_target_": "uncone.encoder.Encoder.from_pretrained", "trust_remote_code": True}, "runs code"),
        ({"_target_": "uncone.encoder.Encoder.from_pretrained", "path": "${oc.env:HOME}"}, "refers to other values"),
        ("minilm", "names no encoder of uncone"),
        ({"_target_": "uncone.encoder.Encoder.from_pretrained", "path": HARM}, "none of an encoder"),
        ({"_target_": "uncone.encoder.Encoder.from_pretrained", "layers": [HARM]}, "none of an encoder"),
        ({"_target_": "uncone.encoder.Encoder.from_pretrained", "_args_": ["minilm"]}, "none of an encoder"),
    ],
)
def test_the_config_of_a_strange_run_cannot_call_anything(encoder, words, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    OmegaConf.save({"encoder": encoder, "trainer": {}}, saved / "config.yaml")
    (saved / "results.json").write_text("[]")
    with pytest.raises(ValueError, match=words):
        export(config_of("export", f"removal={saved}", f"output_dir={tmp_path}/model", *QUICK))
    assert not (tmp_path / "harm").exists()


def test_what_is_there_is_refused_before_any_work(saved, tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    for overwrite, words in (("false", "is not empty"), ("true", "so it is no export")):
        with pytest.raises(ValueError, match=words):
            export(config_of("export", f"removal={saved}", f"output_dir={target}", f"overwrite={overwrite}"))
    with pytest.raises(ValueError, match="an export has one removal, got none, centre"):
        export(config_of("export", "removal=[none,centre]", f"output_dir={tmp_path}/new"))
    with pytest.raises(ValueError, match=r"these keys have no value yet: removal"):
        export(config_of("export", f"output_dir={target}"))


def test_the_card_says_which_kind_of_pairs_were_learned_from(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    config = OmegaConf.load(run / "config.yaml")
    config.data.kind = "sentences"
    OmegaConf.save(config, tmp_path / "run" / "config.yaml")
    for folder, kind in ((run, "word"), (tmp_path / "run", "sentence")):
        assert TrainingRun.of(str(folder)).evidence().data.startswith(f"{kind} pairs with human scores: ws353")
