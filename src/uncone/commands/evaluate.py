"""evaluate.py: score removals, saved or constructed, on tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from uncone.commands.run_folder import open_run, write_results
from uncone.commands.systems import load_splits, make_systems
from uncone.config import Spectra, make_tasks, make_vectors
from uncone.removal import Correction
from uncone.report.seeds import print_over_seeds
from uncone.report.tables import print_results
from uncone.tasks import evaluate as evaluate_tasks
from uncone.tasks import without_training_pairs
from uncone.tasks.scoring import NotRun, Row
from uncone.vectors import Vectors


def evaluate(config: DictConfig) -> list[dict[str, Any]]:
    """Score every removal on every task; returns the rows of results.json.

    With `config.seeds`, all that is random (k-means, the choice of validation pairs, the bootstrap) is done once for
    each seed.
    """
    console = Console()
    folder = open_run(config)
    tasks = make_tasks(config)
    vectors = make_vectors(config)
    spectra = Spectra(vectors, config.fitted_on)
    rows: list[Row] = []
    not_run: list[NotRun] = []
    for seed in config.seeds or [config.seed]:
        seeded = cast(DictConfig, OmegaConf.merge(config, {"seed": seed}))
        _, validation, _ = load_splits(seeded, vectors)
        removals = make_systems(seeded, vectors, spectra, validation)
        for name, removal in removals.items():
            console.print(f"{name}: {removal.describe()}", highlight=False)
        clean, lines = without_training_pairs(tasks, removals, config.data_dir)
        for line in lines:
            console.print(line, highlight=False, markup=False)
        of_seed, not_run = evaluate_tasks(
            clean,
            make_readers(vectors, removals),
            encoder=vectors.encoder.name,
            layers=vectors.encoder.layers,
            pooling=vectors.encoder.pooling,
            seed=seed,
            reference="none" if "none" in removals else None,
            resamples=config.resamples,
            progress=True,
        )
        rows += of_seed
        write_results(folder, rows)
    if config.seeds:
        print_over_seeds(console, rows, not_run)
    else:
        print_results(console, rows, not_run)
    console.print(f"Written to {folder}")
    return rows


def make_readers(vectors: Vectors, removals: dict[str, Correction]) -> dict[str, Vectors]:
    """Vectors under each removal, by its name; if one corrects tokens, texts are encoded once for all of them."""
    keep_tokens = any(getattr(removal, "level", "texts") == "tokens" for removal in removals.values())
    shared = replace(vectors, keep_tokens=keep_tokens)
    return {name: shared.corrected(removal) for name, removal in removals.items()}
