"""Classification: what a probe, a classifier trained on frozen vectors, can tell about texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from uncone.data.classification import load_classification
from uncone.data.labelled import LabelledTexts
from uncone.removal.vectors import Vectors
from uncone.support.wording import unknown
from uncone.tasks.base import DataTask, Prediction, distinct, paired_cosine
from uncone.tasks.statistics import point

METRICS = ("accuracy", "macro_f1", "matthews")
Classifier = Callable[[np.ndarray], np.ndarray]  # features (n, d) -> class numbers (n,), or (r, n) of r classifiers


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

    model = _standardised(LogisticRegression(C=C, tol=1e-6, max_iter=5000))
    model.fit(train.x.astype(np.float64), train.target)
    return lambda x: model.predict(x.astype(np.float64))


def _standardised(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


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

        layer = MLPClassifier((self.hidden,), early_stopping=True, max_iter=1000, random_state=self.seed)
        return _standardised(layer).fit(*train).predict


@dataclass(frozen=True)
class NeighboursProbe:
    """The commonest class of the rows with the highest cosine; nothing is standardised, so that geometry counts."""

    neighbours: int = 5

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """See `Probe.fit`; dev rows are not used."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(self.neighbours, metric="cosine").fit(*train).predict


@dataclass(frozen=True)
class FewShotProbe:
    """Logistic regressions on a few rows of each class, drawn at random, as MTEB trains them: not standardised.

    Each draw has a classifier of its own: which rows are drawn moves an accuracy by some points.

    Attributes:
        shots: rows of each class, or as many as it has.
        draws: how many.
        seed: of the draws.
    """

    shots: int = 8
    draws: int = 10
    seed: int = 0

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """See `Probe.fit`; dev rows are not used. The classifier tells classes (draws, n)."""
        from sklearn.linear_model import LogisticRegression

        generator, models = np.random.default_rng(self.seed), []
        for _ in range(self.draws):
            order = generator.permutation(len(train.target))
            drawn = np.concatenate([order[train.target[order] == i][: self.shots] for i in range(classes)])
            model = LogisticRegression(max_iter=5000).fit(train.x[drawn].astype(np.float64), train.target[drawn])
            models.append(model)
        return lambda x: np.stack([model.predict(x.astype(np.float64)) for model in models])


@dataclass(frozen=True)
class ThresholdProbe:
    """Two classes told apart by one number, such as a cosine: one lies above the threshold, the other below.

    The threshold, and which class is above, are those with the highest accuracy on the training and dev rows together.
    """

    def fit(self, train: Rows, classes: int, dev: Rows | None = None) -> Classifier:
        """See `Probe.fit`.

        A ValueError if there are not two classes and one feature.
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

    A ValueError if a class has fewer rows than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    sizes = np.bincount(target)
    if sizes[sizes > 0].min() < folds:
        raise ValueError(f"a class has {sizes[sizes > 0].min()} rows, fewer than the {folds} folds: use fewer folds")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(target)), target))


class Classification(DataTask[LabelledTexts]):
    """Scores of a classifier trained on frozen vectors, after SentEval (Conneau and Kiela 2018, arXiv 1803.05449).

    Features are the vector of the text; for a pair u, v they are |u − v| and u · v element by element. Where a word is
    marked in each text, u and v are vectors of the word in its context. A set without a split is scored by stratified
    cross-validation; otherwise the scored split is "test", or "dev" where test labels are not published. The strength
    of regularisation is chosen on the dev split of a set that also has a test split, else inside the training rows.
    Means, standard deviations and choices never see a scored row.

    The one subset reported is the split that was scored. Beside the systems stands "majority", the commonest class of
    the training rows.

    Args:
        data, name, data_dir: for `uncone.data.load_classification`; see `DataTask`.
        metric: the figure that speaks for the task and chooses the regularisation: one of `METRICS`.
        probe: "logistic" regression; "mlp" with one hidden layer; the 5 nearest "neighbours"; "few_shot", logistic on
            8 rows of each class, of which the mean accuracy over 10 draws is reported, and the interval is over scored
            rows; or for pairs of two classes "threshold", on the cosine alone.
        folds: of the outer cross-validation; `inner_folds` of the one inside the training rows.
        seed: of folds and probes.

    A ValueError if metric or probe are unknown or do not go together, or, in `predict`, a class has fewer rows than
    there are folds.

    Example:
        >>> task = Classification("polarity")
        >>> task.name, len(task.data), task.data.scored
        ('polarity', 200, 'all')
    """

    use = "labels"
    load = staticmethod(load_classification)

    def __init__(
        self,
        data: str | Path | LabelledTexts = "polarity",
        name: str | None = None,
        data_dir: str | Path | None = None,
        metric: str = "accuracy",
        probe: str = "logistic",
        folds: int = 10,
        inner_folds: int = 5,
        seed: int = 0,
    ) -> None:
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
        probes: dict[str, Probe] = {
            "logistic": LogisticProbe(folds=inner_folds, metric=metric, seed=seed),
            "mlp": MlpProbe(seed=seed),
            "neighbours": NeighboursProbe(),
            "few_shot": FewShotProbe(seed=seed),
            "threshold": ThresholdProbe(),
        }
        if probe not in probes:
            raise unknown("probe", probe, probes)
        if probe == "few_shot" and metric != "accuracy":
            raise ValueError(f"few_shot reports the mean accuracy of its draws: leave out metric={metric}")
        super().__init__(data, name, data_dir)
        self._metrics = (metric, *(other for other in METRICS if other != metric))
        self._probe = probes[probe]
        self._folds = folds
        self._seed = seed

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Classes of the scored rows, by probes that have not seen them."""
        texts = self.data
        x, target = self._features(vectors), texts.target
        predicted = np.zeros((self._probe.draws if isinstance(self._probe, FewShotProbe) else 1, len(texts)), np.int64)
        majority = np.zeros(len(texts), dtype=np.int64)
        train, dev = texts.rows("train"), texts.rows("dev")
        if texts.scored == "all":
            rounds = stratified_folds(target, self._folds, self._seed)
        else:
            rounds = [(train, texts.rows(texts.scored))]
        held_out = Rows(x[dev], target[dev]) if len(dev) and texts.scored == "test" else None
        for inside, scored in rounds:
            classifier = self._probe.fit(Rows(x[inside], target[inside]), len(texts.classes), held_out)
            predicted[:, scored] = classifier(x[scored])
            majority[scored] = np.bincount(target[inside]).argmax()
        rows = texts.rows(texts.scored)
        gold, predicted, majority = target[rows], predicted[:, rows], majority[rows]
        if isinstance(self._probe, FewShotProbe):
            right, by_majority = (predicted == gold).mean(0), (majority == gold).astype(np.float64)
            return [Prediction(texts.scored, np.zeros(len(rows)), right, ("mean_accuracy",), majority=by_majority)]
        return [Prediction(texts.scored, gold, predicted[0], self._metrics, majority=majority)]

    def _features(self, vectors: Vectors) -> np.ndarray:
        """Features (n, d) of every item; (n, 2 d) of pairs, or (n, 1) for a threshold."""
        texts = self.data
        if texts.is_marked:
            both = vectors.in_context([*texts.text1, *texts.text2], [*texts.span1, *texts.span2])
            first, second = np.split(np.arange(len(both)), [len(texts.text1)])
        else:
            unique, first, second = distinct(texts.text1, texts.text2)
            both = vectors.sentences(unique)
        if isinstance(self._probe, ThresholdProbe):
            if not len(second):
                raise ValueError(f"{self.name}: the threshold probe needs pairs of texts")
            return paired_cosine(both, first, second)[:, None]
        u = both[first]
        if not len(second):
            return u
        v = both[second]
        return np.concatenate([np.abs(u - v), u * v], axis=1)
