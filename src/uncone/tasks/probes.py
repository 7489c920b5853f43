"""Classifiers trained on frozen vectors: what can be read off the vectors, and with how little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from uncone.tasks.statistics import point

Classifier = Callable[[np.ndarray], np.ndarray]  # features (n, d) -> class numbers (n,)


class Rows(NamedTuple):
    """Features (n, d) and class numbers (n,)."""

    x: np.ndarray
    target: np.ndarray


class Probe(Protocol):
    """A way to train a classifier. Whatever it estimates or chooses, it takes from the rows that it is given."""

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """Train on `train`; `dev`, where there is one, chooses settings."""


@dataclass(frozen=True)
class LogisticProbe:
    """Logistic regression on standardised features, as strongly regularised as is best on held-out rows.

    Without dev rows, the strength is chosen by stratified cross-validation inside the training rows (predictions of
    all folds scored together), and the classifier then trained on all of them. Of equals, the strongest is taken.

    Attributes:
        C: inverse strengths to choose from, increasing.
        folds: of the inner cross-validation.
        metric: name in `uncone.tasks.statistics` to choose by.
        seed: of the folds.
    """

    C: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1)
    folds: int = 5
    metric: str = "accuracy"
    seed: int = 0

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """See `Probe.fit`."""
        if dev is not None:
            fitted = [_logistic(train, C) for C in self.C]
            return fitted[self._best(dev.target, np.stack([predict(dev.x) for predict in fitted]))]
        predictions = np.empty((len(self.C), len(train.target)), dtype=np.int64)
        for inside, held_out in stratified_folds(train.target, self.folds, self.seed):
            part = Rows(train.x[inside], train.target[inside])
            predictions[:, held_out] = [_logistic(part, C)(train.x[held_out]) for C in self.C]
        return _logistic(train, self.C[self._best(train.target, predictions)])

    def _best(self, target: np.ndarray, predictions: np.ndarray) -> int:
        return int(np.argmax([point(self.metric, target, predicted) for predicted in predictions]))


def _logistic(train: Rows, C: float) -> Classifier:
    """A classifier on standardised features; at this tolerance its margins are exact to some four digits."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, tol=1e-6, max_iter=5000))
    model.fit(train.x.astype(np.float64), train.target)
    return lambda x: model.predict(x.astype(np.float64))


@dataclass(frozen=True)
class MlpProbe:
    """One hidden layer on standardised features; a tenth of the training rows says when to stop.

    A probe of this kind is what Rajaee and Pilehvar (2021) train on frozen vectors.

    Attributes:
        hidden: units of the hidden layer.
        seed: of weights, batches and the tenth.
    """

    hidden: int = 100
    seed: int = 0

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """See `Probe.fit`; dev rows are not used."""
        from sklearn.neural_network import MLPClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        layer = MLPClassifier((self.hidden,), early_stopping=True, max_iter=1000, random_state=self.seed)
        return make_pipeline(StandardScaler(), layer).fit(*train).predict


@dataclass(frozen=True)
class ThresholdProbe:
    """Two classes told apart by one number, such as a cosine: one lies above the threshold, the other below.

    The threshold, and which class is above, are those with the highest accuracy on the training and dev rows together.
    """

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """See `Probe.fit`.

        Raises:
            ValueError: if there are not two classes and one feature.
        """
        if classes != 2 or train.x.shape[1] != 1:
            raise ValueError(f"a threshold parts two classes by one number, not {classes} by {train.x.shape[1]}")
        parts = [train] if dev is None else [train, dev]
        x = np.concatenate([part.x[:, 0] for part in parts]).astype(np.float64)
        target = np.concatenate([part.target for part in parts])
        order = np.argsort(x, kind="stable")
        x, target = x[order], target[order]
        # right answers if the first i are called class 0 and the others class 1, for i from 0 to n
        right = np.concatenate([[0], np.cumsum(target == 0)]) + (target == 1).sum() - np.cumsum([0, *(target == 1)])
        between = np.concatenate([[True], x[1:] > x[:-1], [True]])  # no threshold parts equal numbers
        edges = np.concatenate([[-np.inf], (x[1:] + x[:-1]) / 2, [np.inf]])[between]
        right = right[between]
        upper = int(right.max() >= len(target) - right.min())  # the class above the threshold
        threshold = edges[right.argmax() if upper else right.argmin()]
        return lambda features: np.where(features[:, 0] > threshold, upper, 1 - upper)


def stratified_folds(target: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows held out, for each fold; every row is held out once, classes spread evenly.

    Raises:
        ValueError: if a class has fewer rows than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    sizes = np.bincount(target)
    if sizes[sizes > 0].min() < folds:
        raise ValueError(f"a class has {sizes[sizes > 0].min()} rows, fewer than the {folds} folds: use fewer folds")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(target)), target))
