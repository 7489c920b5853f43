"""Run tasks on systems: the loop behind every table of results."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.progress import Progress

from uncone.data.files import DataUnavailable
from uncone.tasks.base import Prediction, Task, Vectors
from uncone.tasks.row import SIGNIFICANT, Row
from uncone.tasks.scoring import NotRun, score

logger = logging.getLogger(__name__)


def evaluate(
    tasks: Sequence[Task],
    systems: Mapping[str, Vectors],
    *,
    encoder: str | None = None,
    layers: str | None = None,
    pooling: str | None = None,
    seed: int = 0,
    reference: str | None = None,
    resamples: int = 1000,
    progress: bool = False,
) -> tuple[list[Row], list[NotRun]]:
    """Run every task on every system.

    Args:
        tasks: with distinct names.
        systems: name of the removal to the vectors it gives; all of one encoder, so that they cover the same words.
        encoder: written into the rows, as are layers and pooling.
        seed: of the bootstrap; written into the rows.
        reference: a system over which the rows of the others tell their gain, usually "none".
        resamples: bootstrap resamples. The smallest p-value possible is 2 / (resamples + 1), so that m removals need
            more than 40 m of them for a gain to be significant after Holm's correction; fewer are warned of.
        progress: draw a progress bar.

    Returns:
        Rows, and what could not be run: tasks whose data are missing, and metrics that are
        undefined for some vectors.

    Raises:
        ValueError: if there is no system, the reference is none of them, two tasks share a name, systems cover
            different items, or data are malformed.

    Example:
        >>> import numpy as np
        >>> from uncone.tasks import Sts
        >>> class Lengths:  # a system that knows only how long a text is
        ...     def sentences(self, texts):
        ...         return np.array([[1000.0, len(text)] for text in texts])
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
    rows: list[Row] = []
    not_run: list[NotRun] = []
    with Progress(disable=not progress, transient=True) as bar:
        steps = bar.add_task("", total=len(tasks) * len(systems))
        for task in tasks:
            predictions: dict[str, list[Prediction]] = {}
            try:
                for name, vectors in systems.items():
                    bar.update(steps, description=f"{task.name}: {name}")
                    predictions[name] = task.predict(vectors)
                    bar.advance(steps)
            except DataUnavailable as error:
                not_run.append(NotRun(task.name, str(error)))
                bar.advance(steps, len(systems) - len(predictions))
                continue
            scored, undefined = score(task.name, predictions, task.averages(), reference, resamples, seed)
            rows += [replace(row, encoder=encoder, layers=layers, pooling=pooling, seed=seed) for row in scored]
            not_run += undefined
    return rows, not_run
