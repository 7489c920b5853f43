"""Checkpoints: written whole or not at all, and read only when they are undamaged."""

from __future__ import annotations

import hashlib
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from uncone.learning.callbacks.best import BestEpoch
from uncone.runs.reading import BEST, LAST
from uncone.support.files import whole

DIGEST = 32  # bytes of SHA-256 that end a file: what a zip archive checks of itself leaves its own directory out


class Checkpoints(Checkpoint):
    """Keeps the last epoch and the best one, wherever the folder has been moved meanwhile.

    Written when an epoch is over, after validation, so that a resumed run starts with the next one.
    """

    def __init__(self, folder: Path, best: BestEpoch):
        self.folder, self.best = folder, best

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write them."""
        trainer.save_checkpoint(self.folder / LAST)
        if self.best.epoch == trainer.current_epoch + 1:
            trainer.save_checkpoint(self.folder / BEST)


class WholeFiles(TorchCheckpointIO):
    """Writes beside the target and renames; Lightning's own way may leave an empty file where a process is killed."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a file."""
        buffer = BytesIO()
        torch.save(checkpoint, buffer)
        data = buffer.getvalue()
        with whole(Path(path)) as aside:
            aside.write_bytes(data + hashlib.sha256(data).digest())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: Any = None) -> dict[str, Any]:
        """Read a file."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU; nothing in it is run.

    Raises:
        ValueError: if there is none, or a single bit of it is damaged.
    """
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        data = path.read_bytes()
        if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
            raise ValueError("it is cut off, or has changed since it was written")
        found: dict[str, Any] = torch.load(BytesIO(data[:-DIGEST]), map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        other = path.with_name(BEST)
        hint = f"; {other} is whole: copy it to {path.name} to go on from there" if _is_whole(other, path) else ""
        raise ValueError(f"{path.resolve()} is no undamaged checkpoint ({error}){hint}") from error
    return found


def _is_whole(path: Path, other_than: Path) -> bool:
    try:
        return path != other_than and bool(read_checkpoint(path))
    except ValueError:
        return False
