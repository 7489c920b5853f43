"""train.py resume=RUN: the same run goes on, or nothing is touched; and the modes of W&B."""

import csv
import shutil
import socket
from itertools import combinations
from pathlib import Path

import pytest
import torch
import yaml
from tiny_runs import TRAIN, composed, layer_of, train_undrawn

from uncone.commands.train import train
from uncone.removal import Removal
from uncone.runs import loggers
from uncone.runs.loggers import logged_in, wandb_mode


@pytest.fixture(scope="module")
def config_of(folder_of):
    """The config of a run on a tiny model."""
    model = (*layer_of(folder_of("bert")), "recipe.strength=1")
    return lambda folder, *overrides: composed("train", f"output_dir={folder}", *TRAIN, *model, *overrides)


@pytest.fixture(scope="module")
def run(config_of, tmp_path_factory) -> Path:
    """A finished run of four epochs."""
    folder = tmp_path_factory.mktemp("run") / "monday"
    train_undrawn(config_of(folder, "recipe.optimizer.max_epochs=4"))
    return folder


def history(folder: Path) -> list[dict[str, str]]:
    """Logged lines of all metrics files of a run, in order of writing."""
    files = sorted(folder.glob("metrics/version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1]))
    return [row for path in files for row in csv.DictReader(path.read_text().splitlines())]


def logger_ids(folder: Path) -> list[str]:
    """Of the runs that W&B has written offline, as its files are named."""
    return [path.stem.removeprefix("run-") for path in sorted(folder.rglob("run-*.wandb"))]


def test_resuming_equals_never_having_stopped(config_of, run, tmp_path, command_line, monkeypatch):
    """The same weights bit for bit, the same history, under the same logger id, wherever the folder has been moved.

    Offline, no server is asked for.
    """
    asked: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: asked.append(host))
    train(config_of(tmp_path / "tuesday", "logger=wandb", "recipe.optimizer.max_epochs=2"))
    folder = (tmp_path / "tuesday").rename(tmp_path / "wednesday")
    first = logger_ids(folder)
    train(composed("train", *command_line("recipe.optimizer.max_epochs=4", f"resume={folder}")))
    resumed, whole = Removal.load(folder), Removal.load(run)
    assert torch.equal(resumed.gains, whole.gains)
    assert torch.equal(resumed.centre, whole.centre)
    keys = ("epoch", "train/loss", "val/spearman", "geometry/lid")
    assert [[row.get(key) for key in keys] for row in history(folder)] == [
        [row.get(key) for key in keys] for row in history(run)
    ]
    assert logger_ids(folder) == first * 2
    assert not asked
    assert "max_epochs: 4" in (folder / "config.yaml").read_text()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("data.fractions=[0.1,0.1,0.8]", r"data.fractions=\[0.1, 0.1, 0.8\] \(the run: \[0.6, 0.2, 0.2\]\)"),
        ("seed=1", r"seed=1 \(the run: 0\)"),
        ("recipe=pairs", "recipe.rank=0"),
        ("experiment=liang2021", "encoder.pooling='sum'"),
        ("encoder.layers=[2]", "encoder.layers"),
    ],
)
def test_another_run_is_not_resumed_and_nothing_is_written(run, tmp_path, command_line, changed, message):
    before = contents(run)
    config = composed("train", *command_line("recipe.optimizer.max_epochs=5", f"resume={run}", changed))
    with pytest.raises(ValueError, match=message):
        train(config)
    assert contents(run) == before


def test_other_data_under_the_same_name_are_refused(config_of, tmp_path, command_line):
    """Nothing is written before the comparison."""
    words = ["cat", "dog", "car", "bus", "house", "tree", "river", "stone"]
    lines = [f"{one}\t{other}\t{len(one) * len(other) % 7}" for one, other in combinations(words, 2)]
    path, folder = tmp_path / "pairs.tsv", tmp_path / "run"
    path.write_text("\n".join(["word1\tword2\tscore", *lines]))
    train(config_of(folder, f"data.sets=[{path}]", "removal=[none]", "recipe.contrast.weight=0"))
    before = contents(folder)
    path.write_text(path.read_text().replace("cat", "cow"))
    config = composed("train", *command_line("recipe.optimizer.max_epochs=3", f"resume={folder}"))
    with pytest.raises(ValueError, match=r"checkpoint is of another training .data: "):
        train(config)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("trainer", {"_target_": "os.system", "command": "touch harm"}, "calls os.system, which is not uncone's"),
        ("tasks", {"lee": {"_target_": "builtins.exec"}}, "calls builtins.exec"),
        ("encoder", {"path": "minilm", "trust_remote_code": True}, "runs code that comes with it"),
        ("data", "${oc.env:HOME}", "refers to other values"),
    ],
)
def test_a_run_of_a_stranger_calls_nothing(run, tmp_path, command_line, key, value, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(run, tmp_path / "strange"))
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(settings | {key: value}))
    with pytest.raises(ValueError, match=message):
        train(composed("train", *command_line(f"resume={folder}")))
    assert not (tmp_path / "harm").exists()


def test_a_flipped_bit_of_a_checkpoint_is_seen(run, tmp_path, command_line):
    """And what to do about it is said."""
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    path = folder / "checkpoints/last.ckpt"
    whole = path.read_bytes()
    shutil.copy(path, path.with_name("best.ckpt"))
    path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    with pytest.raises(ValueError, match=r"no undamaged checkpoint .*best.ckpt is whole: copy it to last.ckpt"):
        train(composed("train", *command_line(f"resume={folder}")))


def test_an_occupied_folder_is_refused_unless_it_may_be_replaced(config_of, run):
    before = contents(run)
    with pytest.raises(ValueError, match=r"holds another run \(results.json and checkpoints\)"):
        train(config_of(run, "seed=1"))
    assert contents(run) == before


def test_wandb_is_online_only_with_credentials(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not logged_in()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert logged_in()
    monkeypatch.setattr(loggers, "unreachable", lambda host, port: None)
    assert wandb_mode("auto") == "online"
    for name, value, mode in (
        ("MODE", "offline", "offline"),
        ("MODE", "disabled", "disabled"),
        ("DISABLED", "true", "disabled"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"WANDB_{name}", value)
            assert wandb_mode("auto") == wandb_mode("online") == mode
    for mode in ("offline", "disabled"):
        assert wandb_mode(mode) == mode
    monkeypatch.setattr(loggers, "unreachable", lambda host, port: "no route")
    assert wandb_mode("auto") == "offline"
    with pytest.raises(ValueError, match=r"unknown logger.wandb.mode 'onlne': choose one of auto"):
        wandb_mode("onlne")
