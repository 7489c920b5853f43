"""What every command leaves behind: config.yaml, environment.json, results.json."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from uncone.support import distributed
from uncone.support.files import remove, remove_leftovers, write, writing
from uncone.tasks.row import Row

PACKAGES = (
    "uncone",
    "torch",
    "pytorch-lightning",
    "transformers",
    "numpy",
    "scipy",
    "scikit-learn",
    "wandb",
    "hydra-core",
)


OCCUPIED = ("results.json", "checkpoints", "layers")  # a folder with one of these holds a run's work
OUTPUTS = (  # of all commands
    *OCCUPIED,
    *(
        "config.yaml",
        "environment.json",
        "definitions.json",
        "fit.json",
        "calibration.json",
        "advice.json",
        "advice.html",
        "report.html",
        "run.html",
    ),
    *("table.md", "atlas", "figures", "metrics", "removal", "wandb"),
)
_locks: dict[int, FileLock] = {}  # on the folders that this process writes into, by the inode of the lock's file


def begin(folder: Path, config: str, goes_on: bool = False, overwrite: bool = False) -> None:
    """Make the output folder of a run and write into it what is about to run, the text of its config, and with what.

    The folder belongs to this process until `release`. What a killed process has left half written goes.

    Args:
        folder: of the run.
        config: the text of its config.
        goes_on: the folder may hold an earlier part of this run, which stays.
        overwrite: the folder may hold another run, which goes.

    Raises:
        ValueError: if another process writes into the folder, or another run's results are there.
    """
    if not distributed.is_first():
        return
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"output_dir={folder} is a file: name a folder, which is made if there is none")
    found = [] if goes_on else [name for name in OCCUPIED if (folder / name).exists()]
    if found and not overwrite:
        raise ValueError(
            f"{folder.resolve()} holds another run ({' and '.join(found)}): choose another output_dir, or "
            "overwrite=true to replace it"
        )
    path = folder / ".lock"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path.touch()
    if (inode := path.stat().st_ino) not in _locks:
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ValueError(f"another process is writing into {folder.resolve()}: choose another folder") from error
        _locks[inode] = lock
    remove_leftovers(folder.rglob(".*"))
    for name in OUTPUTS if found else ():
        remove(folder / name)
    write(folder / "config.yaml", config)
    write(folder / "environment.json", json.dumps(environment(), indent=1))


def write_seconds(folder: Path, seconds: Mapping[str, float]) -> None:
    """Add to environment.json how long the steps of the run took, by kind."""
    if distributed.is_first():
        path = folder / "environment.json"
        write(path, json.dumps(json.loads(path.read_text()) | {"seconds": dict(seconds)}, indent=1))


def release() -> None:
    """Let other processes write into the folders that `begin` took."""
    while _locks:
        _locks.popitem()[1].release()


def environment() -> dict[str, Any]:
    """Versions, git commit, threads and device of this process, and how many there are."""
    command, here = ["git", "rev-parse", "HEAD"], Path(__file__).parent
    git = subprocess.run(command, capture_output=True, text=True, cwd=here, check=False)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in PACKAGES},
        "git_commit": git.stdout.strip() or None,
        "threads": torch.get_num_threads(),
        "processes": distributed.processes(),
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else platform.processor() or platform.machine(),
    }


def write_results(folder: Path, rows: Sequence[Row]) -> None:
    """Write results.json: one row a line, so that two runs can be compared with diff."""
    if distributed.is_first():
        write(folder / "results.json", "[\n" + ",\n".join(json.dumps(row.to_json()) for row in rows) + "\n]\n")
