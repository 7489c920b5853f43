"""evaluate.py: score removals, saved or constructed, on tasks."""

from __future__ import annotations

from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from uncone.commands.run_folder import open_run, write_results
from uncone.commands.systems import compare, leave_out_seen, load_splits, make_systems
from uncone.config import Spectra, make_tasks, make_vectors
from uncone.report.seeds import print_over_seeds
from uncone.report.tables import print_results
from uncone.tasks.scoring import NotRun, Row


def evaluate(config: DictConfig) -> list[dict[str, Any]]:
    """Score every removal on every task; returns the rows of results.json.

    With `config.seeds`, all that is random (k-means, the choice of validation pairs, the bootstrap) is done once for
    each seed.
    """
    console = Console()
    folder = open_run(config)
    tasks = make_tasks(config)
    vectors = make_vectors(config)
    spectra = Spectra.of(vectors, config.fitted_on)
    rows: list[Row] = []
    not_run: list[NotRun] = []
    for seed in config.seeds or [config.seed]:
        seeded = cast(DictConfig, OmegaConf.merge(config, {"seed": seed}))
        _, validation, _ = load_splits(seeded, vectors)
        removals = make_systems(seeded, vectors, spectra, validation)
        for name, removal in removals.items():
            console.print(f"{name}: {removal.describe()}", highlight=False)
        clean = leave_out_seen(config, console, tasks, removals)
        of_seed, not_run = compare(seeded, vectors, clean, removals)
        rows += of_seed
        write_results(folder, rows)
    if config.seeds:
        print_over_seeds(console, rows, not_run)
    else:
        print_results(console, rows, not_run)
    console.print(f"Written to {folder}")
    return rows
