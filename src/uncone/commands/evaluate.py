"""evaluate.py: score removals, saved or constructed, on tasks."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from uncone.commands.build import (
    Unfit,
    close_run,
    encoder_given,
    given_overrides,
    is_saved,
    make_problem,
    make_raw_layers,
    make_tasks,
    make_vectors,
    names,
    open_run,
)
from uncone.commands.systems import Fits, System, calibrate, compare, leave_out_seen, make_systems, saved_name
from uncone.geometry.calibration import Calibration, write_calibrations
from uncone.report.run import write_run
from uncone.report.tables import print_results, print_thresholds, print_verdict
from uncone.report.verdict import judgements, outcome, overview, verdict
from uncone.runs.folder import write_results
from uncone.support import distributed
from uncone.support.files import write
from uncone.support.terminal import make_console
from uncone.support.wording import command_line
from uncone.tasks.row import Row
from uncone.tasks.scoring import NotRun
from uncone.tasks.table import headlines, markdown_table


def evaluate(config: DictConfig) -> list[Row]:
    """Score every removal on every task; returns the rows of results.json.

    With `config.seeds`, all that is random (k-means, the choice of validation pairs, the bootstrap) is done once for
    each seed, or only for the removals that `config.random` names. fit.json tells how long each removal took to make,
    from stored features.
    """
    console = make_console()
    if unknown := set(names(config.random or [])) - set(names(config.removal)):
        raise ValueError(f"random={', '.join(sorted(unknown))} is not among the removals: removal={config.removal}")
    folder = open_run(config)
    tasks = make_tasks(config)
    vectors = make_vectors(config)
    encoder = vectors.encoder
    console.print(f"{encoder.name}, layers {encoder.layers}, {encoder.precision}", highlight=False)
    fits = Fits(config, vectors, tasks, console)
    raw_layers = make_raw_layers(config, vectors)
    rows: list[Row] = []
    fitted: list[dict[str, Any]] = []
    not_run: list[NotRun] = []
    calibrations: dict[str, Calibration] = {}  # of the first seed
    for seed in (seeds := config.seeds or [config.seed]):
        seeded = cast(DictConfig, OmegaConf.merge(config, {"seed": seed}))
        problem = make_problem(seeded, vectors, fits.default)
        judge = make_problem(seeded, vectors, fits.default, seeded.choose_by) if seeded.choose_by else problem
        again = seed != seeds[0] and config.random is not None
        systems = [System("none", raw, {"layers": layers}) for layers, raw in raw_layers.items() if not again]
        for name in names(config.removal):
            if again and name not in ["none", *names(config.random)]:
                continue
            start = time.perf_counter()
            try:
                made = make_systems(seeded, name, problem, fits, judge)
            except Unfit as error:
                not_run.append(NotRun(name, str(error)))
                continue
            seconds = (time.perf_counter() - start) / len(made)
            systems += made
            for system in made:
                fitted.append({"removal": system.title, "seed": seed, "seconds": seconds})
                does = system.removal.describe()
                made_so = does if does.startswith(system.title) else f"{system.title}: {does}"
                made_so += f"; made in {seconds:.1f} s"
                console.print(made_so, highlight=False)
        clean = leave_out_seen(config, console, tasks, systems)
        of_seed, missing = compare(seeded, clean, systems)
        if not calibrations:
            calibrations, uncalibrated = calibrate(seeded, systems)
            not_run += uncalibrated
        rows += of_seed
        not_run += missing
        write_results(folder, rows)
        if distributed.is_first():
            write(folder / "fit.json", json.dumps(fitted, indent=1))
            write_calibrations(folder, calibrations)
    shown = rows + published(config.published.get(vectors.encoder.name, {}), rows)
    not_run = list(dict.fromkeys(not_run))
    print_results(console, shown, not_run)
    print_thresholds(console, calibrations)
    judged = judgements(rows)
    told = verdict(rows, [], calibrations, next(iter(judged))) if len(judged) == 1 else overview(rows)
    if distributed.is_first():
        if rows:
            lines = [markdown_table(shown), *(f"- {line}" for line in judged.values()), ""]
            write(folder / "table.md", "\n".join(lines))
        removals = {system.title: system.removal for system in systems if system.title in judged}
        found = removals, calibrations, next_commands(config, rows), not_run
        page = write_run(folder, "evaluation", told, shown, *found)
        if len(judged) > 1 and config.report == "best":  # of all fits, table.md has them
            console.print("\n".join(judged.values()), highlight=False)
        print_verdict(console, told)
        close_run(folder, console)
        console.print(f"Written to {folder}; open {page} in a browser", highlight=False)
    if not_run and not rows:
        raise ValueError(f"none of the tasks was run: {not_run[0].what}: {not_run[0].why}")
    return rows


def next_commands(config: DictConfig, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What to run after an evaluation, each after what it does: first to export what helps and makes nothing worse."""
    titles = {saved_name(name) if is_saved(name) else name: name for name in names(config.removal)}
    helping = [title for title in titles if outcome([row for row in rows if row.method == title], title) == "helps"]
    lines = [
        (f"Export {title}", command_line("export", *encoder_given(), f"removal={titles[title]}")) for title in helping
    ]
    if not given_overrides("experiment"):  # which may bring an encoder of its own
        lines.append(("Learn a removal, and compare it with these", command_line("train", *encoder_given())))
        lines.append(("Ask which layers removal helps, and which method", command_line("advise", *encoder_given())))
    return lines


def published(figures: Mapping[str, Mapping[str, float]], rows: Sequence[Row]) -> list[Row]:
    """What others have found for the headline figures of the rows: by what it is, figures ×100 by task."""
    columns = {headline.task: headline for headline in headlines(rows)}
    found = []
    for what, of in figures.items():
        for task in [task for task in of if task in columns]:
            figure: dict[str, Any] = columns[task]._asdict() | {"value": of[task] / 100}
            where: dict[str, Any] = {"encoder": rows[0].encoder, "layers": rows[0].layers, "seed": rows[0].seed}
            found.append(Row(removal=what, pooling="published", **figure, **where))
    return found
