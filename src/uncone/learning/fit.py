"""Learning a removal: from encoded pairs to the weights that do best on validation."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import torch
import wandb
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from uncone.data.pairs import ScoredPairs
from uncone.geometry.probe import GeometryProbe
from uncone.learning.bank import candidates
from uncone.learning.callbacks import GeometryCallback, LoggerIdentity
from uncone.learning.recipe import epochs, finished, make_learner
from uncone.learning.replicas import trainer_options
from uncone.removal import Correction
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.runs.loggers import make_loggers
from uncone.runs.reading import VALIDATION
from uncone.support import distributed
from uncone.support.threads import one_thread


def fit(
    config: DictConfig,
    folder: Path,
    resumed_id: str | None,
    vectors: Vectors,
    spectra: Spectra,
    probe: GeometryProbe,
    pairs: ScoredPairs,
    validation: ScoredPairs,
) -> tuple[Correction, list[tuple[dict[str, float], Correction]]]:
    """Train the bank of removals; returns the best, and (if `learned.report` says so) every member and what it is."""
    module, data = make_learner(config, vectors, spectra, pairs, validation)
    keeps_best = config.learned.keep == "best"
    start = (module.removal(0), module.validation_scores(data.validation).max()) if keeps_best else None
    # Saved when an epoch is over, after validation, so that a resumed run starts with the next one.
    options: dict[str, Any] = {
        "dirpath": folder / "checkpoints",
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    best = ModelCheckpoint(filename="best", monitor=VALIDATION, mode="max", **options)
    callbacks: list[Callback] = [
        LoggerIdentity(),
        GeometryCallback(probe, folder / "figures", config.probe.every_n_epochs),
        best,
        ModelCheckpoint(filename="last", **options),
    ]
    if config.learned.patience is not None:
        callbacks.append(EarlyStopping(VALIDATION, patience=config.learned.patience, mode="max"))
    try:
        settings: Any = OmegaConf.to_container(config, resolve=True)
        loggers = make_loggers(folder, settings["logger"]["wandb"], settings, keeps_best, resumed_id)
        trainer: pl.Trainer = hydra.utils.instantiate(
            config.trainer,
            max_epochs=epochs(config, data),
            callbacks=callbacks,
            logger=loggers,
            default_root_dir=folder,
            **trainer_options(config),
        )
        with one_thread():
            trainer.fit(module, data, ckpt_path=config.ckpt_path, weights_only=True)
    finally:
        wandb.finish()  # so that the next run of this process starts its own
    if keeps_best:
        saved = BytesIO(distributed.read_from_first(best.best_model_path))
        checkpoint = torch.load(saved, map_location="cpu", weights_only=True)
        module.best_member = checkpoint["best_member"]
        module.load_state_dict(checkpoint["state_dict"], strict=False)
    learned = module.removal()
    if start is not None and best.best_model_score <= start[1]:
        learned = start[0]  # nothing that was learned is better than what it started from
    described = candidates(module.bank.members) if config.learned.report == "all" else []
    members = [(each, finished(config, vectors, module.removal(i))) for i, each in enumerate(described)]
    return finished(config, vectors, learned), members
