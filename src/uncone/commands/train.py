"""train.py: learn a removal on a frozen encoder, and compare it with every fixed one."""

from __future__ import annotations

import os
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import torch
import wandb
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from rich.console import Console

from uncone.callbacks import GeometryCallback, LoggerIdentity
from uncone.callbacks.checkpoint import logger_id
from uncone.commands.evaluate import make_readers
from uncone.commands.run_folder import one_thread, open_run, write_results
from uncone.commands.systems import load_splits, make_systems
from uncone.config import Spectra, make_tasks, make_vectors
from uncone.data.corpora import load_texts
from uncone.data.neighbours import neighbouring_sentences
from uncone.data.pair_module import Basis, PairDataModule
from uncone.data.pairs import ScoredPairs
from uncone.geometry.probe import GeometryProbe
from uncone.module import RemovalModule
from uncone.removal import Correction
from uncone.report.tables import geometry_rows, print_results, verdict
from uncone.spectrum import Spectrum
from uncone.tasks import Sts, WordSimilarity, evaluate
from uncone.vectors import Vectors

MONITOR = "val/spearman"


def train(config: DictConfig) -> list[dict[str, Any]]:
    """Run the whole path from text to a saved removal and its results; returns the rows of results.json."""
    console = Console()
    resumed_id = logger_id(config.ckpt_path) if config.ckpt_path else None
    folder = open_run(config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    tasks = make_tasks(config)
    vectors = make_vectors(config)
    pairs, validation, test = load_splits(config, vectors)
    sizes = f"{len(pairs)} training, {len(validation)} validation, {len(test)} test pairs"
    console.print(f"{vectors.encoder.name}, layers {vectors.encoder.layers}: {sizes}")
    spectra = Spectra(vectors, config.fitted_on)
    probe = GeometryProbe.sample(
        vectors,
        vectors.corpus,
        vectors.type_probabilities(),
        config.callbacks.geometry.size,
        config.callbacks.geometry.queries,
        config.seed,
    )
    removals = make_systems(config, vectors, spectra, validation)
    learned = _fit(config, folder, resumed_id, vectors, spectra, probe, pairs, validation)
    removals |= learned
    removals["learned"].save(folder / "removal")
    console.print(f"features: {vectors.store.read} read from {vectors.store.folder}, {vectors.store.built} computed")

    held_out = Sts(test, name="held_out") if config.data.kind == "sentences" else WordSimilarity(test, name="held_out")
    rows, not_run = evaluate(
        [held_out, *tasks],
        make_readers(vectors, removals),
        encoder=vectors.encoder.name,
        layers=vectors.encoder.layers,
        pooling=vectors.encoder.pooling,
        seed=config.seed,
        reference="none" if "none" in removals else None,
        resamples=config.resamples,
        progress=True,
    )
    measured = geometry_rows(rows[0], {"none": probe.measure(), "learned": probe.measure(removals["learned"])})
    write_results(folder, [*rows, *measured])
    print_results(console, rows, not_run)
    console.print(verdict(rows, measured))
    console.print(f"Written to {folder}")
    return [*rows, *measured]


def _fit(
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
    settings = config.learned
    basis, counts = learned_basis(
        spectra.blend(settings.uniform_share), settings.numbers_of_components, settings.centred
    )
    contrast = settings.contrast
    data = PairDataModule(
        _encoded(config, pairs, vectors),
        _encoded(config, validation, vectors),
        basis,
        settings.batch_size,
        config.seed,
        _neighbours(config, vectors) if contrast.weight else None,
        contrast.batch_size,
    )
    module = RemovalModule(
        basis,
        hydra.utils.instantiate(config.objective, members=len(counts), datasets=len(data.datasets)),
        counts,
        settings.parameterisation,
        settings.learning_rate,
        settings.pull,
        settings.learn_centre,
        contrast.weight,
        contrast.temperature,
        settings.gradient_clip,
        config.seed,
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
        loggers = _loggers(config, folder, resumed_id)
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
        removals |= {f"learned_{count}": module.removal(member) for member, count in enumerate(counts)}
    return removals


def learned_basis(spectrum: Spectrum, numbers_of_components: Any, centred: bool) -> tuple[Basis, list[int]]:
    """The components that the candidates need, and how many each uses.

    Args:
        spectrum: of the vectors.
        numbers_of_components: candidates; null stands for all. Those beyond the rank are left out, if one remains.
        centred: whether the mean is subtracted.

    Raises:
        ValueError: if all numbers are larger than the rank.
    """
    asked = [spectrum.rank if count is None else int(count) for count in numbers_of_components]
    counts = sorted({count for count in asked if count <= spectrum.rank})
    if not counts:
        raise ValueError(f"learned.numbers_of_components asks for {asked}, but these vectors have rank {spectrum.rank}")
    k = max(counts)
    centre = spectrum.mean if centred else torch.zeros_like(spectrum.mean)
    return Basis(centre, spectrum.components[:, :k], spectrum.eigenvalues[:k]), counts


def _encoded(
    config: DictConfig, pairs: ScoredPairs, vectors: Vectors
) -> tuple[ScoredPairs, torch.Tensor, torch.Tensor]:
    read = vectors.raw_sentences if config.data.kind == "sentences" else vectors.raw_words
    return pairs, torch.tensor(read(pairs.text1)), torch.tensor(read(pairs.text2))


def _neighbours(config: DictConfig, vectors: Vectors) -> tuple[torch.Tensor, torch.Tensor]:
    """Raw vectors (m, d) of sentences that follow each other in the contrast's corpus."""
    texts = load_texts(config.learned.contrast.corpus, config.data_dir)[: config.learned.contrast.limit]
    pairs = neighbouring_sentences(texts)
    known = vectors.encoder.known([first for first, _ in pairs]) & vectors.encoder.known(
        [second for _, second in pairs]
    )
    sentences = [sentence for pair, is_known in zip(pairs, known, strict=True) if is_known for sentence in pair]
    if not sentences:
        corpus = config.learned.contrast.corpus
        raise ValueError(f"the corpus {corpus} has no two known sentences behind each other: choose another")
    raw = vectors.sentences(sentences)
    return torch.tensor(raw[0::2]), torch.tensor(raw[1::2])


def _loggers(config: DictConfig, folder: Path, resumed_id: str | None) -> list[Logger]:
    """CSV always; W&B online if logged in, else offline, never asking."""
    loggers: list[Logger] = [CSVLogger(folder, name="metrics")]
    if config.logger.wandb is None:
        return loggers
    settings = config.logger.wandb
    online = settings.mode == "online" or (settings.mode == "auto" and logged_in())
    resolved: Any = OmegaConf.to_container(config, resolve=True)
    run = wandb.init(
        project=settings.project,
        name=folder.name,
        dir=folder,
        mode="online" if online else "offline",
        id=resumed_id,
        resume="allow" if resumed_id else None,
        group=settings.group,
        tags=list(settings.tags),
        config=resolved,
        settings=wandb.Settings(console="off", silent=True),
    )
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
