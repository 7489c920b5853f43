"""Learning a removal: from encoded pairs to the weights that do best on validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import torch
import wandb
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from uncone.bank import RemovalBank, members
from uncone.callbacks import GeometryCallback, LoggerIdentity
from uncone.commands.bases import encoded, encoded_neighbours, make_basis
from uncone.commands.loggers import make_loggers
from uncone.config import Spectra, numbers
from uncone.data.pair_module import PairDataModule
from uncone.data.pairs import ScoredPairs
from uncone.geometry.probe import GeometryProbe
from uncone.module import RemovalModule
from uncone.removal import Correction
from uncone.threads import one_thread
from uncone.vectors import Vectors

MONITOR = "val/spearman"


def fit(
    config: DictConfig,
    folder: Path,
    resumed_id: str | None,
    vectors: Vectors,
    spectra: Spectra,
    probe: GeometryProbe,
    pairs: ScoredPairs,
    validation: ScoredPairs,
) -> dict[str, Correction]:
    """Train the bank of removals; returns the best as "learned" (and every other, if `learned.report` says so)."""
    settings, contrast = config.learned, config.learned.contrast
    basis, counts = make_basis(config, spectra)
    seeds = [config.seed] if settings.seeds is None else list(settings.seeds)
    bank = members(counts, seeds, numbers(settings.pull), numbers(settings.learning_rate))
    data = PairDataModule(
        encoded(pairs, config.data.kind, vectors, basis),
        encoded(validation, config.data.kind, vectors, basis),
        basis,
        settings.batch_size,
        seeds,
        encoded_neighbours(config, vectors, basis) if contrast.weight else None,
        contrast.batch_size,
    )
    module = RemovalModule(
        RemovalBank(basis, bank, settings.parameterisation, settings.learn_centre, settings.rank),
        hydra.utils.instantiate(config.objective, members=len(bank), datasets=len(data.datasets)),
        settings.weight,
        contrast.weight,
        contrast.temperature,
        settings.mixing_pull,
        settings.gradient_clip,
        settings.optimizer,
        vectors.encoder,
    )
    # Saved when an epoch is over, after validation, so that a resumed run starts with the next one.
    options: dict[str, Any] = {
        "dirpath": folder / "checkpoints",
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    best = ModelCheckpoint(filename="best", monitor=MONITOR, mode="max", **options)
    callbacks: list[Callback] = [
        LoggerIdentity(),
        GeometryCallback(probe, folder / "figures", config.callbacks.geometry.every_n_epochs),
        best,
        ModelCheckpoint(filename="last", **options),
    ]
    if config.callbacks.early_stopping.patience is not None:
        callbacks.append(EarlyStopping(MONITOR, patience=config.callbacks.early_stopping.patience, mode="max"))
    try:
        loggers = make_loggers(config, folder, resumed_id)
        trainer: pl.Trainer = hydra.utils.instantiate(
            config.trainer, callbacks=callbacks, logger=loggers, default_root_dir=folder
        )
        with one_thread():
            trainer.fit(module, data, ckpt_path=config.ckpt_path, weights_only=True)
    finally:
        wandb.finish()  # so that the next run of this process starts its own
    if config.callbacks.checkpoint.keep == "best":
        checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        module.on_load_checkpoint(checkpoint)
        module.load_state_dict(checkpoint["state_dict"], strict=False)
    removals: dict[str, Correction] = {"learned": module.removal()}
    if settings.report == "all":
        removals |= {f"learned_{label}": module.removal(member) for member, label in enumerate(module.labels)}
    trained_on = OmegaConf.to_container(config.data, resolve=True)  # evaluations leave these pairs out
    return {name: removal.with_settings(trained_on=trained_on) for name, removal in removals.items()}
