"""Commands in two processes: the results of one, written once, and failures that end all."""

import csv
import json
import signal
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import failing_command
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from tiny_runs import composed, train_undrawn

from uncone.commands import main
from uncone.commands.processes import processes_to_start
from uncone.removal import Removal
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
TRAIN = (
    *("debug=fast", "recipe.optimizer.max_epochs=3", "logger=csv", "encoder=local", "encoder.layers=2"),
    *("frequencies=corpus", "task=[lee]", "removal=[none,centre,zipfian]", "recipe.D=[4,null]"),
    *("recipe.contrast.limit=50", "recipe.contrast.corpus=lee_background", "recipe.strength=[0.5,1]"),
    *("probe.size=400", "probe.queries=50"),
)


class Ended(NamedTuple):
    failed: str | None
    stdout: str
    stderr: str


def in_two(command, config: DictConfig, folder: Path) -> Ended:
    """Run a command in two processes that this one starts, which has imported what takes seconds."""
    path = f"{ROOT / 'src'}:{ROOT / 'tests'}"
    handlers = [(number, signal.getsignal(number)) for number in SIGNALS]
    printed, said, failed = folder / "stdout", folder / "stderr", None
    with pytest.MonkeyPatch.context() as patch, printed.open("w") as out, said.open("w") as err:
        for name, value in {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}.items():
            patch.setenv(name, value)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                main.run(command, config)
        except SystemExit as end:
            failed = str(end)
        finally:
            for number, handler in handlers:  # else torch's stay
                signal.signal(number, handler)
    return Ended(failed, printed.read_text(), said.read_text())


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
    folder = tmp_path_factory.mktemp("trained")
    where = (f"output_dir={folder / 'one'}", f"cache_dir={folder / 'cache_one'}")
    train_undrawn(composed("train", *TRAIN, model, *where))
    processes = ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu")
    where = (rf"output_dir={folder}/two\, at once", f"cache_dir={folder / 'cache_two'}")
    done = in_two(train_undrawn, composed("train", *TRAIN, model, *processes, *where), folder)
    assert done.failed is None, done.stderr
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
    trainer = {"strategy": "ddp", "devices": 2, "accelerator": "cpu"}
    done = in_two(failing_command.fail, OmegaConf.create({"trainer": trainer}), tmp_path)
    assert done.failed == "one of 2 processes ended with exit code 1"
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
