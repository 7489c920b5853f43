"""export.py: an encoder and its removal, as files that work without uncone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from uncone.commands.build import check, check_complete, given_overrides, make_problem, make_vectors, names
from uncone.commands.origin import TrainingRun, find_evidence
from uncone.commands.systems import make_system
from uncone.export.base import MARK, Exporter, check_target, whole_folder
from uncone.export.card import card, description, shareable
from uncone.export.vectors import StoredVectors
from uncone.removal import Correction, TransductiveRemoval, load
from uncone.removal.vectors import Vectors
from uncone.support import distributed
from uncone.tasks.row import Row

# what format=vectors has a use for
OF_VECTORS = {"format", "input", "output", "column", "removal", "overwrite", "threads", "sweep_name", "hydra"}


def export(config: DictConfig) -> list[Row]:
    """Write the format that `config.format` names; returns the rows of results that speak for the removal."""
    from transformers.utils import logging

    if distributed.processes() > 1:
        raise ValueError("export.py runs in one process: start it without torchrun")
    console = Console()
    check_complete(config)
    config.removal = only_removal(config.removal)
    check(config)
    exporter: Exporter | StoredVectors = hydra.utils.instantiate(config.format)
    given = {key.partition(".")[0] for key in given_overrides()}
    stored = isinstance(exporter, StoredVectors)
    if ignored := (given - OF_VECTORS if stored else given & {"input", "output", "column"}):
        why = "corrects vectors that are stored, as they are" if stored else "exports an encoder, not stored vectors"
        raise ValueError(f"this format {why}: leave out {', '.join(sorted(ignored))}")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if isinstance(exporter, StoredVectors):
        exporter.run(load(config.removal), config.overwrite, console)
        return []
    target = Path(config.output_dir).expanduser().absolute()
    check_target(target, config.overwrite)
    logging.disable_progress_bar()  # of reading and writing models, which happens several times
    run = TrainingRun.of(config.removal)
    config.encoder = chosen_encoder(config, run)
    vectors = make_vectors(config)
    encoder, removal = vectors.encoder, make_removal(config, vectors)
    exporter.check(encoder, removal)
    console.print(removal.describe(), highlight=False)
    evidence = find_evidence(config, run, vectors, removal, console)
    console.print(evidence.verdict(), highlight=False, markup=False)
    with whole_folder(target, config.overwrite) as folder:
        usage = exporter.write(encoder, removal, folder)
        shareable(removal).save(folder / "removal")
        (folder / MARK).write_text(description(encoder, removal, exporter.library))
        text = card(encoder, removal, evidence, usage, exporter.library)
        (folder / "README.md").write_text(text.replace("FOLDER", target.name))
    console.print(f"Written to {target}; how to use it: {target / 'README.md'}", highlight=False)
    return evidence.rows


def only_removal(removal: Any) -> str:
    """The one removal that is named; one of its files stands for its folder."""
    chosen = names(removal)
    if len(chosen) != 1:
        raise ValueError(f"an export has one removal, got {', '.join(chosen) or 'none'}: run export.py once for each")
    path = Path(chosen[0])
    return str(path.absolute().parent) if path.is_file() and path.stem == "removal" else chosen[0]


def chosen_encoder(config: DictConfig, run: TrainingRun | None) -> DictConfig:
    """The encoder of the run, with what the command line says of it; or, without a run, that of the command line.

    It runs on the CPU in float32, as what is exported does.
    """
    chosen: Any = OmegaConf.to_container(config.encoder, resolve=True)
    given = given_overrides("encoder")
    if run is not None and "encoder" not in given:
        changed = [key.removeprefix("encoder.") for key in given]
        chosen = run.encoder | {key: chosen[key] for key in changed}
    chosen |= {"device": "cpu"} | ({"dtype": "float32"} if "dtype" in chosen else {})
    return OmegaConf.create(chosen)


def make_removal(config: DictConfig, vectors: Vectors) -> Correction:
    """The removal to export: saved, or made by a method whose settings are chosen on validation pairs.

    Raises:
        ValueError: if it belongs to another encoder, or cannot be read or made.
    """
    _, removal = make_system(config, config.removal, make_problem(config, vectors))
    if isinstance(removal, TransductiveRemoval):
        raise ValueError("a transductive removal is fitted on whatever it corrects: there is no map to export")
    removal.check_encoder(vectors.encoder)
    return removal
