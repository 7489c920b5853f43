"""Watch the geometry change while a removal is learned."""

from __future__ import annotations

import time
from typing import cast

import pytorch_lightning as pl

from uncone.geometry.probe import GeometryProbe
from uncone.learning.module import RemovalModule


class GeometryCallback(pl.Callback):
    """Measure a fixed probe with the current weights after every epoch.

    Logs `geometry/*` (see `GeometryProbe.measure`) and what it cost in `geometry/seconds`.

    Args:
        probe: the sample.
        every_n_epochs: measure after every so many epochs.
    """

    def __init__(self, probe: GeometryProbe, every_n_epochs: int = 1):
        if every_n_epochs < 1:
            raise ValueError(f"every_n_epochs must be at least 1, got {every_n_epochs}")
        self.probe, self.every_n_epochs = probe, every_n_epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure."""
        if (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        begin = time.perf_counter()
        measures = self.probe.measure(cast(RemovalModule, pl_module).removal())
        measures["seconds"] = time.perf_counter() - begin
        pl_module.log_dict({f"geometry/{name}": value for name, value in measures.items()})
