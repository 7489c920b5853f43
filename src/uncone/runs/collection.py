"""Every run below a folder: what it was asked, what came out, and if nothing did, why."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from omegaconf import OmegaConf

from uncone.runs.reading import JOB, VALIDATION, read_curve, read_offline_run, read_results, validation_score
from uncone.runs.settings import telling
from uncone.tasks.row import GEOMETRY, Headline, Row
from uncone.tasks.statistics import LOWER_IS_BETTER
from uncone.tasks.table import headlines

Key = tuple[tuple[str, ...], tuple[str, ...]]  # settings and system, as in `Line`
Status = Literal["finished", "failed", "unfinished"]
CARRIED = ("encoder", "layers", "pooling", "method")  # what a result row says of its system
LEARNED = "learned"
LEARNING = ("recipe", "recipes", "trainer", "probe")  # settings that no fixed removal feels
NOT_FELT = "–"


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        name: its folder, below the one collected.
        status: finished, failed, or unfinished (killed, or still running).
        settings: those that can change results, by dotted key.
        rows: of its results.json.
        why: what kept it from finishing, or how far it came.
        validation: score on validation pairs of the epoch it kept, or the best one so far; None without one.
    """

    name: str
    status: Status
    settings: dict[str, Any]
    rows: list[Row]
    why: str | None
    validation: float | None


class Line(NamedTuple):
    """One figure of one system over its seeds.

    Attributes:
        settings: values of the settings that vary between runs, other than those in `system` and the seed; a dash for
            those that this removal does not feel.
        system: encoder, layers, pooling and method.
        headline: task, subset and metric.
        mean: over seeds.
        std: standard deviation over seeds (n − 1); None for a single one.
        seeds: how many there are.
        low, high: the 95 % interval over items, its ends averaged over seeds; None if one is unknown.
        validation: score on validation pairs, averaged over seeds; None for what was not learned.
    """

    settings: tuple[str, ...]
    system: tuple[str, ...]
    headline: Headline
    mean: float
    std: float | None
    seeds: int
    low: float | None
    high: float | None
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

    def rows(self) -> list[dict[str, Any]]:
        """All result rows, each with the run it is from, that run's varying settings and its validation score."""
        return [
            {"run": run.name, **self.of(run), "validation": run.validation, **row.to_json()}
            for run in self.finished
            for row in run.rows
        ]

    def of(self, run: Run) -> dict[str, str]:
        """The settings of a run that vary and its rows do not tell, as text."""
        return {key: shown(run.settings.get(key)) for key in self.settings}

    def headlines(self) -> list[Headline]:
        """The figure that speaks for each task."""
        scores = [row for run in self.finished for row in run.rows if row.task != GEOMETRY]
        return headlines(scores)

    def geometry(self) -> list[Headline]:
        """The measures of geometry; their subset is a layer, and does not count."""
        metrics = (row.metric for run in self.finished for row in run.rows if row.task == GEOMETRY)
        return [Headline(GEOMETRY, "", metric) for metric in dict.fromkeys(metrics)]

    def lines(self, headline: Headline) -> list[Line]:
        """A figure of every system, over seeds, in the order of runs; of runs with one seed, the last counts."""
        found: dict[Key, dict[Any, tuple[Row, float | None]]] = {}
        for run in self.finished:
            settings = self.of(run)
            unfelt = {key: NOT_FELT if key.split(".")[0] in LEARNING else value for key, value in settings.items()}
            for row in run.rows:
                if (row.task, row.metric) != (headline.task, headline.metric) or math.isnan(row.value):
                    continue
                if headline.task == GEOMETRY or row.subset == headline.subset:
                    system = tuple(str(getattr(row, key)) for key in CARRIED)
                    validation = run.validation if row.method == LEARNED else None
                    is_fixed = f"methods.{row.removal}._target_" in run.settings
                    felt = unfelt if is_fixed else settings
                    found.setdefault((tuple(felt.values()), system), {})[row.seed] = (row, validation)
        return [_line(*key, headline, list(each.values())) for key, each in found.items()]


def collect(folder: str | Path) -> Collection:
    """Read every run below a folder.

    Raises:
        ValueError: if there is none.

    Example:
        >>> collect("outputs/sweeps/layers").finished[0].name  # doctest: +SKIP
        'encoder.layers=1,seed=0-d90968f028'
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
        is_run = JOB in files or {"config.yaml", "environment.json"} <= set(files)
        if is_run or any(name.endswith(".wandb") for name in files):
            folders.clear()
            yield Path(place)


def read_run(folder: Path, name: str) -> Run:
    """Read one run, however far it came."""
    job = json.loads((folder / JOB).read_text()) if (folder / JOB).is_file() else {}
    config = folder / "config.yaml"
    offline = None
    curve = read_curve(folder)
    if not config.is_file() or not curve:
        offline = read_offline_run(folder) if any(folder.rglob("*.wandb")) else None
    settings: Any = OmegaConf.to_container(OmegaConf.load(config)) if config.is_file() else {}
    if offline is not None:
        settings = settings or offline.config
        curve = curve or [(int(row.get("epoch", 0)), row[VALIDATION]) for row in offline.history if VALIDATION in row]
    flat = telling(settings)
    if job.get("status", "finished") == "finished" and (folder / "results.json").is_file():
        keep = flat.get("recipe.optimizer.keep", "best")
        return Run(name, "finished", flat, read_results(folder), None, validation_score(folder, keep))
    if job.get("status") == "failed":
        return Run(name, "failed", flat, [], f"{job['error']['type']}: {job['error']['message']}", None)
    scores = [(value, epoch) for epoch, value in curve if not math.isnan(value)]
    if not scores:
        return Run(name, "unfinished", flat, [], "no epoch is over", None)
    top, epoch = max(scores)
    why = f"best {VALIDATION} so far {top:.4f} in epoch {epoch}, last epoch {curve[-1][0]}"
    return Run(name, "unfinished", flat, [], why, top)


def varying(runs: Sequence[Run]) -> list[str]:
    """Settings that differ between runs; of those that differ in step, such as all keys of two encoders, the first."""
    found: dict[tuple[int, ...], str] = {}
    for key in dict.fromkeys(key for run in runs for key in run.settings):
        values = [shown(run.settings.get(key)) for run in runs]
        order = {value: i for i, value in enumerate(dict.fromkeys(values))}
        if len(order) > 1:
            found.setdefault(tuple(order[value] for value in values), key)
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


def best(lines: Sequence[Line], by_validation: bool = False) -> Line | None:
    """The line of the best mean, or that of the learned removal with the best score on validation pairs."""
    if by_validation:
        scored = [line for line in lines if line.validation is not None]
        return max(scored, key=lambda line: line.validation or -math.inf) if scored else None
    sign = -1 if lines and lines[0].headline.metric in LOWER_IS_BETTER else 1
    return max(lines, key=lambda line: sign * line.mean) if lines else None


def _line(
    settings: tuple[str, ...],
    system: tuple[str, ...],
    headline: Headline,
    found: Sequence[tuple[Row, float | None]],
) -> Line:
    values = [row.value for row, _ in found]
    return Line(
        settings,
        system,
        headline,
        float(np.mean(values)),
        float(np.std(values, ddof=1)) if len(values) > 1 else None,
        len(values),
        _mean([row.low for row, _ in found]),
        _mean([row.high for row, _ in found]),
        _mean([validation for _, validation in found]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
