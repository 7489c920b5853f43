"""Tasks run on systems and scored: rows with values, confidence intervals, and gains over a reference.

The systems of one evaluation share their bootstrap resamples, so that ten removals cost little more than one and are
compared item by item. Resamples depend on the seed, the task and the subset only: adding a task or a system changes no
other row.
"""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from uncone.data.files import DataUnavailable
from uncone.removal.vectors import Vectors
from uncone.support.terminal import step
from uncone.tasks.base import Average, Prediction, Task
from uncone.tasks.comparison import Difference, Estimate, holm
from uncone.tasks.row import COVERAGE, SIGNIFICANT, Headline, Row, origin
from uncone.tasks.statistics import LOWER_IS_BETTER, bootstrap, point

logger = logging.getLogger(__name__)

MAJORITY = "majority"


class NotRun(NamedTuple):
    """Something asked for that could not be had. `removal` and `subset` are None where it concerns all of them."""

    task: str
    why: str
    removal: str | None = None
    subset: str | None = None

    @property
    def what(self) -> str:
        """Task, subset and removal, as far as they are known."""
        return " ".join(part for part in (self.task, self.subset, self.removal) if part)


class _Measured(NamedTuple):
    """One metric on one subset, for the systems on which it is defined."""

    n: int
    estimates: dict[str, Estimate]


def evaluate(
    tasks: Sequence[Task],
    systems: Mapping[str, Vectors],
    *,
    seed: int = 0,
    reference: str | None = None,
    resamples: int = 1000,
    progress: bool = False,
) -> tuple[list[Row], list[NotRun]]:
    """Run every task on every system.

    Args:
        tasks: with distinct names.
        systems: name of the removal to the vectors it gives, which cover the same words. A system of your own has the
            methods of `Vectors` that the tasks ask for. Rows tell name, layers and pooling of its `encoder`, if it has
            one.
        seed: of the bootstrap; written into the rows.
        reference: a system over which the rows of the others tell their gain, usually "none".
        resamples: bootstrap resamples. The smallest p-value possible is 2 / (resamples + 1), so that m removals need
            more than 40 m of them for a gain to be significant after Holm's correction; fewer are warned of.

    Returns rows, and what could not be run: tasks whose data are missing, and metrics undefined for some vectors. A
    ValueError if the reference is no system, two tasks share a name, systems cover different items, or data are
    malformed.

    Example:
        >>> import numpy as np
        >>> from uncone.tasks import Sts
        >>> class Lengths:  # a system that knows only how long a text is
        ...     def sentences(self, texts):
        ...         return np.array([[1000.0, len(text)] for text in texts])
        ...     def readable(self, texts):
        ...         return np.ones(len(texts), dtype=bool)
        >>> rows, not_run = evaluate([Sts("lee")], {"none": Lengths()}, resamples=100)
        >>> [(row.subset, row.metric, row.n) for row in rows]
        [('all', 'spearman', 1225), ('all', 'pearson', 1225), ('all', 'alignment', 16), ('all', 'uniformity', 50)]
    """
    if not systems:
        raise ValueError("no systems to evaluate")
    if reference is not None and reference not in systems:
        raise ValueError(f"the reference {reference!r} is not among the systems {', '.join(systems)}")
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ValueError(f"tasks need distinct names, got {', '.join(names)}")
    comparisons = len(systems) - 1
    if 2 * comparisons / (resamples + 1) >= SIGNIFICANT:
        logger.warning(
            "with resamples=%d no difference can be significant among %d removals: set resamples=%d or more",
            *(resamples, len(systems), math.ceil(2 * comparisons / SIGNIFICANT)),
        )
    encoders = {name: getattr(vectors, "encoder", None) for name, vectors in systems.items()}
    told: dict[str, Any] = {name: origin(encoder) for name, encoder in encoders.items() if encoder is not None}
    told[MAJORITY] = next(iter(told.values()), {})
    rows: list[Row] = []
    not_run: list[NotRun] = []
    with step("Tasks", "evaluate", len(tasks) * len(systems), disable=not progress) as steps:
        for task in tasks:
            predictions: dict[str, list[Prediction]] = {}
            try:
                for name, vectors in systems.items():
                    steps.say(f"Task {task.name}: {name}")
                    predictions[name] = task.predict(vectors)
                    steps.advance()
            except DataUnavailable as error:
                not_run.append(NotRun(task.name, str(error)))
                steps.advance(len(systems) - len(predictions))
                continue
            steps.say(f"Task {task.name}: {resamples} resamples")
            scored, undefined = score(task.name, predictions, task.averages(), reference, resamples, seed)
            rows += [replace(row, **told.get(row.removal, {}), use=task.use, seed=seed) for row in scored]
            not_run += undefined
    return rows, not_run


def score(
    task: str,
    predictions: Mapping[str, Sequence[Prediction]],
    averages: Sequence[Average] = (),
    reference: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[list[Row], list[NotRun]]:
    """Score the predictions of several systems, for the same subsets in the same order, on one task.

    Returns rows system by system, without what only the caller knows (encoder, layers, pooling, use, seed); and the
    values that are undefined, because a system gives the same number for all items, or NaN. A ValueError if the systems
    were scored on different items.
    """
    measured: dict[tuple[str, str], _Measured] = {}  # by subset and metric
    predictions = _with_majority(task, predictions)
    coverage: dict[str, np.ndarray] = {}
    not_run: list[NotRun] = []
    for subset_predictions in zip(*predictions.values(), strict=True):
        of_system = dict(zip(predictions, subset_predictions, strict=True))
        first = subset_predictions[0]
        _require_same_items(task, of_system)
        if first.covered is not None:
            coverage[first.subset] = first.covered
        for metric in first.metrics:
            # the names enter the seed, so that each subset is resampled independently of the others
            draws = [seed, zlib.crc32(f"{task}/{first.subset}".encode())]
            measured[first.subset, metric], undefined = _measure(metric, of_system, resamples, draws)
            if len(first.gold):
                not_run += [NotRun(task, why, name, first.subset) for name, why in undefined.items()]
        if not len(first.gold):
            not_run.append(NotRun(task, "not a single item is made of known words", subset=first.subset))
    metrics = tuple(dict.fromkeys(metric for _, metric in measured))
    for average in averages:
        for metric in metrics:
            parts = [measured[subset, metric] for subset in average.over if (subset, metric) in measured]
            if len(parts) == len(average.over):  # some metrics are of all items only
                measured[average.subset, metric] = _average(average, parts)

    rows: dict[str, list[Row]] = {name: [] for name in predictions}
    for (subset, metric), figure in measured.items():
        for row in _compare(Headline(task, subset, metric), figure, reference):
            rows[row.removal].append(row)
        if subset in coverage and metric == metrics[-1]:
            share, n = float(coverage[subset].mean()), len(coverage[subset])
            for name, lines in rows.items():
                lines.append(Row(removal=name, task=task, subset=subset, metric=COVERAGE, value=share, n=n))
    return list(chain.from_iterable(rows.values())), not_run


def _with_majority(task: str, predictions: Mapping[str, Sequence[Prediction]]) -> Mapping[str, Sequence[Prediction]]:
    """The predictions, and those of the majority class as one more system where the task has them."""
    of_first = next(iter(predictions.values()))
    majority = [replace(p, predicted=p.majority) for p in of_first if p.majority is not None]
    if not majority:
        return predictions
    if MAJORITY in predictions:
        raise ValueError(f"{task}: no removal may be called {MAJORITY!r}, which stands for the commonest class")
    return {**predictions, MAJORITY: majority}


def _measure(
    metric: str, of_system: Mapping[str, Prediction], resamples: int, seed: list[int]
) -> tuple[_Measured, dict[str, str]]:
    """The metric of every system on one subset, and why it is undefined for the others."""
    values, undefined = {}, {}
    for name, prediction in of_system.items():
        try:
            values[name] = point(metric, prediction.gold, prediction.predicted)
        except ValueError as error:
            undefined[name] = f"{metric}: {error}"
    gold = next(iter(of_system.values())).gold
    estimates = {}
    if values:
        systems = np.stack([of_system[name].predicted for name in values])  # (S, n)
        replicates = bootstrap(metric, gold, systems, resamples=resamples, seed=seed)
        estimates = {name: Estimate(value, replicates[s]) for s, (name, value) in enumerate(values.items())}
    return _Measured(len(gold), estimates), undefined


def _average(average: Average, parts: Sequence[_Measured]) -> _Measured:
    """Mean over subsets, only for systems defined on all of them."""
    sizes = np.array([part.n for part in parts], dtype=np.float64)
    weights = sizes / sizes.sum() if average.weights == "size" else np.full(len(parts), 1 / len(parts))
    names = [name for name in parts[0].estimates if all(name in part.estimates for part in parts)]
    estimates = {name: Estimate.mean([part.estimates[name] for part in parts], weights) for name in names}
    return _Measured(int(sizes.sum()), estimates)


def _compare(headline: Headline, figure: _Measured, reference: str | None) -> Iterator[Row]:
    """The row of every system, against the reference and against the best."""
    found = figure.estimates

    def against(other: str) -> dict[str, Difference]:
        return {name: estimate.minus(found[other]) for name, estimate in found.items() if name != other}

    if not found:
        return
    gains = against(reference) if reference in found else {}
    choose = min if headline.metric in LOWER_IS_BETTER else max
    best = choose(found, key=lambda name: found[name].value)
    p_holm = holm({name: gain.p_value for name, gain in gains.items()})
    p_best = holm({name: from_best.p_value for name, from_best in against(best).items()})
    if p_best:
        p_best[best] = 1.0
    for name, estimate in found.items():
        where = {"removal": name, "n": figure.n, **headline._asdict()}
        yield row_of(estimate, gains.get(name), **where, p_holm=p_holm.get(name), p_best=p_best.get(name))


def row_of(own: Estimate, gain: Difference | None, **figure: Any) -> Row:
    """Value and interval of one system, and its gain over the reference, if it is not the reference itself.

    `figure` is all else that the row says.
    """
    low, high = own.interval
    return Row(**figure, value=own.value, low=low, high=high, **(gain._asdict() if gain else {}))


def _require_same_items(task: str, of_system: Mapping[str, Prediction]) -> None:
    """Refuse systems that cover different words: they cannot be compared item by item."""
    (first_name, first), *others = of_system.items()
    for name, prediction in others:
        if not all(np.array_equal(getattr(first, key), getattr(prediction, key)) for key in ("covered", "gold")):
            raise ValueError(
                f"{task}/{first.subset}: {name!r} was scored on other items than {first_name!r}; "
                "evaluate systems with different vocabularies one by one"
            )
