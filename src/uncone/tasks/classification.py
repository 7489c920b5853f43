"""Classification: what a linear probe can tell about texts from their frozen vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from uncone.data.classification import load_classification
from uncone.data.labelled import LabelledTexts
from uncone.tasks.base import DataTask, Prediction, Vectors, distinct, paired_cosine
from uncone.tasks.probes import LogisticProbe, MlpProbe, Probe, Rows, ThresholdProbe, stratified_folds

METRICS = ("accuracy", "macro_f1", "matthews")


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
        probe: "logistic" regression; "mlp" with one hidden layer; or for pairs of two classes "threshold", on the
            cosine alone.
        folds: of the outer cross-validation.
        inner_folds: of the one inside the training rows.
        seed: of folds and probes.

    Raises:
        ValueError: if metric or probe are unknown, or, in `predict`, a class has fewer rows than there are folds.
        DataUnavailable: in `predict`, if the set cannot be found.

    Example:
        >>> task = Classification("polarity")
        >>> task.name, len(task.data), task.data.scored
        ('polarity', 200, 'all')
    """

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
            raise ValueError(f"unknown metric {metric!r}; choose one of {', '.join(METRICS)}")
        probes: dict[str, Probe] = {
            "logistic": LogisticProbe(folds=inner_folds, metric=metric, seed=seed),
            "mlp": MlpProbe(seed=seed),
            "threshold": ThresholdProbe(),
        }
        if probe not in probes:
            raise ValueError(f"unknown probe {probe!r}; choose one of {', '.join(probes)}")
        super().__init__(data, name, data_dir)
        self._metrics = (metric, *(other for other in METRICS if other != metric))
        self._probe = probes[probe]
        self._folds = folds
        self._seed = seed

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Classes of the scored rows, by probes that have not seen them."""
        texts = self.data
        x, target = self._features(vectors), texts.target
        predicted = np.zeros(len(texts), dtype=np.int64)
        majority = np.zeros(len(texts), dtype=np.int64)
        train, dev = texts.rows("train"), texts.rows("dev")
        if texts.scored == "all":
            rounds = stratified_folds(target, self._folds, self._seed)
        else:
            rounds = [(train, texts.rows(texts.scored))]
        held_out = Rows(x[dev], target[dev]) if len(dev) and texts.scored == "test" else None
        for inside, scored in rounds:
            classifier = self._probe.fit(Rows(x[inside], target[inside]), len(texts.classes), held_out)
            predicted[scored] = classifier(x[scored])
            majority[scored] = np.bincount(target[inside]).argmax()
        rows = texts.rows(texts.scored)
        return [Prediction(texts.scored, target[rows], predicted[rows], self._metrics, majority=majority[rows])]

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
