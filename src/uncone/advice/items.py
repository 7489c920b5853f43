"""What tasks of one use are scored on: queries, texts to label, resamples of a clustering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from uncone.removal.vectors import Vectors
from uncone.tasks.base import Prediction, Task
from uncone.tasks.table import SUBSETS


@dataclass(frozen=True, eq=False)
class Items:
    """The items (n,) of several tasks, one task after another.

    Attributes:
        score: (n,) what is right, where the task says so.
        dataset: (n,) the task that each item is of.
        metric: of each task, the statistic that speaks for it.
    """

    score: np.ndarray
    dataset: tuple[str, ...]
    metric: Mapping[str, str]

    @property
    def datasets(self) -> tuple[str, ...]:
        """The tasks, in order."""
        return tuple(self.metric)

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def of(cls, tasks: Sequence[Task], vectors: Vectors) -> Items:
        """The items of tasks, of which the vectors know the same as under any removal."""
        found = {task.name: speaking(task, vectors) for task in tasks}
        dataset = tuple(name for name, of in found.items() for _ in of.gold)
        return cls(
            np.concatenate([of.gold for of in found.values()]),
            dataset,
            {name: of.metrics[0] for name, of in found.items()},
        )

    def halves(self, count: int, seed: int) -> np.ndarray:
        """(count, n) 0 to choose by, 1 to test on: half of each task, every other time the other way round."""
        generator, names = np.random.default_rng(seed), np.array(self.dataset)
        divided = np.zeros((count, len(self)), dtype=np.int8)
        for i in range(count):
            divided[i] = 1 - divided[i - 1]
            for name in self.datasets if i % 2 == 0 else ():
                rows = np.flatnonzero(names == name)
                divided[i, rows] = generator.permutation(len(rows)) % 2
        return divided


def speaking(task: Task, vectors: Vectors) -> Prediction:
    """What vectors say in a task, on the subset that speaks for it: all its items, or else the first."""
    predictions = task.predict(vectors)
    return next((each for name in SUBSETS for each in predictions if each.subset == name), predictions[0])
