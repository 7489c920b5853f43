"""One job of a sweep: known by its settings, skipped when it is done, continued when it is half done.

A job has a folder of its own inside the sweep's, whose name ends in a hash of all settings that can change results.
A sweep that is started again, on whatever launcher, finds it there. Beside what the command leaves, it holds job.json:

    {"status": "finished", "command": "train", "overrides": ["seed=1"], "error": null, "seconds": 41.2}

`status` is "running", "finished" or "failed"; a job that is "running" and holds no lock was killed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from uncone.runs.reading import JOB, last_checkpoint, read_job, validation_score
from uncone.runs.settings import NEUTRAL, digest, local_contents, telling
from uncone.support.files import write

UNNAMED = ("launcher", "sweep", "hydra", "data_dir")  # that no folder is named after, beside the neutral keys
LOG = "output.log"  # what a job prints
LABEL_LENGTH, TAG_LENGTH = 80, 64  # W&B takes tags of at most 64 characters


def in_sweep() -> bool:
    """Whether this process runs a job of a multirun, rather than a command of its own."""
    return HydraConfig.initialized() and not OmegaConf.is_missing(HydraConfig.get().job, "num")


def job_hash(config: DictConfig, command: str) -> str:
    """Hex digest of the settings that can change a job's results, and of the local files that they name.

    Example:
        >>> one, two = OmegaConf.create({"seed": 0, "threads": 1}), OmegaConf.create({"seed": 0, "threads": 8})
        >>> job_hash(one, "train") == job_hash(two, "train") != job_hash(one, "evaluate")
        True
    """
    settings = telling(OmegaConf.to_container(config, resolve=True))
    contents = local_contents({key: value for key, value in settings.items() if key != "data_dir"})
    return digest([command, settings, contents])


def distinguishing(overrides: Sequence[str]) -> list[str]:
    """The overrides that tell jobs and sweeps apart: not where and how they run.

    Example:
        >>> distinguishing(["seed=0", "launcher=joblib", "threads=1", "+trainer.max_time=60"])
        ['seed=0', '+trainer.max_time=60']
    """
    keys = [re.split("[=@]", text)[0].lstrip("+~") for text in overrides]
    neutral = [key in NEUTRAL or re.split("[./]", key)[0] in (*NEUTRAL, *UNNAMED) for key in keys]
    return [text for text, leave_out in zip(overrides, neutral, strict=True) if not leave_out]


def label(overrides: Sequence[str], length: int = LABEL_LENGTH) -> str:
    """Overrides as the readable part of a folder's name, cut off if they are many.

    Example:
        >>> label(["encoder.layers=[1]", "encoder.path=models/tiny", "seed=0", "launcher=joblib"])
        'layers=1,path=tiny,seed=0'
    """
    short = [re.sub(r"^[^=]*\.|[^=,\[]*/", "", text) for text in distinguishing(overrides)]
    text = re.sub(r"[^\w.=,+-]+", "", ",".join(short))
    return text[:length].strip(".,") or "defaults"


def job_folder(sweep: Path, config: DictConfig, command: str, overrides: Sequence[str]) -> Path:
    """The folder of a job, there already or not."""
    key = job_hash(config, command)
    return next(iter(sorted(sweep.glob(f"*-{key}"))), sweep / f"{label(overrides)}-{key}")


def run_job(command: Callable[[DictConfig], Any], config: DictConfig) -> float | None:
    """Run one job of a sweep, unless it is done; a failure is written down, and the sweep goes on.

    Returns:
        The score on validation pairs, for a search to maximise; None for a command without one, NaN for a failed job.
    """
    hydra = HydraConfig.get()
    os.chdir(hydra.runtime.cwd)  # where the sweep was started; a cluster's worker may stand elsewhere
    name, overrides = str(hydra.job.config_name), list(hydra.overrides.task)
    sweep = Path(hydra.sweep.dir)
    locks = sweep / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / job_hash(config, name)):  # the same job may stand in two sweeps at once, or twice in one
        folder = job_folder(sweep, config, name, overrides)
        if read_job(folder).get("status") == "finished" and (folder / "results.json").is_file():
            print(f"skipped   {folder.name}: finished before", flush=True)
            return score(config, folder)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(config, folder, sweep.name, overrides)
        print(f"{'continues' if config.get('resume') else 'starts   '} {folder.name}", flush=True)
        record: dict[str, Any] = {"status": "running", "command": name, "overrides": overrides, "error": None}
        write(folder / JOB, json.dumps(record, indent=1))
        write(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        begin = time.perf_counter()
        try:
            with printing_to(folder / LOG):
                command(config)
        except Exception as error:
            record |= {"status": "failed", "error": describe(error)}
        else:
            record["status"] = "finished"
        record["seconds"] = round(time.perf_counter() - begin, 3)
        write(folder / JOB, json.dumps(record, indent=1))
        if record["status"] == "failed":
            print(f"failed    {folder.name}: {record['error']['message']}", flush=True)
            return float("nan")
        print(f"finished  {folder.name} in {record['seconds']:.0f} s", flush=True)
        return score(config, folder)


@contextmanager
def printing_to(path: Path) -> Iterator[None]:
    """Append what is printed and logged to a file: jobs that run side by side would talk all at once."""
    handlers = [each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler)]
    with path.open("a") as file, redirect_stdout(file), redirect_stderr(file):
        streams = [handler.setStream(file) for handler in handlers]
        try:
            yield
        finally:
            for handler, stream in zip(handlers, streams, strict=True):
                handler.setStream(stream or sys.__stdout__)


def prepare(config: DictConfig, folder: Path, group: str, overrides: Sequence[str]) -> None:
    """Point a job at its folder and at its own checkpoint, and group it with its sweep in W&B."""
    from uncone.learning.checkpoints import read_checkpoint

    config.output_dir = str(folder)
    config.overwrite = True  # the folder is this job's, whatever an earlier try has left there
    if "resume" in config and last_checkpoint(folder).is_file():
        with suppress(ValueError):  # one that is damaged is written anew
            read_checkpoint(last_checkpoint(folder))
            config.resume = str(folder)
    wandb = OmegaConf.select(config, "logger.wandb")
    if wandb is not None:
        wandb.group = wandb.group or group
        wandb.tags = [*wandb.tags, *(text[:TAG_LENGTH] for text in distinguishing(overrides))]


def score(config: DictConfig, folder: Path) -> float | None:
    """The score on validation pairs of a finished job, at the epoch it kept."""
    return validation_score(folder, OmegaConf.select(config, "recipe.optimizer.keep") or "best")


def job_failures(sweep: Path) -> dict[Path, str]:
    """The job.json of every failed job of a sweep, and what stands in it."""
    texts = {path: path.read_text() for path in sweep.glob(f"*/{JOB}")}
    return {path: text for path, text in texts.items() if json.loads(text)["status"] == "failed"}


def describe(error: Exception) -> dict[str, str]:
    """An error as job.json keeps it: its type, one line, and where it happened."""
    cause = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
    text = "".join(traceback.format_exception(error))
    return {"type": type(cause).__name__, "message": str(cause), "traceback": text}
