"""What every command leaves behind: config.yaml, environment.json, results.json."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from uncone.support import distributed
from uncone.support.files import write
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


def begin(folder: Path, config: str) -> None:
    """Make the output folder of a run and write into it what is about to run, the text of its config, and with what."""
    if distributed.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "config.yaml", config)
        write(folder / "environment.json", json.dumps(environment(), indent=1))


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
