"""Runs read back from their folders: what varies, what is averaged, what is left out and why."""

import json
import math
from pathlib import Path

import pytest
import yaml

from uncone.runs.collection import NOT_FELT, best, collect, find_runs, varying
from uncone.runs.folder import write_results
from uncone.tasks import Row

METHODS = {"methods": {name: {"_target_": f"uncone.removal.{name}"} for name in ("none", "centre")}}
LEE = "lee all spearman"


def row(removal, value, seed=0, task="lee", subset="all", metric="spearman", layers="1", encoder="tiny", interval=0.1):
    low, high = (value - interval, value + interval) if interval else (None, None)
    where = {"encoder": encoder, "layers": layers, "pooling": "mean", "removal": removal, "task": task}
    return Row(**where, subset=subset, metric=metric, value=value, low=low, high=high, n=9, seed=seed)


def write_run(folder: Path, settings, rows=None, job=None, curve=()) -> Path:
    """A run's folder with as much as it is said to have."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "environment.json").write_text("{}")
    if rows is not None:
        write_results(folder, rows)
    if job is not None:
        (folder / "job.json").write_text(json.dumps({"error": None, **job}))
    if curve:
        (folder / "metrics/version_0").mkdir(parents=True)
        lines = [f"{epoch},{value}" for epoch, value in enumerate(curve)]
        (folder / "metrics/version_0/metrics.csv").write_text("\n".join(["epoch,val/spearman", *lines, "7,0."]))
    return folder


def settings(seed=0, pull=1.0, layers=1, **more):
    encoder = {"path": "tiny", "layers": layers}
    return {
        "seed": seed,
        "output_dir": f"{seed}{pull}",
        "encoder": encoder,
        "recipe": {"pull": pull},
        **METHODS,
        **more,
    }


@pytest.fixture
def folder(tmp_path):
    """Two pulls × three seeds, of which one failed and one was killed."""
    for pull in (0.1, 1.0):
        for seed in range(3):
            rows = [row("none", 0.5, seed), row("learned", 0.5 + pull / 10 + seed / 100, seed)]
            job, curve = {"status": "finished"}, [0.2, 0.3 + pull / 10]
            if (pull, seed) == (1.0, 2):
                rows, job = None, {"status": "failed", "error": {"type": "ValueError", "message": "no such\nlayer"}}
            if (pull, seed) == (0.1, 2):
                rows, job = None, {"status": "running"}
            write_run(tmp_path / f"pull={pull},seed={seed}", settings(seed, pull), rows, job, curve)
    return tmp_path


def test_reads_what_finished_and_says_why_the_rest_did_not(folder):
    runs = {run.name: run for run in collect(folder).runs}
    assert [runs[name].status for name in sorted(runs)].count("finished") == 4
    assert runs["pull=1.0,seed=2"].why == "ValueError: no such\nlayer"
    assert runs["pull=0.1,seed=2"].status == "unfinished"
    assert runs["pull=0.1,seed=2"].why == "best val/spearman so far 0.3100 in epoch 1, last epoch 1"


def figures(folder, name=LEE):
    found = collect(folder).figures()
    return found[found["figure"] == name].reset_index(drop=True)


def test_averages_over_seeds(folder):
    found = figures(folder)
    (learned,) = found[(found["settings"] == ("0.1",)) & (found["method"] == "learned")].to_dict("records")
    assert (learned["seeds"], learned["mean"]) == (2, pytest.approx(0.515))
    assert learned["std"] == pytest.approx(0.01 / 2**0.5)
    assert (learned["low"], learned["high"]) == (pytest.approx(0.415), pytest.approx(0.615))
    assert learned["validation"] == pytest.approx(0.31)


def test_a_fixed_removal_does_not_feel_how_the_learned_one_was_learned(folder):
    found = figures(folder)
    (raw,) = found[found["method"] == "none"].to_dict("records")
    assert raw["settings"] == (NOT_FELT,)
    assert raw["seeds"] == 2  # each seed counts once, though it was run with two pulls
    assert math.isnan(raw["validation"])


def test_of_runs_with_one_seed_the_last_counts_as_it_is(tmp_path):
    for i, interval in enumerate((0.1, None)):
        write_run(tmp_path / str(i), settings(pull=i), [row("none", 0.5 + i / 10, interval=interval)])
    (line,) = figures(tmp_path).to_dict("records")
    assert line["mean"] == 0.6
    assert math.isnan(line["low"])
    assert math.isnan(line["std"])


def test_best_of_all_and_the_choice_on_validation_pairs(tmp_path):
    for pull, test, validation in ((0.1, 0.9, 0.3), (1.0, 0.6, 0.4)):
        rows = [row("none", 0.5), row("learned", test)]
        write_run(tmp_path / str(pull), settings(pull=pull), rows, curve=[validation])
    found = figures(tmp_path)
    assert best(found)["mean"] == 0.9
    assert best(found, by="validation")["mean"] == 0.6
    assert best(found.assign(metric="alignment"))["mean"] == 0.5
    assert best(found[found["method"] == "none"], by="validation") is None


def test_what_varies_leaves_out_what_changes_nothing_and_what_goes_in_step(tmp_path):
    for seed, encoder in enumerate(("a", "b")):
        of_encoder = {"path": encoder, "pooling": "mean" if encoder == "a" else "cls"}
        write_run(
            tmp_path / encoder, {**settings(), "encoder": of_encoder, "seed": 7, "threads": seed}, [row("none", 0.1)]
        )
    runs = collect(tmp_path).runs
    assert varying(runs) == ["encoder.path"]


def test_objectives_are_told_by_their_names(tmp_path):
    for name in ("pearson", "rank"):
        recipe = {"pull": 1.0, "objective": {"name": name}}
        write_run(tmp_path / name, settings(recipe=recipe), [row("learned", 0.1)])
    assert list(figures(tmp_path)["settings"]) == [("pearson",), ("rank",)]


def test_geometry_is_a_figure_whatever_the_layer(tmp_path):
    rows = [
        row("none", 0.3 + layer / 10, task="geometry", subset=str(layer), metric="lid", layers=str(layer))
        for layer in (0, 1)
    ]
    write_run(tmp_path / "run", settings(), rows)
    assert list(figures(tmp_path, "geometry lid")["layers"]) == ["0", "1"]


def test_runs_are_not_searched_inside_of_runs(tmp_path):
    write_run(tmp_path / "a" / "b", settings(), [])
    (tmp_path / "a" / "b" / "checkpoints").mkdir()
    (tmp_path / "a" / "b" / "checkpoints" / "job.json").write_text("{}")
    assert list(find_runs(tmp_path)) == [tmp_path / "a" / "b"]


HUGE = json.dumps([row("none", 0.5).to_json() | {"value": 10**400}])
DAMAGED = {
    "results.json": ["", "{", "[1]", "null", "[" * 100_000, HUGE],
    "config.yaml": ["a: [", "- 1", "seed: 2020-01-01", "seed: !!binary aGk=", "a: &a [*a]", "{" * 5000],
    "job.json": ["[]", "1", '{"status": "failed"}', "\ud800"],
    "metrics/version_0/metrics.csv": ["\ud800"],
    "metrics/version_x/metrics.csv": [""],
}


@pytest.mark.parametrize(
    ("file", "content"),
    [(file, text) for file, texts in DAMAGED.items() for text in texts],
    ids=lambda text: repr(text[:30]),
)
def test_one_damaged_run_does_not_keep_the_others(file, content, tmp_path):
    for name in ("sound", "spoilt"):
        write_run(tmp_path / name, settings(), [row("none", 0.5)], {"status": "finished"}, [0.2])
    path = tmp_path / "spoilt" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, errors="surrogatepass")
    collected = collect(tmp_path)
    sound, spoilt = collected.runs
    assert (sound.status, spoilt.status) == ("finished", "damaged")
    assert str(tmp_path / "spoilt") in spoilt.why
    assert "\n" not in spoilt.why
    assert len(collected.figures()) == 1


def test_refuses_a_folder_without_runs(tmp_path):
    with pytest.raises(ValueError, match=r"no run in .*: name a folder"):
        collect(tmp_path)
