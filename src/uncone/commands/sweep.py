"""What surrounds the jobs of a multirun: its name, the threads of each job, and the table at its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import joblib
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from uncone.commands.jobs import distinguishing, job_failures, label
from uncone.runs.settings import digest

NAME_LENGTH = 50


class SweepCallback(Callback):
    """Names a multirun before it starts and collects its results when all jobs have been run.

    Hydra composes each job from the command line anew, so what is decided here reaches jobs, on whatever machine, as
    further overrides. It turns what a callback raises into warnings; only an exit ends the process.
    """

    def __init__(self) -> None:
        self._failed_before: dict[Path, str] = {}

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Settle name and threads, where the user has not; refuse a launcher or sweeper that is not installed."""
        for kind in ("launcher", "sweeper"):
            if "missing" in config.hydra[kind]:
                plugin = config.hydra.runtime.choices[f"hydra/{kind}"]
                sys.exit(f"Error: the {kind} {plugin} is not installed: {config.hydra[kind].missing}")
        added = []
        if config.sweep_name is None:
            overrides = sorted(distinguishing(config.hydra.overrides.task))
            config.sweep_name = f"{config.hydra.job.config_name},{label(overrides, NAME_LENGTH)}-{digest(overrides)}"
            added.append(f"sweep_name={quoted(config.sweep_name)}")
        threads = threads_per_job(config)
        if threads is not None:
            config.threads = threads
            added.append(f"threads={threads}")
            os.environ["OMP_NUM_THREADS"] = str(threads)  # for workers that this process starts
        # a worker of a cluster has an environment and a working directory of its own
        folder = Path(config.hydra.sweep.dir)
        cache = config.get("cache_dir") or os.environ.get("UNCONE_CACHE")
        places = {"hydra.sweep.dir": str(folder.resolve()), "data_dir": config.data_dir, "cache_dir": cache}
        added += [f"{key}={quoted(place)}" for key, place in places.items() if place]
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.overrides.hydra.extend(added)
        self._failed_before = job_failures(folder)
        print(f"Jobs in {folder}", flush=True)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Write the collected results; exit code 1 if a job of this multirun failed."""
        from uncone.commands.collect import collect

        folder = Path(config.hydra.sweep.dir)
        try:
            collect(folder)
        except (ValueError, OSError) as error:
            sys.exit(f"Error: {error}")
        failed = {path for path, text in job_failures(folder).items() if self._failed_before.get(path) != text}
        if failed:
            sys.exit(f"Error: {len(failed)} of the jobs failed; run the same command again once the cause is gone")


def quoted(text: str) -> str:
    r"""A text as the value of an override, whatever is in it.

    Example:
        >>> print(quoted("it's"))
        'it\'s'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def threads_per_job(config: DictConfig) -> int | None:
    """Threads for each job of a launcher that runs `n_jobs` at once on this machine; None leaves them as they are."""
    if config.threads is not None or "n_jobs" not in config.hydra.launcher:
        return config.threads
    return max(1, joblib.cpu_count() // joblib.effective_n_jobs(config.hydra.launcher.n_jobs))
