"""Where the curves of a training run go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from uncone.runs.reading import VALIDATION
from uncone.support import distributed


def make_loggers(
    folder: Path,
    settings: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    keeps_best: bool,
    resumed_id: str | None,
) -> list[Logger]:
    """CSV always; W&B online if logged in, else offline, never asking. Of several processes, the first logs.

    Args:
        folder: of the run, after which W&B names it.
        settings: project, mode, group and tags of W&B; None for CSV alone.
        config: what W&B shows as the config of the run.
        keeps_best: whether the run keeps its best epoch, or its last; a sweep of W&B goes by the summary of that epoch.
        resumed_id: of the W&B run that this one continues.
    """
    if not distributed.is_first():
        return []
    loggers: list[Logger] = [CSVLogger(folder, name="metrics")]
    if settings is None:
        return loggers
    online = settings["mode"] == "online" or (settings["mode"] == "auto" and logged_in())
    run = wandb.init(
        project=settings["project"],
        name=folder.name,
        dir=folder,
        mode="online" if online else "offline",
        id=resumed_id,
        resume="allow" if resumed_id else None,
        group=settings["group"],
        tags=list(settings["tags"]),
        config=dict(config),
        settings=wandb.Settings(console="off", silent=True),
    )
    run.define_metric(VALIDATION, summary="max" if keeps_best else "last")
    loggers.append(WandbLogger(experiment=run, save_dir=folder))
    return loggers


def logged_in() -> bool:
    """Whether W&B credentials are there, in the environment or in ~/.netrc, and offline mode was not asked for."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").split("//")[-1].split("/")[0]
        return netrc().authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False
