"""Killed at any moment, a run goes on to what it would have become; asked to end, it says how to go on."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from tiny_runs import TRAIN, composed, layer_of

from uncone.commands.train import train
from uncone.learning.checkpoints import read_checkpoint
from uncone.removal import Removal
from uncone.runs.reading import read_results

pytestmark = pytest.mark.slow
KILLS, AT_A_RENAME = 25, 10
ROOT = Path(__file__).parents[2]
EPOCHS = 60
fork = multiprocessing.get_context("fork")  # a process that need not import anything


@pytest.fixture(scope="module")
def settings(folder_of, tmp_path_factory):
    """Of a run that takes seconds; what the tests share is encoded once."""
    cache = tmp_path_factory.mktemp("cache")
    quick = ("removal=[none]", "recipe.strength=1", "probe.every_n_epochs=20", f"recipe.optimizer.max_epochs={EPOCHS}")
    return (*TRAIN, *layer_of(folder_of("bert")), *quick, f"cache_dir={cache}")


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory) -> Removal:
    """What a run becomes that nobody interrupts."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(composed("train", f"output_dir={folder}", *settings))
    return Removal.load(folder)


def go_on(folder: Path, settings: tuple[str, ...]) -> None:
    """Start a run, or go on with it, as far as it came."""
    given = [f"output_dir={folder}", *settings, "overwrite=true"]
    if (folder / "checkpoints" / "last.ckpt").exists():
        given = [f"resume={folder}"]
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": {"overrides": {"task": given}}})
    try:
        train(composed("train", *given))
    finally:
        HydraConfig.instance().cfg = None


def in_a_fork(function, *given) -> multiprocessing.Process:
    process = fork.Process(target=function, args=given)
    process.start()
    return process


def assert_nothing_is_lost(folder: Path, whole: Removal) -> None:
    last = folder / "checkpoints" / "last.ckpt"
    if last.exists():
        read_checkpoint(last)
    if (folder / "results.json").exists():
        assert read_results(folder)
        assert torch.equal(Removal.load(folder).gains, whole.gains)


def test_kills_at_random_moments(settings, whole, tmp_path):
    """Nothing is lost, and the end is the same bit for bit."""
    generator, kills, runs = np.random.default_rng(0), 0, 0
    while kills < KILLS:
        folder, runs = tmp_path / f"run{runs}", runs + 1
        for _ in range(8):
            process = in_a_fork(go_on, folder, settings)
            process.join(generator.uniform(0.05, 1.5))
            if not process.is_alive():
                break
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1
            assert_nothing_is_lost(folder, whole)
        go_on(folder, settings)
        finished = Removal.load(folder)
        assert torch.equal(finished.gains, whole.gains)
        assert torch.equal(finished.components, whole.components)
        assert not [path for path in folder.rglob(".*") if path.name != ".lock"]


def die_at_a_rename(folder: Path, settings: tuple[str, ...], number: int, before: bool) -> None:
    """Train until a checkpoint is put into its place for so many times, and die just before or after it."""
    replace, seen = os.replace, 0

    def deadly(source, target):
        nonlocal seen
        seen += str(target).endswith("last.ckpt")
        if seen == number and before:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = deadly
    go_on(folder, settings)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_kills_at_the_rename_of_a_checkpoint(settings, whole, tmp_path, before):
    folder = tmp_path / "run"
    for number in range(1, AT_A_RENAME // 2 + 1):
        process = in_a_fork(die_at_a_rename, folder, settings, number, before)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert (folder / "checkpoints" / "last.ckpt").exists() or (number == 1 and before)
        assert_nothing_is_lost(folder, whole)
    go_on(folder, settings)
    assert torch.equal(Removal.load(folder).gains, whole.gains)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_ends_a_run_with_the_command_that_goes_on(settings, whole, tmp_path, stop):
    folder = tmp_path / "run"
    more = [f"output_dir={folder}", "recipe.optimizer.max_epochs=100000"]
    command = [sys.executable, str(ROOT / "train.py"), *settings, *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not (folder / "checkpoints" / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + stop
    assert f"Interrupted by {stop.name}; go on with: python train.py resume={folder}" in said
    assert "Traceback" not in said
