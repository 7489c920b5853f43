"""What a job of a sweep makes of its folder, without a sweep around it."""

import copy
import json
from functools import cache
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from tiny_runs import composed

from uncone.commands.jobs import distinguishing, in_sweep, job_folder, job_hash, prepare, run_job
from uncone.commands.sweep import SweepCallback, threads_per_job
from uncone.runs.loggers import make_loggers


@cache
def composed_once(*overrides: str) -> DictConfig:
    return composed("train", *overrides, return_hydra_config=True)


def config_of(*overrides: str) -> DictConfig:
    return copy.deepcopy(composed_once(*overrides))


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Runs a command as one job of a sweep in a temporary folder; returns its score."""
    monkeypatch.chdir(tmp_path)

    def run(command, *overrides):
        hydra = config_of("sweep_name=sweep", "recipe.optimizer.keep=best", *overrides)
        with open_dict(hydra):
            hydra.hydra.job.num = 0
            hydra.hydra.job.config_name = "train"
            hydra.hydra.runtime.cwd = str(tmp_path)
        HydraConfig.instance().set_config(hydra)
        config = config_of("sweep_name=sweep", "recipe.optimizer.keep=best", *overrides)
        with open_dict(config):
            del config["hydra"]
        assert in_sweep()
        return run_job(command, config)

    yield run
    HydraConfig.instance().cfg = None


def finish(config):
    """A command that trains for two epochs and writes a row."""
    folder = Path(config.output_dir)
    (folder / "metrics/version_0").mkdir(parents=True)
    (folder / "metrics/version_0/metrics.csv").write_text("epoch,val/spearman\n0,0.5\n1,0.25\n")
    (folder / "results.json").write_text("[]")
    print("said by the job")


def only_folder(tmp_path):
    (folder,) = (path.parent for path in tmp_path.glob("outputs/sweeps/sweep/*/job.json"))
    return folder


def test_a_job_returns_the_score_of_the_epoch_it_kept(job, tmp_path, capsys):
    assert job(finish) == 0.5
    folder = only_folder(tmp_path)
    assert json.loads((folder / "job.json").read_text())["status"] == "finished"
    assert "said by the job" in (folder / "output.log").read_text()
    assert "said by the job" not in capsys.readouterr().out


def test_a_finished_job_is_skipped_until_its_results_are_gone(job, tmp_path, capsys):
    job(finish)
    assert job(lambda config: pytest.fail("ran again")) == 0.5
    assert f"skipped   {only_folder(tmp_path).name}: finished before" in capsys.readouterr().out
    (only_folder(tmp_path) / "results.json").unlink()
    ran = []
    job(ran.append)
    assert len(ran) == 1


def test_another_setting_is_another_job_and_another_place_is_not(job, tmp_path):
    job(finish)
    assert job(lambda config: pytest.fail("ran again"), "threads=3", "logger=csv") == 0.5
    ran = []
    job(ran.append, "recipe.pull=7")
    assert len(ran) == 1


def test_a_failed_job_is_written_down_and_tried_again(job, tmp_path, capsys):
    def fail(config):
        raise ValueError("no such layer")

    assert job(fail) != job(fail)  # NaN
    record = json.loads((only_folder(tmp_path) / "job.json").read_text())
    assert record["status"] == "failed"
    assert (record["error"]["type"], record["error"]["message"]) == ("ValueError", "no such layer")
    assert "in fail" in record["error"]["traceback"]
    assert capsys.readouterr().out.count("failed ") == 2
    assert job(finish) == 0.5


def test_an_interrupted_sweep_stays_unfinished(job, tmp_path):
    def interrupt(config):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job(interrupt)
    assert json.loads((only_folder(tmp_path) / "job.json").read_text())["status"] == "running"


def test_the_hash_is_that_of_the_resolved_settings():
    one, other = (OmegaConf.create({"seed": seed, "data": {"seed": "${seed}"}, "threads": 2}) for seed in (0, 1))
    same = OmegaConf.create({"data": {"seed": 0}, "seed": 0, "threads": None})
    assert job_hash(one, "train") == job_hash(same, "train")
    assert len({job_hash(one, "train"), job_hash(other, "train"), job_hash(one, "evaluate")}) == 3


def test_a_folder_is_found_again_under_another_label(tmp_path):
    config = OmegaConf.create({"seed": 0})
    folder = job_folder(tmp_path, config, "train", ["seed=0", "encoder.layers=[1]"])
    assert folder.name.startswith("seed=0,layers=1-")
    folder.mkdir()
    assert job_folder(tmp_path, config, "train", ["encoder.layers=[1]", "seed=0"]) == folder


def test_a_job_is_grouped_in_wandb_with_its_sweep(tmp_path):
    """Group and tags are those of the sweep and the settings; a group of the user's own is kept."""
    config = config_of("logger.wandb.tags=[mine]", "logger.wandb.mode=offline")
    overrides = ["encoder.layers=[1]", "seed=0", "launcher=joblib", f"recipe.contrast.corpus={'x' * 99}"]
    prepare(config, tmp_path, "sweep", overrides)
    run = make_loggers(tmp_path, config.logger.wandb, {}, False, None)[1].experiment
    try:
        assert run.group == "sweep"
        assert {"mine", "encoder.layers=[1]", "seed=0"} <= set(run.tags)
        assert len(run.tags) == 4
    finally:
        run.finish()
    own = config_of("logger.wandb.group=own")
    prepare(own, tmp_path, "sweep", [])
    assert own.logger.wandb.group == "own"


@pytest.mark.parametrize(("jobs", "cores", "threads"), [(-1, 8, 1), (4, 8, 2), (3, 8, 2), (16, 8, 1)])
def test_cores_are_shared_between_jobs(jobs, cores, threads, monkeypatch):
    import joblib

    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(joblib, "effective_n_jobs", lambda n: cores if n == -1 else n)
    config = config_of("launcher=joblib", f"hydra.launcher.n_jobs={jobs}")
    assert threads_per_job(config) == threads
    assert threads_per_job(config_of("launcher=joblib", "threads=5")) == 5
    assert threads_per_job(config_of()) is None


def test_one_sweep_has_one_name_wherever_it_runs():
    """The order of overrides, the launcher and threads do not count; the settings do."""

    def name(*overrides):
        config = config_of(*(each for each in overrides if "," not in each))
        config.hydra.job.config_name = "train"
        config.hydra.overrides.task = list(overrides)
        SweepCallback().on_multirun_start(config)
        return config.sweep_name

    first = name("seed=0,1", "encoder.layers=1,2")
    assert first == name("encoder.layers=1,2", "launcher=joblib", "seed=0,1", "threads=2")
    assert len({first, name("seed=0,1"), name("seed=0,2")}) == 3
    assert distinguishing(["data_dir=x", "hydra.sweeper.n_trials=3", "~logger", "experiment=a"]) == ["experiment=a"]


def test_a_changed_file_is_another_job(job, tmp_path):
    """And so is a changed folder."""
    ran, path, folder = [], tmp_path / "mine.tsv", tmp_path / "model"
    folder.mkdir()
    for change in (lambda: path.write_text("a"), lambda: path.write_text("b"), (folder / "weights").touch):
        change()
        for _ in range(2):
            job(lambda config: ran.append(1) or finish(config), f"data.sets=[{path}]", f"encoder.path={folder}")
    assert len(ran) == 3
