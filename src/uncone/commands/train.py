"""train.py: learn a removal on a frozen encoder, and compare it with every fixed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig
from rich.console import Console

from uncone.commands.build import make_tasks, make_vectors, open_run
from uncone.commands.systems import compare, leave_out_seen, load_splits, make_systems
from uncone.geometry.probe import GeometryProbe
from uncone.learning.callbacks.checkpoint import logger_id
from uncone.learning.fit import fit
from uncone.removal.spectra import Spectra
from uncone.report.bank_figure import components_figure
from uncone.report.figures import save
from uncone.report.seeds import print_over_seeds
from uncone.report.tables import print_results, verdict
from uncone.runs.folder import write_results
from uncone.support import distributed
from uncone.tasks import Sts, WordSimilarity
from uncone.tasks.row import Row, described, geometry_rows


def train(config: DictConfig) -> list[Row]:
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
    spectra = Spectra.of(vectors, config.fitted_on)
    probe = GeometryProbe.sample(
        vectors,
        vectors.corpus,
        vectors.type_probabilities(),
        config.probe.size,
        config.probe.queries,
        config.seed,
    )
    removals = make_systems(config, vectors, spectra, pairs, validation)
    learned, members = fit(config, folder, resumed_id, vectors, spectra, probe, pairs, validation)
    if distributed.is_first():
        learned.save(folder / "removal")
    candidates = {described("learned", candidate): candidate for candidate, _ in members}
    removals |= {"learned": learned} | dict(zip(candidates, (member for _, member in members), strict=True))

    sentences = config.data.kind == "sentences"
    held_out = Sts(test, name="held_out") if sentences else WordSimilarity(test, name="held_out")
    if sentences:  # word pairs have a held-out part of their own, and liang_words is scored whole, as its paper does
        tasks = leave_out_seen(config, console, tasks, {"learned": learned})
    rows, not_run = compare(config, vectors, [held_out, *tasks], removals)
    measured = geometry_rows(rows[0], {"none": probe.measure(), "learned": probe.measure(learned)})
    rows = [_of_candidate(row, candidates[row.removal]) if row.removal in candidates else row for row in rows]
    write_results(folder, [*rows, *measured])
    if distributed.is_first() and (figure := components_figure(rows)):
        save(figure, folder / "figures" / "components.png")
    if len({row.seed for row in rows}) > 1:
        print_over_seeds(console, rows, not_run)
    else:
        print_results(console, rows, not_run)
    console.print(f"features: {vectors.store.read} read from {vectors.store.folder}, {vectors.store.built} computed")
    console.print(verdict(rows, measured))
    console.print(f"Written to {folder}")
    return [*rows, *measured]


def _of_candidate(row: Row, candidate: Mapping[str, Any]) -> Row:
    """The row of a member of the bank, which has a seed of its own."""
    return replace(row, removal="learned", candidate=candidate, seed=candidate.get("seed", row.seed))
