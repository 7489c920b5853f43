"""Killed at any moment, a run goes on to what it would have become; asked to end, it says how to go on."""

import hashlib
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from threading import RLock

import numpy as np
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tiny_runs import TRAIN, composed, draw_nothing, layer_of, run_script
from tqdm.std import tqdm

from uncone.commands import main
from uncone.commands.analyze import analyze
from uncone.commands.export import export
from uncone.commands.train import train
from uncone.learning.checkpoints import read_checkpoint
from uncone.removal import Removal
from uncone.runs.reading import read_results

pytestmark = pytest.mark.slow
KILLS, AT_A_RENAME, OF_OTHERS = 25, 10, 6
ROOT = Path(__file__).parents[2]
EPOCHS = 60
fork = multiprocessing.get_context("fork")  # a process that need not import anything
tqdm.set_lock(RLock())  # of one process: one that is shared would stay locked by a bar that is killed while it draws


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


def survey(folder: Path, model: Path) -> None:
    quick = ("window_words=16", "sample=100", "resamples=5", "measures.queries=20", "measures.clusters=[2]")
    quick += ("corpus=lee_background", "corpus_limit=8", "measures.neighbours=10", "overwrite=true")
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        analyze(composed("analyze", "encoder=local", f"encoder.path={model}", f"output_dir={folder}/run", *quick))


def publish(folder: Path, model: Path) -> None:
    quick = ("removal=all_but_the_top", "methods.all_but_the_top.D=2", "task=lee", "resamples=5", "overwrite=true")
    quick += ("vocabulary_size=600", "frequencies=corpus", "corpus_limit=8")
    export(
        composed("export", *layer_of(model), *quick, f"output_dir={folder}/model", f"cache_dir={folder.parent}/cache")
    )


def sweep(folder: Path, model: Path) -> None:
    overrides = (*TRAIN, *layer_of(model), "removal=[none]", "recipe.strength=1", "seed=0,1", "sweep_name=two")
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        _, failed = run_script([str(ROOT / "train.py"), "-m", *overrides, f"cache_dir={folder.parent}/cache"], folder)
    assert failed is None


OTHERS = {  # and what of each is its result
    survey: ("run/results.json", "run/atlas/index.json", "run/report.html"),
    publish: ("model/**/*",),
    sweep: ("outputs/sweeps/two/*/results.json",),
}


def results(folder: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    """Hashes of the files of a result that are there."""
    files = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("command", OTHERS, ids=lambda command: command.__name__)
def test_kills_of_other_commands(command, folder_of, wordy_model, tmp_path):
    """What is there is whole, an earlier export stays, and the next start finishes the work."""
    generator, model = np.random.default_rng(0), wordy_model
    untouched, folder = tmp_path / "untouched", tmp_path / "killed"
    for each in (untouched, folder):
        each.mkdir()
    began = time.monotonic()
    assert in_a_fork(command, untouched, model).join() is None
    seconds = time.monotonic() - began
    whole = results(untouched, OTHERS[command])
    assert whole
    earlier = publish is command  # which replaces an export by another
    if earlier:
        in_a_fork(command, folder, model).join()
    kills, before = 0, {}
    while kills < OF_OTHERS:
        process = in_a_fork(command, folder, model)
        process.join(generator.uniform(0.05, 0.95) * seconds)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.join()
        found = results(folder, OTHERS[command])
        assert found.items() <= whole.items()
        assert not earlier or found == whole
        assert command is survey or before.items() <= found.items()  # which clears the folder that it is to overwrite
        before = found
        seconds = seconds / 2 if command is sweep and found == whole else seconds
    in_a_fork(command, folder, model).join()
    assert results(folder, OTHERS[command]) == whole
    assert not [path for path in folder.rglob(".*") if path.name not in (".lock", ".locks")]


def speak_into(said: Path, config: DictConfig) -> None:
    """Train as the command line does."""
    with said.open("w") as sys.stderr:
        main.run(train, config)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_ends_a_run_with_the_command_that_goes_on(settings, whole, tmp_path, stop):
    folder, said = tmp_path / "run", tmp_path / "said"
    more = [f"output_dir={folder}", "recipe.optimizer.max_epochs=100000"]
    process = in_a_fork(speak_into, said, composed("train", *settings, *more))
    deadline = time.monotonic() + 120
    while not (folder / "checkpoints" / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, stop)
    process.join(timeout=60)
    assert process.exitcode == 128 + stop
    assert f"Interrupted by {stop.name}; go on with: uncone train resume={folder}" in said.read_text()
    assert "Traceback" not in said.read_text()
