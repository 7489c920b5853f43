"""Every run below a folder: what it was asked, what came out, and if nothing did, why."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from uncone.runs.reading import JOB, VALIDATION, read_curve, read_job, read_results, read_settings, validation_score
from uncone.runs.settings import telling
from uncone.support.files import reading
from uncone.tasks.row import GEOMETRY, Row, by_use
from uncone.tasks.statistics import LOWER_IS_BETTER
from uncone.tasks.table import headlines, title

Status = Literal["finished", "failed", "unfinished", "damaged"]
SYSTEM = ["settings", "encoder", "layers", "pooling", "method"]
FIGURE = ["task", "figure", "metric"]
LEARNED = "learned"
LEARNING = ("recipe", "recipes", "trainer", "probe")  # settings that no fixed removal feels
NOT_FELT = "–"


@dataclass(frozen=True)
class Run:
    """One run, named by its folder below the one collected.

    Attributes:
        settings: those that can change results, by dotted key.
        why: what kept it from finishing, or how far it came.
        validation: score on validation pairs of the epoch it kept, or the best one so far; None without one.
    """

    name: str
    status: Status
    settings: dict[str, Any]
    rows: list[Row]
    why: str | None
    validation: float | None


@dataclass(frozen=True)
class Collection:
    """All runs below a folder.

    Attributes:
        runs: by name.
        varying: the settings that differ between them, by dotted key; of several that differ in step, the first.
    """

    runs: list[Run]
    varying: list[str]

    @property
    def finished(self) -> list[Run]:
        """The runs with results."""
        return [run for run in self.runs if run.status == "finished"]

    @property
    def settings(self) -> list[str]:
        """The varying settings that result rows do not tell themselves."""
        return [key for key in self.varying if key != "seed" and key.split(".")[0] not in ("encoder", "removal")]

    def of(self, run: Run) -> list[str]:
        """The values of `settings` in a run, as text."""
        return [shown(run.settings.get(key)) for key in self.settings]

    def rows(self) -> pd.DataFrame:
        """All result rows as they are, each with the run it is from, that run's `settings` and its validation score."""
        head = ["run", *self.settings, "validation", *(field.name for field in fields(Row))]
        lines = []
        for run in self.finished:
            told = [run.name, *self.of(run), run.validation]
            lines += [[*told, *row.to_json().values()] for row in run.rows]
        return pd.DataFrame(lines, columns=pd.Index(head), dtype=object)

    def figures(self) -> pd.DataFrame:
        """What every system reaches over its seeds: the figure that speaks for each task, and all of geometry.

        Returns:
            A line for each system and figure, figures of one use together, in the order of runs, with the columns
            `SYSTEM`, where `settings` is a tuple of values with a dash for those that the removal does not feel;
            `FIGURE`; mean and std (n − 1) over `seeds` values, of runs with one seed the last; low and high, the ends
            of the 95 % interval over items, and the validation score of what was learned, all three averaged over
            seeds, NaN where one is unknown; is_best, of all systems by their means.
        """
        speaking = set(headlines([row for run in self.finished for row in run.rows if row.task != GEOMETRY]))
        lines = []
        for run in self.finished:
            felt = dict(zip(self.settings, self.of(run), strict=True))
            unfelt = {key: NOT_FELT if key.split(".")[0] in LEARNING else value for key, value in felt.items()}
            for row in run.rows:
                if row.task != GEOMETRY and row.headline not in speaking:
                    continue
                is_fixed = f"methods.{row.removal}._target_" in run.settings
                settings = tuple((unfelt if is_fixed else felt).values())
                system = (settings, str(row.encoder), str(row.layers), str(row.pooling), row.method)
                # the subset of geometry is a layer, which the system tells
                name = f"{row.task} {row.metric}" if row.task == GEOMETRY else " ".join(title([row], row.headline))
                validation = run.validation if row.method == LEARNED else None
                numbers = (row.seed, row.value, row.low, row.high, validation)
                lines.append([by_use(row), *system, row.task, name, row.metric, *numbers])
        by = [*SYSTEM, *FIGURE]
        ends = ["low", "high", "validation"]
        lines = [line[1:] for line in sorted(lines, key=itemgetter(0))]
        found = pd.DataFrame(lines, columns=pd.Index([*by, "seed", "value", *ends])).dropna(subset="value")
        found = found.astype(dict.fromkeys(("value", *ends), float))
        last = found.groupby([*by, "seed"], sort=False, dropna=False).last(skipna=False)
        each = last.groupby(by, sort=False)
        over_seeds = each["value"].agg(mean="mean", std="std", seeds="size")
        known = each[ends].mean().where(each[ends].count().eq(each.size(), axis=0))
        figures = over_seeds.join(known).reset_index()
        height = figures["mean"].where(~figures["metric"].isin(LOWER_IS_BETTER), -figures["mean"])
        is_top = height == height.groupby(figures["figure"]).transform("max")
        return figures.assign(is_best=is_top & (figures["task"] != GEOMETRY))


def collect(folder: str | Path) -> Collection:
    """Read every run below a folder.

    A ValueError if there is none.
    """
    folder = Path(folder)
    runs = [read_run(path, str(path.relative_to(folder))) for path in find_runs(folder)]
    if not runs:
        raise ValueError(f"no run in {folder.resolve()}: name a folder that has output folders of commands below it")
    return Collection(runs, varying(runs))


def find_runs(folder: Path) -> Iterator[Path]:
    """Folders of runs, sorted; what a run leaves below its own folder is not searched."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        if JOB in files or {"config.yaml", "environment.json"} <= set(files):
            folders.clear()
            yield Path(place)


def read_run(folder: Path, name: str) -> Run:
    """Read one run, however far it came, and whatever has become of its files."""
    try:
        with reading(folder, "a run"):
            return _read(folder, name)
    except ValueError as error:
        return Run(name, "damaged", {}, [], str(error), None)


def _read(folder: Path, name: str) -> Run:
    job = read_job(folder)
    settings = telling(read_settings(folder)) if (folder / "config.yaml").is_file() else {}
    if job.get("status", "finished") == "finished" and (folder / "results.json").is_file():
        score = validation_score(folder, settings.get("recipe.optimizer.keep", "best"))
        return Run(name, "finished", settings, read_results(folder), None, score)
    if job.get("status") == "failed":
        return Run(name, "failed", settings, [], f"{job['error']['type']}: {job['error']['message']}", None)
    curve = read_curve(folder)
    scores = [(value, epoch) for epoch, value in curve if not math.isnan(value)]
    if not scores:
        return Run(name, "unfinished", settings, [], "no epoch is over", None)
    top, epoch = max(scores)
    why = f"best {VALIDATION} so far {top:.4f} in epoch {epoch}, last epoch {curve[-1][0]}"
    return Run(name, "unfinished", settings, [], why, top)


def best(lines: pd.DataFrame, by: str = "mean") -> dict[str, Any] | None:
    """The line of `Collection.figures` that is best by its mean or validation score; None if none has one."""
    scores = -lines[by] if by == "mean" and lines["metric"].isin(LOWER_IS_BETTER).any() else lines[by]
    return lines.loc[scores.idxmax()].to_dict() if scores.notna().any() else None


def varying(runs: Sequence[Run]) -> list[str]:
    """Settings that differ between runs; of those that differ in step, such as all keys of two encoders, the first."""
    found: dict[tuple[int, ...], str] = {}
    for key in dict.fromkeys(key for run in runs for key in run.settings):
        codes, values = pd.factorize(pd.Series([shown(run.settings.get(key)) for run in runs]))
        if len(values) > 1:
            found.setdefault(tuple(codes), key)
    return list(found.values())


def shown(value: Any) -> str:
    """A setting as text: code by its last name, lists as JSON.

    Example:
        >>> shown("uncone.learning.objectives.Pearson"), shown([1, 2]), shown(None), shown(0.005)
        ('Pearson', '[1, 2]', 'null', '0.005')
    """
    if isinstance(value, str):
        return value.rsplit(".", 1)[-1] if value.startswith("uncone.") else value
    return json.dumps(value, ensure_ascii=False)
