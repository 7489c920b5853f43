"""Where the curves of a training run go."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from itertools import product
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from uncone.runs.reading import VALIDATION
from uncone.support import distributed
from uncone.support.wording import unknown

MODES = ("auto", "online", "offline", "disabled")


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
    mode = "disabled" if settings is None else wandb_mode(settings["mode"])
    if settings is None or mode == "disabled":
        return loggers
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # which asks its server even where runs are offline
    run = wandb.init(
        project=settings["project"],
        name=folder.name,
        dir=folder,
        mode=mode,
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


def log_pictures(loggers: Iterable[Logger], paths: Iterable[Path]) -> None:
    """Show pictures in W&B, if it is among the loggers."""
    for logger, path in product(loggers, paths):
        if isinstance(logger, WandbLogger):
            logger.log_image(f"figures/{path.stem}", [str(path)])


def wandb_mode(asked: str) -> Literal["online", "offline", "disabled"]:
    """What W&B does: as the config asks, but never more than WANDB_MODE and WANDB_DISABLED of the environment allow.

    "auto" is online for who is logged in, if the server answers within seconds, and offline for others.
    """
    of_environment = check_mode(asked)
    if "disabled" in (asked, of_environment) or os.environ.get("WANDB_DISABLED", "").lower() in ("1", "true", "yes"):
        return "disabled"
    if "offline" in (asked, of_environment) or (asked == "auto" and not logged_in()):
        return "offline"
    if asked == "auto" and (trouble := unreachable(*_server())):
        print(f"W&B is not to be reached ({trouble}): logging offline", flush=True)
        return "offline"
    return "online"


def check_mode(asked: str) -> str:
    """The mode of the environment; a ValueError for a mode, there or asked for, that there is not."""
    of_environment = os.environ.get("WANDB_MODE", "online")
    for name, mode in (("logger.wandb.mode", asked), ("WANDB_MODE", of_environment)):
        if mode not in MODES:
            raise unknown(name, mode, MODES)
    return of_environment


def logged_in() -> bool:
    """Whether W&B credentials are there, in the environment or in ~/.netrc."""
    try:
        return bool(os.environ.get("WANDB_API_KEY")) or netrc().authenticators(_server()[0]) is not None
    except (OSError, NetrcParseError):
        return False


def unreachable(host: str, port: int, seconds: float = 5.0) -> str | None:
    """Why no connection to a server can be made; None if it can."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except OSError as error:
        return f"{host}:{port}: {error}"
    return None


def _server() -> tuple[str, int]:
    """Host and port of W&B."""
    url = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"))
    return url.hostname or "", url.port or (80 if url.scheme == "http" else 443)
