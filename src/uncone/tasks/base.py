"""What a task asks of vectors, and what it hands on to be scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any, Generic, Literal, Self, TypeVar

import numpy as np

from uncone.data.files import DataUnavailable
from uncone.data.pairs import NoPairsLeft, ScoredPairs
from uncone.removal.vectors import Vectors
from uncone.tasks.row import Use

T = TypeVar("T")
Sets = str | Path | Sequence[str | Path] | ScoredPairs


@dataclass(frozen=True)
class Prediction:
    """What one system says of the items of one subset; no statistic is computed yet.

    Attributes:
        subset: name of the subset, such as "ws353" or "all".
        gold: (n,) what people said: a score, or the number of the right answer.
        predicted: (n,) what the system said of the same items; for a mean, such as "alignment", what each contributes.
        metrics: names in `uncone.tasks.statistics.STATISTICS` to compute.
        covered: (N,) bool, which of the subset's N items hold known words; None if all do. Gold and predicted are of
            the covered items, or of all N where the task scores unknown words too.
        majority: (n,) what one says without any vectors, such as the commonest class in training; None if there is no
            such thing. Scored as one more system, "majority", so that a number can be judged.

    A ValueError if the lengths do not fit.
    """

    subset: str
    gold: np.ndarray
    predicted: np.ndarray
    metrics: tuple[str, ...]
    covered: np.ndarray | None = None
    majority: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, other in (("predicted", self.predicted), ("majority", self.majority)):
            if other is not None and (other.shape != self.gold.shape or other.ndim != 1):
                raise ValueError(f"gold and {name} must be (n,), got {self.gold.shape} and {other.shape}")
        if self.covered is not None and len(self.gold) not in (known := int(self.covered.sum()), len(self.covered)):
            raise ValueError(f"{len(self.gold)} items are scored, but {known} of {len(self.covered)} are covered")


@dataclass(frozen=True)
class Average:
    """A subset whose value is the mean of those of other subsets, alike or weighted by their number of items."""

    subset: str
    over: tuple[str, ...]
    weights: Literal["equal", "size"] = "equal"


class Task(ABC):
    """One benchmark.

    Attributes:
        name: in the results, such as "ws353".
        use: what people do who need vectors that are good at it.
    """

    name: str
    use: Use

    @abstractmethod
    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Ask a system; subsets come in a fixed order, the same for every system.

        `DataUnavailable` is raised if the data of the task cannot be had.
        """

    def averages(self) -> tuple[Average, ...]:
        """Means over the subsets of `predict` that are reported as well."""
        return ()


class DataTask(Task, Generic[T]):
    """A benchmark on data that are named, or given.

    Args:
        data: a name or path, or several, that `load` knows; or the data themselves.
        name: in the results; None takes the (only) name of the data.
        data_dir: the data folder; see `uncone.data.sources`.

    Raises:
        ValueError: if the name is left out though the data have none, or several.
    """

    def __init__(self, data: Any, name: str | None = None, data_dir: str | Path | None = None) -> None:
        if name is None and not isinstance(data, (str, Path, NoneType)):
            raise ValueError("give the task a name: it has several sets, or data of its own")
        self.name = name or Path(str(data)).stem
        self._data = data
        self._data_dir = data_dir

    @staticmethod
    @abstractmethod
    def load(data: Any, data_dir: str | Path | None, /) -> T:
        """The data of that name."""

    @cached_property
    def data(self) -> T:
        """The data, read at first use."""
        return self._read(self._data)

    def _read(self, data: Any) -> T:
        return self.load(data, self._data_dir) if isinstance(data, (str, Path, Sequence, NoneType)) else data


class PairTask(DataTask[ScoredPairs]):
    """A benchmark of pairs with human scores, less those on which a removal was trained: `exclude`, named or given."""

    def __init__(
        self, sets: Sets, name: str | None = None, data_dir: str | Path | None = None, exclude: Sequence[Sets] = ()
    ) -> None:
        super().__init__(sets, name, data_dir)
        self._exclude = list(exclude)

    def excluding(self, sets: Sequence[Sets]) -> Self:
        """The same task without the pairs of these sets, besides those that it leaves out already."""
        other = copy(self)
        other.__dict__.pop("data", None)
        other._exclude = [*self._exclude, *sets]
        return other

    @cached_property
    def data(self) -> ScoredPairs:
        """The pairs, read at first use."""
        pairs = self._read(self._data)
        for sets in self._exclude:
            try:
                pairs = pairs.without(self._read(sets))
            except NoPairsLeft as error:
                which = "those that training saw" if isinstance(sets, ScoredPairs) else sets
                raise DataUnavailable(f"every pair also stands in {which}, which is to be left out") from error
            except DataUnavailable as error:
                raise DataUnavailable(f"pairs must be left out that cannot be had: {error}") from error
        return pairs


def paired_cosine(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine (n,) float64 of n pairs of rows of vectors (u, d), given by their numbers; 0 where a vector is nil.

    Example:
        >>> paired_cosine(np.array([[1.0, 0.0], [3.0, 4.0]]), np.array([0, 0]), np.array([0, 1]))
        array([1. , 0.6])
    """
    cosine = np.empty(len(first))
    block = 4096  # pairs; keeps the float64 copies of gathered rows small
    for start in range(0, len(first), block):
        rows = slice(start, start + block)
        a = vectors[first[rows]].astype(np.float64)  # (b, d)
        b = vectors[second[rows]].astype(np.float64)
        dot = np.einsum("nd,nd->n", a, b)
        norms = np.sqrt(np.einsum("nd,nd->n", a, a) * np.einsum("nd,nd->n", b, b))
        cosine[rows] = np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0)
    return np.clip(cosine, -1.0, 1.0)


def distinct(texts: Sequence[str], more: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Distinct texts of both sequences, and where the texts of each stand among them.

    Many pairs share a text; it is encoded once.
    """
    number = {text: i for i, text in enumerate(dict.fromkeys([*texts, *more]))}
    return list(number), np.array([number[text] for text in texts]), np.array([number[text] for text in more])
