"""evaluate.py: score removals, saved or constructed, on tasks."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from uncone.commands.run_folder import open_run, write_results
from uncone.commands.systems import load_splits, make_systems
from uncone.config import Spectra, make_tasks, make_vectors
from uncone.report.tables import print_results
from uncone.tasks import evaluate as evaluate_tasks


def evaluate(config: DictConfig) -> list[dict[str, Any]]:
    """Score every removal on every task; returns the rows of results.json."""
    console = Console()
    folder = open_run(config)
    tasks = make_tasks(config)
    vectors = make_vectors(config)
    _, validation, _ = load_splits(config, vectors)
    removals = make_systems(config, vectors, Spectra(vectors), validation)
    for name, removal in removals.items():
        console.print(f"{name}: {removal.describe()}")
    systems = {name: vectors.corrected(removal) for name, removal in removals.items()}
    rows, not_run = evaluate_tasks(
        tasks,
        systems,
        encoder=vectors.encoder.name,
        layers=vectors.encoder.layers,
        pooling=vectors.encoder.pooling,
        seed=config.seed,
        reference="none" if "none" in systems else None,
        resamples=config.resamples,
        progress=True,
    )
    write_results(folder, rows)
    print_results(console, rows, not_run)
    console.print(f"Written to {folder}")
    return rows
