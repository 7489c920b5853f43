"""train.py: the whole path, what it leaves behind, and what it says of bad input."""

import csv
import json
import os
import re
import subprocess
import sys
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tiny_runs import CONF, TRAIN, composed, layer_of, run_script

import uncone
from uncone.commands.train import train
from uncone.learning.recipe import Recipe
from uncone.removal import Removal
from uncone.runs.reading import read_curve, read_results

ROOT = Path(__file__).parents[2]
FULL = ("recipe.optimizer.max_epochs=4", "recipe.strength=[0.5,1]")  # so few steps would not be shown to help


@pytest.fixture(scope="module")
def config_of(folder_of):
    """The config of a run on a tiny model."""
    model = layer_of(folder_of("bert"))
    return lambda folder, *overrides: composed("train", f"output_dir={folder}", *TRAIN, *model, *overrides)


@pytest.fixture(scope="module")
def run(config_of, tmp_path_factory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("run") / "monday"
    train(config_of(folder, *FULL))
    return folder


def history(folder: Path) -> list[dict[str, str]]:
    """Logged lines of all metrics files of a run, in order of writing."""
    files = sorted(folder.glob("metrics/version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1]))
    return [row for path in files for row in csv.DictReader(path.read_text().splitlines())]


def test_leaves_what_it_promises(run):
    for name in (
        "config.yaml",
        "environment.json",
        "results.json",
        "removal/removal.safetensors",
        "checkpoints/last.ckpt",
    ):
        assert (run / name).is_file(), name
    for picture in ("weights", "frequency_raw", "frequency_learned"):
        assert (run / f"figures/{picture}.png").stat().st_size > 5_000
    made_with = json.loads((run / "environment.json").read_text())
    assert made_with["packages"]["torch"]
    assert {"learn", "evaluate", "geometry", "other"} <= set(made_with["seconds"])
    assert OmegaConf.load(run / "config.yaml").recipe.optimizer.max_epochs == 4


def test_learns_what_python_learns(config_of, wordy_model, tmp_path):
    """The removal of a run to the bit, from `uncone.learn` with the same recipe."""
    table = (f"encoder.path={wordy_model}", "encoder.layers=static")
    train(config_of(tmp_path / "run", *FULL, *table, "removal=[none]", "task=[]"))
    encoder = uncone.Encoder.from_pretrained(wordy_model, layers="static")
    contrast, optimizer = {"corpus": "lee_background", "limit": 20}, {"max_epochs": 4, "max_steps": None}
    recipe = Recipe.named("learned").but(D=[2, 5], contrast=contrast, optimizer=optimizer, strength=[0.5, 1])
    made, saved = uncone.learn(encoder, pairs="ws353", recipe=recipe), Removal.load(tmp_path / "run")
    assert all(map(torch.equal, made.fold(), saved.fold()))
    assert made.settings["trained_on"] == saved.settings["trained_on"]


def test_rows_have_plausible_values(run):
    rows = read_results(run)
    assert {row.task for row in rows} == {"held_out", "lee", "geometry"}
    assert {"none", "centre", "conceptor", "zipfian", "learned"} <= {row.removal for row in rows}
    correlations = [row for row in rows if row.metric == "spearman"]
    assert all(-1 <= row.low <= row.value <= row.high <= 1 for row in correlations)


def test_geometry_is_logged_every_epoch(run):
    logged = [row for row in history(run) if row.get("geometry/s_inter")]
    assert len(logged) == 4
    for measure in (
        "s_intra",
        "s_inter",
        "isotropy",
        "log10_isotropy",
        "lid",
        "frequency_pc1",
        "mean_cosine",
        "isoscore",
        "seconds",
    ):
        assert all(np.isfinite(float(row[f"geometry/{measure}"])) for row in logged), measure


def test_the_saved_removal_belongs_to_the_encoder(run):
    removal = Removal.load(run)
    assert removal.method == "learned"
    assert removal.encoder["name"] == "bert0"
    assert not torch.equal(removal.gains, torch.ones_like(removal.gains))


def test_checkpoints_are_small_and_safe(run):
    path = run / "checkpoints/last.ckpt"
    assert path.stat().st_size < 100_000
    state = torch.load(path, weights_only=True)["state_dict"]
    assert not [key for key in state if key.startswith("encoder")]


def test_a_curve_can_be_read_back(run):
    logged = [float(row["val/spearman"]) for row in history(run) if row.get("val/spearman")]
    assert read_curve(run, "val/spearman") == list(enumerate(logged))


def test_two_runs_with_one_seed_write_identical_results(config_of, run, tmp_path):
    train(config_of(tmp_path, *FULL))
    assert (tmp_path / "results.json").read_text() == (run / "results.json").read_text()


def test_compares_with_other_recipes_and_learned_may_be_named(config_of, run, tmp_path):
    """It is there whether it is named or not."""
    train(config_of(tmp_path, *FULL, "removal=[none,learned,lbfgs]"))
    found, before = ({(row.removal, row.task): row.value for row in read_results(folder)} for folder in (tmp_path, run))
    assert found["learned", "lee"] == before["learned", "lee"] != found["lbfgs", "lee"]


def test_a_contextual_layer_encodes_once(config_of, tmp_path, capsys):
    overrides = (f"cache_dir={tmp_path}/cache", "removal=[none,centre]")
    train(config_of(tmp_path / "first", *overrides))
    output = " ".join(capsys.readouterr().out.split())
    assert " 0 computed" not in output
    assert ", layers 1, float32 on cpu: " in output
    train(config_of(tmp_path / "second", *overrides))
    assert " 0 computed" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "first/results.json").read_text() == (tmp_path / "second/results.json").read_text()


def test_words_as_means_over_a_corpus(config_of, tmp_path):
    """Each pair of words is in one of the texts."""
    pairs = list(combinations(("cat", "dog", "sun", "moon", "car", "bus", "tea", "cup"), 2))
    (tmp_path / "corpus.tsv").write_text("\n".join(["text", *map(" and ".join, pairs)]))
    scored = pair_file(tmp_path, [f"{first}\t{second}\t{i % 7}" for i, (first, second) in enumerate(pairs)])
    overrides = ("word_vectors=corpus", f"corpus={tmp_path}/corpus.tsv", "vocabulary_size=5000")
    train(config_of(tmp_path / "run", *overrides, scored, "removal=[none]"))
    assert read_results(tmp_path / "run")[0].layers == "1"


def test_word_vectors_from_a_file(tmp_path):
    from gensim.test.utils import datapath

    vectors = ("encoder=word_vectors", f"encoder.path={datapath('lee_fasttext_new.bin')}")
    train(composed("train", f"output_dir={tmp_path}", *TRAIN, *vectors, "removal=[none]"))
    assert read_results(tmp_path)[0].encoder == "lee_fasttext_new"


def pair_file(tmp_path, lines) -> str:
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(["word1\tword2\tscore", *lines]) + "\n")
    return f"data.sets=[{path}]"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no row below its header"),
        (["cat\t\t3"], "line 2"),
        (["cat\tdog\tnan"], "line 2"),
        (["cat\tdog\tmany"], "line 2.*'many'"),
        (["cat\tdog\t1", "sun\tmoon\t1"], "every score|constant|equal"),
        (["cat\tdog"], "line 2"),
        ([f"{'龘' * (i + 1)}\t龘\t{i}" for i in range(5)], "knows the words of none of the 3 pairs"),
    ],
)
def test_bad_pair_files_are_refused_by_line(config_of, tmp_path, lines, message):
    with pytest.raises(ValueError, match=f"(?i){message}"):
        train(config_of(tmp_path / "run", pair_file(tmp_path, lines)))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("encoder.layers=99", "unknown layers 99"),
        ("encoder.pooling=median", "unknown pooling 'median'"),
        ("encoder.path=./nowhere", "no encoder folder './nowhere'"),
        ("recipe.D=[999]", "rank 15"),
        ("data.sets=[nowhere.tsv]", "nowhere.tsv"),
        ("resume=nowhere", "no last.ckpt in .*nowhere"),
        ("removal=[none,magic]", "unknown removal 'magic'"),
        ("task=[chess]", "unknown task 'chess'"),
        ("methods.all_but_the_top.D=1000", "D must be a whole number from 1 to 15"),
        ("word_vectors=dreamt", "unknown word_vectors 'dreamt'"),
    ],
)
def test_bad_settings_are_refused_with_the_value(config_of, tmp_path, override, message):
    with pytest.raises(Exception, match=message):
        train(config_of(tmp_path, override))


def test_the_command_line_says_what_is_wrong_in_one_line(folder_of, tmp_path):
    """Exit code 1, no traceback."""
    model = ("encoder=local", f"encoder.path={folder_of('bert')}", "encoder.layers=99")
    command = [sys.executable, "train.py", "debug=fast", *model, f"output_dir={tmp_path}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert re.search("^Error: .*: unknown layers 99: this model has 3 blocks", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("encoder.layrs=3", r"unknown key 'encoder.layrs': encoder has .*layers.*; did you mean 'encoder.layers'"),
        ("resampels=3", r"unknown key 'resampels': python .*train.py --help lists the keys; did you mean 'resamples'"),
        ("probe.sise=3", r"unknown key 'probe.sise': .*did you mean 'probe.size'"),
        ("encoder=minlm", r"unknown encoder 'minlm': choose one of .*; did you mean 'minilm'"),
        ("recipe=learned,papper", r"unknown recipe 'papper': choose one of .*; did you mean 'paper'"),
        ("encoder.layers=[3", r"'encoder.layers=\[3' cannot be read \(.*\): a list is 'encoder.layers=\[A,B\]'"),
        (
            "removal=none,centre",
            r"'removal=none,centre' has several values: a list is 'removal=\[none,centre\]'",
        ),
        ("--seed=1", r"unknown option --seed=1: a setting has no dashes, seed=VALUE"),
        ("seed", r"'seed' is no setting: KEY=VALUE was expected"),
        ("seed=abc", r"seed=abc: Value 'abc' of type 'str' could not be converted to Integer$"),
    ],
)
def test_the_command_line_names_what_is_mistyped(typed, said, tmp_path):
    """In this process, which need not import all anew."""
    _, failed = run_script([str(CONF.parent / "train.py"), "debug=fast", typed], tmp_path)
    assert re.match(f"Error: {said}", failed)


def test_learns_from_scored_sentences(config_of, tmp_path):
    rows = [f"the cat {a}\t{b} the mat\t{(i * 7) % 5}" for i, (a, b) in enumerate(product("abcdefg", "uvwxyz"))]
    for name, part in (("train", rows[:24]), ("dev", rows[24:33]), ("test", rows[33:])):
        (tmp_path / f"{name}.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *part]) + "\n")
    sets = [f"data.sets=[{tmp_path}/train.tsv]", f"data.validation_sets=[{tmp_path}/dev.tsv]"]
    train(config_of(tmp_path / "run", "data=stsb", *sets, f"data.test_sets=[{tmp_path}/test.tsv]", "removal=[none]"))
    held_out = [row for row in read_results(tmp_path / "run") if row.task == "held_out"]
    assert {row.n for row in held_out if row.metric == "spearman"} == {9}
