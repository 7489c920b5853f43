"""What a checkpoint has to know beyond weights, so that a resumed run is the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import WandbLogger

KEY = "uncone_logger_id"


class LoggerIdentity(pl.Callback):
    """Write the W&B run id into every checkpoint; `logger_id` reads it back before the logger is made."""

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the id."""
        checkpoint[KEY] = next(
            (logger.experiment.id for logger in trainer.loggers if isinstance(logger, WandbLogger)), None
        )


def logger_id(ckpt_path: str | Path) -> str | None:
    """The W&B run id that a checkpoint belongs to, if it was logged there.

    Raises:
        ValueError: if there is no such checkpoint.
    """
    path = Path(ckpt_path)
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path} (looked for {path.resolve()})")
    identity: str | None = torch.load(path, map_location="cpu", weights_only=True).get(KEY)
    return identity
