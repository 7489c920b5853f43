"""Commands in two processes: the results of one, written once, and failures that end all."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from uncone.commands import main
from uncone.commands.processes import processes_to_start
from uncone.commands.schema import register
from uncone.commands.train import train
from uncone.removal import Removal
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
TRAIN = (
    *("debug=fast", "recipe.optimizer.max_epochs=3", "logger=csv", "encoder=local", "encoder.layers=2"),
    *("frequencies=corpus", "task=[lee]", "removal=[none,centre,zipfian]", "recipe.D=[4,null]"),
    *("recipe.contrast.limit=50", "recipe.contrast.corpus=lee_background", "recipe.strength=[0.5,1]"),
    *("probe.size=400", "probe.queries=50"),
)


def finished(*command, **environment):
    command = [sys.executable, *map(str, command)]
    return subprocess.run(
        command, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=180, check=False, cwd=ROOT
    )


def assert_same_results(found: Path, expected: Path, tolerance: float):
    rows, of_one = read_results(found), read_results(expected)
    assert len(rows) == len(of_one) > 0
    for row, one in ((row.to_json(), one.to_json()) for row, one in zip(rows, of_one, strict=True)):
        numbers = [key for key, value in one.items() if isinstance(value, float)]
        assert [row.pop(key) for key in numbers] == pytest.approx([one.pop(key) for key in numbers], abs=tolerance)
        assert row == one


def history(folder: Path):
    return list(csv.DictReader((folder / "metrics/version_0/metrics.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def model(folder_of):
    return f"encoder.path={folder_of('bert')}"


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    """A run in one process, and the same in two, each from an empty store."""
    from hydra import compose, initialize_config_dir

    folder = tmp_path_factory.mktemp("trained")
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        train(compose("train", [*TRAIN, model, f"output_dir={folder / 'one'}", f"cache_dir={folder / 'cache_one'}"]))
    processes = ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu")
    where = (f"output_dir={folder / 'two, at once'}", f"cache_dir={folder / 'cache_two'}")
    done = finished("train.py", *TRAIN, model, *processes, where[0].replace("two, at once", r"two\, at once"), where[1])
    assert done.returncode == 0, done.stderr
    return folder / "one", folder / "two, at once", done


def test_two_processes_learn_what_one_learns(trained):
    one, two, _ = trained
    expected, found = Removal.load(one), Removal.load(two)
    torch.testing.assert_close(found.gains, expected.gains, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.centre, expected.centre, rtol=0, atol=1e-5)
    assert not torch.equal(found.gains, torch.ones_like(found.gains))
    assert_same_results(two, one, 1e-5)


def test_only_the_first_process_speaks_and_writes(trained):
    one, two, done = trained
    assert done.stdout.count("training,") == 1
    assert done.stdout.count("Written to") == 1
    assert sorted(path.name for path in two.iterdir()) == sorted(path.name for path in one.iterdir())
    assert [path.name for path in two.glob("metrics/*")] == ["version_0"]
    assert json.loads((two / "environment.json").read_text())["processes"] == 2
    columns = [[row["val/spearman"] for row in history(folder)] for folder in (one, two)]
    assert columns[0] == columns[1]


def test_a_process_that_fails_ends_the_run(tmp_path):
    """While the other waits for it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import failing_command\n"
        "from omegaconf import OmegaConf\n"
        "from uncone.commands.main import run\n"
        "trainer = {'strategy': 'ddp', 'devices': 2, 'accelerator': 'cpu'}\n"
        "run(failing_command.fail, OmegaConf.create({'trainer': trainer}))\n"
    )
    done = finished(script)
    assert done.returncode == 1
    assert "Error: the second cannot go on" in done.stderr
    assert done.stderr.count("Error") == 1


def test_the_first_process_says_what_all_find_wrong(monkeypatch):
    waited = []

    def refuse(config):
        raise ValueError("no such thing")

    monkeypatch.setattr(main.time, "sleep", waited.append)
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit, match="Error: no such thing"):
            main.run(refuse, OmegaConf.create())
    assert waited == [main.OTHERS_FIRST]


def config_of(**trainer):
    return OmegaConf.create({"trainer": {"strategy": "ddp", "accelerator": "cpu", "devices": "auto", **trainer}})


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (config_of(devices=3), 3),
        (config_of(devices="2"), 2),
        (config_of(), 1),
        (config_of(strategy="auto", devices=4), 1),
        (OmegaConf.create({"corpus": "of analyze.py, which has no trainer"}), 1),
    ],
)
def test_how_many_processes_to_start(config, count, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert processes_to_start(config) == count
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert processes_to_start(config) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [(config_of(devices=[0, 1]), "give the number of processes"), (config_of(num_nodes=2), "torchrun on each machine")],
)
def test_what_cannot_be_started(config, message):
    with pytest.raises(ValueError, match=message):
        processes_to_start(config)
