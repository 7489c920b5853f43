"""Watch the geometry change while a removal is learned."""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.loggers import WandbLogger

from uncone.geometry.probe import GeometryProbe
from uncone.learning.module import RemovalModule
from uncone.support.figures import frequency_scatter, save, weight_profile


class GeometryCallback(pl.Callback):
    """Measure a fixed probe with the current weights after every epoch, and draw it at start and end.

    Logs `geometry/*` (see `GeometryProbe.measure`) and what it cost in `geometry/seconds`; writes
    `figures/weights_{start,end}.png` and `figures/frequency_{start,end}.png`, to W&B too.

    Args:
        probe: the sample.
        folder: for the figures.
        every_n_epochs: measure after every so many epochs.
    """

    def __init__(self, probe: GeometryProbe, folder: str | Path, every_n_epochs: int = 1):
        if every_n_epochs < 1:
            raise ValueError(f"every_n_epochs must be at least 1, got {every_n_epochs}")
        self.probe, self.folder, self.every_n_epochs = probe, Path(folder), every_n_epochs

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the raw geometry, unless a resumed run has done so."""
        if trainer.current_epoch == 0:
            self._draw(trainer, pl_module, "start")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure."""
        if (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        begin = time.perf_counter()
        measures = self.probe.measure(cast(RemovalModule, pl_module).removal())
        measures["seconds"] = time.perf_counter() - begin
        pl_module.log_dict({f"geometry/{name}": value for name, value in measures.items()})

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the learned geometry."""
        self._draw(trainer, pl_module, "end")

    def _draw(self, trainer: pl.Trainer, pl_module: pl.LightningModule, moment: str) -> None:
        if not trainer.is_global_zero:
            return
        removal = cast(RemovalModule, pl_module).removal()
        points = removal.apply(self.probe.points)
        profile = weight_profile(removal.weights.numpy(), "learned: how much of each component goes")
        figures = {f"weights_{moment}": profile}
        if not np.isnan(self.probe.log_frequency).all():  # as those of stored vectors are
            scatter = frequency_scatter(points, self.probe.log_frequency, title=f"{moment} of training")
            figures[f"frequency_{moment}"] = scatter
        for name, figure in figures.items():
            path = save(figure, self.folder / f"{name}.png")
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    logger.log_image(f"figures/{name}", [str(path)])
