"""advise.py: a study of every layer of a tiny model, continued after an interruption, and what it refuses."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from uncone.advice.conclusion import Choice, Conclusion
from uncone.commands import advise as command
from uncone.commands.advise import advise
from uncone.commands.schema import register
from uncone.data.pair_sets import seen_pairs
from uncone.encoder import Encoder, TransformerEncoder
from uncone.removal import load, none
from uncone.removal.vectors import Vectors
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[2]
SMALL = [
    "folds=3",
    "divisions=2",
    "removal=[centre,all_but_the_top,learned]",
    "methods.all_but_the_top.D=[1,2]",
    "vocabulary_size=200",
    "recipe.D=2",
    "recipe.optimizer.max_steps=2",
    "recipe.strength=1",
    "recipe.contrast={batch_size:8,corpus:lee_background,limit:5}",
    "probe={texts:5,size:400,queries:20}",
    "resamples=200",
    "task=[]",
    "words=[ws353]",
    "sentences=[lee]",
]


def config_of(folder: Path, *overrides: str):
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("advise", [f"output_dir={folder}", *SMALL, *overrides])


@pytest.fixture(scope="module")
def run(tmp_path_factory, wordy_model):
    folder = tmp_path_factory.mktemp("advise") / "run"
    overrides = ["encoder=local", f"encoder.path={wordy_model}"]
    return folder, overrides, advise(config_of(folder, *overrides))


def test_every_layer_is_judged(run):
    folder, _, rows = run
    advice = json.loads((folder / "advice.json").read_text())
    assert [layer["layer"] for layer in advice["layers"]] == ["static", "1", "2"]
    assert advice["answer"] in ("yes", "no", "only for these layers")
    assert advice["layers_helped"] == [each["layer"] for each in advice["layers"] if each["outcome"] == "helped"]
    assert advice["which"]["reference"] == "2"
    assert [row.to_json() for row in rows] == [row.to_json() for row in read_results(folder)]
    found = {(row.layers, row.removal, row.task, row.metric) for row in rows}
    for layer in advice["layers"]:
        assert list(layer["settings"]) == ["centre", "all_but_the_top", "learned"]
        for removal in ("none", "chosen", *layer["settings"]):
            assert {(layer["layer"], removal, kind, "spearman") for kind in ("words", "sentences", "both")} <= found
        assert {(layer["layer"], "none", "geometry", metric) for metric in ("lid", "mean_cosine")} <= found
    assert ("chosen", "layer_alone", "both", "spearman") in found
    for name in ("config.yaml", "environment.json", "advice.html"):
        assert (folder / name).is_file()


def test_an_interrupted_study_continues(run, monkeypatch, tmp_path):
    """Finished layers are read, a missing or damaged one is studied anew to the same end; another study shares none."""
    folder, overrides, rows = run
    copy = shutil.copytree(folder, tmp_path / "copy")
    studied = []
    candidates_of = command.candidates_of
    monkeypatch.setattr(
        command, "candidates_of", lambda *given: studied.append(given[0].encoder.layers) or candidates_of(*given)
    )
    assert advise(config_of(copy, *overrides)) == rows
    assert studied == []
    shutil.rmtree(copy / "layers" / "2")
    (copy / "layers" / "static" / "study.safetensors").write_text("{")
    assert advise(config_of(copy, *overrides)) == rows
    assert studied == ["static", "2"]
    advise(config_of(copy, *overrides, "layers=[static]", "seed=1", "overwrite=true"))
    assert studied == ["static", "2", "static"]


def test_the_model_is_loaded_once_and_a_text_encoded_once(wordy_model, tmp_path, monkeypatch):
    loaded, encoded = [], []
    make, run_model = command.make_vectors, TransformerEncoder._forward

    def counted(self, types, lengths, wanted):
        encoded.extend(tuple(text.tolist()) for text in types.split(lengths.tolist()))
        return run_model(self, types, lengths, wanted)

    monkeypatch.setattr(command, "make_vectors", lambda config: loaded.append(1) or make(config))
    monkeypatch.setattr(TransformerEncoder, "_forward", counted)
    advise(config_of(tmp_path, "encoder=local", f"encoder.path={wordy_model}", f"cache_dir={tmp_path}/store"))
    assert len(loaded) == 1
    # once for the words of pairs and once for the vocabulary, or as the first and as the second of two sentences; and
    # token by token: however many layers and fits there are
    assert max(Counter(encoded).values()) <= 3


def test_layers_share_one_encode_which_is_what_each_reads_alone(run, wordy_model, tmp_path):
    _, overrides, _ = run
    layers = command.vectors_by_layer(config_of(tmp_path, *overrides, f"cache_dir={tmp_path}/store"))
    assert list(layers) == ["static", "1", "2"]
    texts = ["the cat sat", "a dog barked", "able"]
    assert (
        layers["static"].raw_sentences(texts)
        == Encoder.from_pretrained(str(wordy_model), layers="static").encode(texts)
    ).all()
    layers["2"].raw_sentences(texts)
    layers["1"].raw_tokens(texts)
    for layer in (1, 2):
        alone = Encoder.from_pretrained(str(wordy_model), layers=[layer])
        vectors = Vectors(alone, layers["2"].store)
        built = vectors.store.built
        found, tokens = vectors.raw_sentences(texts), vectors.raw_tokens(texts)
        assert vectors.store.built == built
        assert abs(found - alone.encode(texts)).max() < 1e-5
        expected = alone.encode_tokens(texts)
        assert abs(tokens.vectors - expected.vectors).max() < 1e-5
        assert (tokens.types == expected.types).all()
        assert (tokens.texts == expected.texts).all()


def test_one_use_decides_and_what_it_costs_is_told(run, tmp_path):
    """By half of the texts to label it is chosen, on the other half tested; words and sentences are scored as well."""
    _, overrides, _ = run
    quick = (*overrides, "layers=[static]", "removal=[centre]", "use=labels")
    quick = (*quick, "++tasks.polarity={folds:2,inner_folds:2}")
    with pytest.raises(ValueError, match=r"use=labels is decided by tasks, .*take some of .*polarity"):
        advise(config_of(tmp_path / "none", *quick))
    with pytest.raises(ValueError, match="unknown use 'prose': choose one of words, sentences, search, clusters"):
        advise(config_of(tmp_path / "none", *quick, "use=prose", "overwrite=true"))
    rows = advise(config_of(tmp_path / "labels", *quick, "task=[polarity]"))
    told = json.loads((tmp_path / "labels" / "advice.json").read_text())
    assert told["decides"] == ["labels"]
    assert re.match("(Yes|No), for labels: removal ", told["verdict"])
    assert any(line.startswith("labels: 200 items of polarity") for line in told["how"])
    of = {row.task: row for row in rows if (row.removal, row.subset, row.layers) == ("chosen", "macro", "static")}
    assert list(of) == ["words", "sentences", "labels", "both"]
    assert of["labels"].metric == of["both"].metric == "accuracy"
    assert (of["labels"].value, of["labels"].p_holm) == (of["both"].value, of["both"].p_holm)
    assert find_again(tmp_path / "labels", *quick, "task=[polarity]") == rows


def find_again(folder: Path, *overrides: str):
    """What the study gives when it is asked for once more, with nothing to study left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "candidates_of", None)
        return advise(config_of(folder, *overrides))


def test_thresholds_of_every_layer_are_on_the_page(run):
    folder, _, _ = run
    advice = json.loads((folder / "advice.json").read_text())
    for layer in advice["layers"]:
        of = advice["calibrations"][layer["layer"]]
        assert list(of) == (["none"] if layer["final"] == "none" else ["none", "chosen"])
        assert of["none"]["texts"] > 250


def test_a_learned_removal_says_what_it_was_trained_on(run, tmp_path):
    _, overrides, _ = run
    advise(config_of(tmp_path, *overrides, "layers=[1]", "removal=[learned]"))
    [layer] = json.loads((tmp_path / "advice.json").read_text())["layers"]
    if layer["final"] == "none":
        assert not (tmp_path / "layers" / "1" / "removal.json").exists()
    else:
        removal = load(tmp_path / "layers" / "1")
        assert removal.encoder["layers"] == "1"
        assert len(seen_pairs(removal.settings["trained_on"])) == 353


def test_word_vectors_have_one_layer(tmp_path, capsys, command_line):
    command_line("encoder=glove")
    advise(config_of(tmp_path, "encoder=glove", "encoder.limit=20000", "removal=[centre,all_but_the_top]"))
    advice = json.loads((tmp_path / "advice.json").read_text())
    assert [layer["layer"] for layer in advice["layers"]] == ["words"]
    assert advice["commands"][0]["command"].startswith("uncone export encoder=glove removal=")
    output = " ".join(capsys.readouterr().out.split())
    assert " ".join(advice["verdict"].split()) in output
    with pytest.raises(ValueError, match="word vectors have one layer"):
        advise(config_of(tmp_path / "other", "encoder=glove", "layers=[3]"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sentences=[]", "sentences names no set"),
        ("removal=[transductive]", "transductive removal is fitted on what it is tested on"),
        ("removal=[./saved]", "no removal in"),
        ("layers=[9]", "this model has 2 blocks"),
        ("folds=2", "folds must be at least 3"),
    ],
)
def test_what_a_study_cannot_use_is_refused(run, tmp_path, override, message):
    _, overrides, _ = run
    with pytest.raises(ValueError, match=message):
        advise(config_of(tmp_path, *overrides, override))


def test_a_saved_removal_is_refused(run, tmp_path):
    _, overrides, _ = run
    none(384).save(tmp_path / "mine")
    with pytest.raises(ValueError, match=r"may have been trained on these pairs.*evaluate"):
        advise(config_of(tmp_path / "run", *overrides, f"removal=[{tmp_path}/mine]"))


def test_what_to_run_next_begins_with_what_is_advised():
    helped = Choice(layer="1", outcome="helped", final="m", choices={})
    unsure = Choice(layer="2", outcome="not sure", final="m", choices={})
    told = [each["command"] for each in command.next_commands(Conclusion([helped], unsure, "2", []), Path("run"), [])]
    assert told[0].endswith("export 'encoder.layers=[2]' removal=none")
    assert told[1].endswith("export 'encoder.layers=[1]' removal=run/layers/1")
    told = [each["command"] for each in command.next_commands(Conclusion([helped], helped, "2", []), Path("run"), [])]
    assert told[0].endswith("export 'encoder.layers=[1]' removal=run/layers/1")
