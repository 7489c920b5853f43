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
from omegaconf import DictConfig, OmegaConf

from uncone.commands.build import check
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


def open_run(config: DictConfig) -> Path:
    """Make the output folder and write into it what is about to run, with what.

    Of several processes, the first names the folder, makes it and writes.

    Raises:
        ValueError: if the config still lacks a value, or names something that there is not.
    """
    check_complete(config)
    check(config)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    config.output_dir = distributed.from_first(config.output_dir)  # which tells the time, and clocks differ
    folder = Path(config.output_dir)
    if distributed.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        write(folder / "environment.json", json.dumps(environment(), indent=1))
    return folder


def check_complete(config: DictConfig) -> None:
    """Raise a ValueError that names the keys which still lack a value."""
    missing = OmegaConf.missing_keys(config)
    if missing:
        raise ValueError(f"these keys have no value yet: {', '.join(sorted(missing))}; set them as KEY=VALUE")


def environment() -> dict[str, Any]:
    """Versions, git commit, threads and device of this process, and how many there are."""
    git = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
    )
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
