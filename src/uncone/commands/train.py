"""train.py: learn a removal on a frozen encoder, and compare it with every fixed one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import wandb
from omegaconf import DictConfig, OmegaConf

from uncone.commands.build import (
    LEARNED,
    close_run,
    encoder_given,
    given_overrides,
    make_problem,
    make_recipe,
    make_tasks,
    make_vectors,
    names,
    open_run,
    settle,
)
from uncone.commands.processes import asks_for_processes
from uncone.commands.resume import resumed
from uncone.commands.systems import Fits, System, calibrate, compare, leave_out_seen, make_systems
from uncone.geometry.calibration import write_calibrations
from uncone.geometry.probe import GeometryProbe
from uncone.learning.bank import candidates
from uncone.learning.callbacks.geometry import GeometryCallback
from uncone.learning.checkpoints import WholeFiles, read_checkpoint
from uncone.learning.fit import Learner
from uncone.learning.module import LOGGED_AS, RemovalModule
from uncone.learning.replicas import trainer_options
from uncone.removal import Correction, none
from uncone.report.figures import FIGURES, components_figure, cosines_figure, map_figures
from uncone.report.run import write_run
from uncone.report.tables import print_results, print_thresholds, print_verdict
from uncone.report.verdict import verdict
from uncone.runs.folder import write_results
from uncone.runs.loggers import log_pictures, make_loggers
from uncone.runs.reading import CHECKPOINTS, last_checkpoint
from uncone.support import distributed
from uncone.support.figures import save
from uncone.support.terminal import make_console, step
from uncone.support.wording import command_line
from uncone.tasks import Sts, WordSimilarity
from uncone.tasks.row import Row, geometry_rows

NO_TASK = (
    "No task was measured, so nothing tells whether it helps: name some, 'task=[…]', or pairs with scores, data.sets."
)


def train(config: DictConfig) -> list[Row]:
    """Run the whole path from text to a saved removal and its results; returns the rows of results.json."""
    console = make_console()
    resumes = config.resume is not None
    if resumes:
        config = resumed(config)
    checkpoint = read_checkpoint(last_checkpoint(config.output_dir)) if resumes else {}
    folder = settle(config) if resumes else open_run(config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    tasks = make_tasks(config)
    vectors = make_vectors(config)
    fits = Fits(config, vectors, tasks, console)
    problem = make_problem(config, vectors, fits.default)
    parts = ("training", "validation", "test") if problem.has_pairs else ()
    sizes = ", ".join(f"{len(getattr(problem, part))} {part}" for part in parts) or "no scored"
    encoder = vectors.encoder
    console.print(f"{encoder.name}, layers {encoder.layers}, {encoder.precision}: {sizes} pairs", highlight=False)
    probe = GeometryProbe.sample(vectors, vectors.corpus, config.probe.size, config.probe.queries, config.seed)
    compared = [name for name in names(config.removal) if name != LEARNED]  # which always is there
    systems = [system for name in compared for system in make_systems(config, name, problem, fits)]
    learner = Learner(problem, make_recipe(config))
    if resumes:  # nothing is written before all has been compared
        learner.module().check(checkpoint)
        open_run(config, goes_on=True)
    module, learned = fit(config, folder, checkpoint.get(LOGGED_AS), learner, probe, fits)
    members = candidates(module.bank.members) if config.report == "all" else []
    systems.append(System(LEARNED, vectors.corrected(learned)))
    for member, candidate in enumerate(members):
        of_member = fits.for_queries(learner.finished(module, member))
        systems.append(System(LEARNED, vectors.corrected(of_member), candidate))

    sentences = config.data.kind == "sentences"
    held_out = [(Sts if sentences else WordSimilarity)(problem.test, name="held_out")] if problem.has_pairs else []
    if sentences:  # word pairs have a held-out part of their own, and liang_words is scored whole, as its paper does
        tasks = leave_out_seen(config, console, tasks, [System(LEARNED, vectors.corrected(learned))])
    rows, not_run = compare(config, [*held_out, *tasks], systems)
    geometry = {"none": probe.measure(none(learned.dimension)), LEARNED: probe.measure(learned)}
    measured = geometry_rows(vectors.encoder, config.seed, geometry)
    write_results(folder, [*rows, *measured])
    calibrations, uncalibrated = calibrate(config, systems)
    not_run += uncalibrated
    print_results(console, rows, not_run)
    print_thresholds(console, calibrations)
    console.print(f"features: {vectors.store.read} read from {vectors.store.folder}, {vectors.store.built} computed")
    told = verdict(rows, measured, calibrations) if rows else [f"{learned.describe()}.", NO_TASK]
    if distributed.is_first():
        write_calibrations(folder, calibrations)
        drawn = {"components": components_figure(rows), "cosines": cosines_figure(calibrations, LEARNED)}
        for name, figure in drawn.items():
            if figure:
                save(figure, folder / FIGURES / f"{name}.png")
        asked = [*rows, *measured], {LEARNED: learned}, calibrations, next_commands(folder), not_run
        page = write_run(folder, "training run", told, *asked)
        print_verdict(console, told)
        close_run(folder, console)
        console.print(f"Written to {folder}; open {page} in a browser", highlight=False)
    return [*rows, *measured]


def fit(
    config: DictConfig, folder: Path, resumed_id: str | None, learner: Learner, probe: GeometryProbe, fits: Fits
) -> tuple[RemovalModule, Correction]:
    """Train the bank, with logs, checkpoints and the geometry after every epoch; save and draw what it has learned."""
    callbacks = [GeometryCallback(probe, config.probe.every_n_epochs)]
    try:
        settings: Any = OmegaConf.to_container(config, resolve=True)
        keeps_best = learner.recipe.optimizer.keep == "best"
        with step("Starting the logs", "learn"):
            loggers = make_loggers(folder, settings["logger"]["wandb"], settings, keeps_best, resumed_id)
        make_trainer = partial(
            hydra.utils.instantiate,
            config.trainer,
            logger=loggers,
            default_root_dir=folder,
            plugins=[WholeFiles()],
            **trainer_options(asks_for_processes(config)),
        )
        module = learner.fit(None, callbacks, make_trainer, folder / CHECKPOINTS, resume=config.resume is not None)
        learned = fits.for_queries(learner.finished(module))
        if distributed.is_first():
            with step("Drawing", "report"):
                learned.save(folder / "removal")
                figures = map_figures(learned, probe)
                log_pictures(loggers, [save(each, folder / FIGURES / f"{name}.png") for name, each in figures.items()])
        return module, learned
    finally:
        with step("Ending the logs", "learn"):
            wandb.finish()  # so that the next run of this process starts its own


def next_commands(folder: Path) -> list[tuple[str, str]]:
    """What to run after a training run in a folder, each after what it does."""
    lines = [("Export it, for sentence-transformers and others", command_line("export", f"removal={folder}"))]
    if not given_overrides("experiment"):  # which may bring an encoder of its own
        more = (f"removal=[none,{folder}]", "task=[word_similarity,google,lee,wikipedia]")
        lines.append(("Score it on more tasks, or on yours", command_line("evaluate", *encoder_given(), *more)))
        lines.append(("Ask which layers removal helps, and which method", command_line("advise", *encoder_given())))
    return lines
