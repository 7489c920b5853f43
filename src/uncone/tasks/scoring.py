"""From predictions to result rows: values, confidence intervals, and gains over a reference.

The systems of one evaluation share their bootstrap resamples, so that ten removals cost little more than one and are
compared item by item. Resamples depend on the seed, the task and the subset only: adding a task or a system changes no
other row.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from uncone.tasks.base import Average, Prediction
from uncone.tasks.comparison import Difference, Estimate, holm
from uncone.tasks.row import COVERAGE, Headline, Row
from uncone.tasks.statistics import LOWER_IS_BETTER, bootstrap, point

MAJORITY = "majority"


class NotRun(NamedTuple):
    """Something asked for that could not be had. `removal` and `subset` are None where it concerns all of them."""

    task: str
    why: str
    removal: str | None = None
    subset: str | None = None


class _Measured(NamedTuple):
    """One metric on one subset, for the systems on which it is defined."""

    n: int
    estimates: dict[str, Estimate]


def score(
    task: str,
    predictions: Mapping[str, Sequence[Prediction]],
    averages: Sequence[Average] = (),
    reference: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[list[Row], list[NotRun]]:
    """Score the predictions of several systems on one task.

    Args:
        task: its name.
        predictions: of each system, for the same subsets in the same order.
        averages: means over subsets to report as well.
        reference: the system that gains are measured against, if any.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        Rows system by system, without what only the caller knows (encoder, layers, pooling, seed); and the values that
        are undefined, because a system gives the same number for all items, or NaN.

    Raises:
        ValueError: if the systems were scored on different items.

    Example:
        >>> gold = np.arange(30.0)
        >>> systems = {"none": gold % 7, "better": gold % 29}
        >>> predictions = {name: [Prediction("all", gold, p, ("spearman",))] for name, p in systems.items()}
        >>> rows, _ = score("toy", predictions, reference="none")
        >>> [(row.removal, round(row.value, 2), row.gain and round(row.gain, 2)) for row in rows]
        [('none', 0.08, None), ('better', 0.81, 0.74)]
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
            not_run += [NotRun(task, why, name, first.subset) for name, why in undefined.items()]
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
