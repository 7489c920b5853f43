"""Clustering: do k-means clusters agree with the classes that people gave?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from uncone.data.classification import load_classification
from uncone.data.labelled import LabelledTexts
from uncone.removal.vectors import Vectors
from uncone.tasks.base import DataTask, Prediction


class Clustering(DataTask[LabelledTexts]):
    """V-measure (Rosenberg and Hirschberg 2007) of mini-batch k-means, as in MTEB: a cluster for each class.

    The texts are dealt out at random into samples that do not overlap, each of which is clustered from a seed of its
    own; reported is the mean over samples, and what is resampled are samples. MTEB's newer tasks draw theirs with
    replacement from one set, where an interval over samples would promise too much. Vectors are clustered as they are,
    as there; where a removal leaves them of very different lengths, k-means finds these rather than topics.

    Args:
        data, name, data_dir: for `uncone.data.load_classification`; see `DataTask`. A split is clustered alone.
        samples: how many.
        documents: use only so many texts, drawn at random.
        unit: make vectors of length 1 first.
        seed: of samples and k-means.

    A ValueError, in `predict`, if a sample has fewer texts than there are classes.
    """

    use = "clusters"
    load = staticmethod(load_classification)

    def __init__(
        self,
        data: str | Path | LabelledTexts,
        name: str | None = None,
        data_dir: str | Path | None = None,
        samples: int = 10,
        documents: int | None = None,
        unit: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(data, name, data_dir)
        self._samples, self._documents, self._unit, self._seed = samples, documents, unit, seed

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """V-measure of every sample."""
        from sklearn.cluster import MiniBatchKMeans
        from sklearn.metrics import v_measure_score
        from sklearn.preprocessing import normalize

        texts = self.data
        rows = np.random.default_rng(self._seed).permutation(texts.rows(texts.scored))[: self._documents]
        if len(rows) < self._samples * len(texts.classes):
            raise ValueError(
                f"{self.name}: {len(rows)} texts in {self._samples} samples are fewer than {len(texts.classes)} "
                "classes in each: use fewer samples"
            )
        x = vectors.sentences([texts.text1[row] for row in rows]).astype(np.float64)
        if self._unit:
            x = normalize(x)
        scores = []
        for i, sample in enumerate(np.array_split(np.arange(len(rows)), self._samples)):
            target = texts.target[rows[sample]]
            clusters = MiniBatchKMeans(len(np.unique(target)), batch_size=512, n_init=1, random_state=self._seed + i)
            scores.append(v_measure_score(target, clusters.fit_predict(x[sample])))
        return [Prediction("all", np.zeros(len(scores)), np.array(scores), ("v_measure",))]
