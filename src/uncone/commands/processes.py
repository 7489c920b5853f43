"""Starting a command in several processes, each of which is `python -m uncone.commands.main COMMAND CONFIG TYPED`."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from uncone.runs.folder import release
from uncone.support import distributed
from uncone.support.terminal import stand_back

Command = Callable[[DictConfig], Any]


class ProcessFailed(Exception):
    """A process that was started here has failed, and said why if it could."""


def run_shared(command: Command, config: DictConfig) -> Any:
    """Run a command in as many processes as its config asks for, or as torchrun has started.

    Raises:
        ProcessFailed: if one of the processes started here fails, which ends the others.
    """
    count = processes_to_start(config)
    if count > 1:
        return start_processes(count, command, config)
    with distributed.join(), only_the_first_speaks():
        try:
            return command(config)
        finally:
            release()


def asks_for_processes(config: DictConfig) -> bool:
    """Whether the trainer of a config, if it has one, is for several processes."""
    return str(OmegaConf.select(config, "trainer.strategy")).startswith("ddp")


def processes_to_start(config: DictConfig) -> int:
    """How many processes the config asks for; 1 if this already is one of them.

    Raises:
        ValueError: if `trainer.devices` is no number, or several machines are asked for, which only torchrun can start.

    Example:
        >>> processes_to_start(OmegaConf.create({"trainer": {"strategy": "ddp", "accelerator": "cpu", "devices": 2}}))
        2
    """
    if not asks_for_processes(config) or "WORLD_SIZE" in os.environ:
        return 1
    settings = config.trainer
    if settings.get("num_nodes", 1) != 1:
        raise ValueError(f"trainer.num_nodes={settings.num_nodes}: start the command with torchrun on each machine")
    if settings.devices in ("auto", -1, "-1"):
        return max(1, torch.cuda.device_count()) if settings.accelerator != "cpu" else 1
    if not str(settings.devices).isdigit() or int(settings.devices) < 1:
        raise ValueError(
            f"trainer.devices={settings.devices}: give the number of processes, or auto for one on each GPU "
            "(CUDA_VISIBLE_DEVICES chooses them)"
        )
    return int(settings.devices)


def start_processes(count: int, command: Command, config: DictConfig) -> None:
    """Run a command in so many processes on this machine, as torchrun would.

    Lightning's own launcher starts processes when training begins: after the encoding that they should share.

    Raises:
        ProcessFailed: if one of them fails, which ends the others.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # a process that fails says why itself
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // count)))
    meeting: dict[str, Any] = {"run_id": uuid.uuid4().hex, "rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    settings = LaunchConfig(1, 1, count, max_restarts=0, local_addr="localhost", **meeting)
    stand_back()
    with TemporaryDirectory() as folder, _streams_for_children():
        path = Path(folder) / "config.yaml"
        path.write_text(OmegaConf.to_yaml(config, resolve=True))
        name = f"{command.__module__}:{command.__name__}"
        try:
            elastic_launch(settings, sys.executable)("-m", "uncone.commands.main", name, str(path), sys.argv[0])
        except ChildFailedError as error:
            code = error.get_first_failure()[1].exitcode
            end = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}: did memory run out?"
            raise ProcessFailed(f"one of {count} processes {end}") from None


@contextmanager
def _streams_for_children() -> Iterator[None]:
    """Let processes started meanwhile print where Python's streams go, a file in a sweep, not where the system's do."""
    kept = {}
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        with suppress(OSError):  # in a notebook
            target = stream.fileno()
            kept[number] = os.dup(number)
            os.dup2(target, number)
    try:
        yield
    finally:
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextmanager
def only_the_first_speaks() -> Iterator[None]:
    """Send what the other processes print, which is the same, nowhere; errors are shown."""
    if distributed.is_first():
        yield
        return
    logging.disable(logging.WARNING)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield
