"""Semantic textual similarity: does the cosine of two sentences rank pairs as people do?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from uncone.data.pair_sets import load_sts
from uncone.geometry.alignment import uniformity_terms
from uncone.removal.vectors import Vectors
from uncone.tasks.base import Average, PairTask, Prediction, Sets, distinct, paired_cosine

_METRICS = ("spearman", "pearson")
_CLOSE = 0.8  # of the highest score of a set: above 4 of 5


class Sts(PairTask):
    """Cosine similarity of sentence (or document) vectors against human scores.

    Subsets reported: "all", the parts in one list (what SimCSE and MTEB report); and, where there are parts, each part,
    "mean", the unweighted mean over parts, and "wmean", the mean weighted by their sizes. The three differ by up to 20
    points for the same vectors, so a figure without its aggregation says little.

    Beside the correlations, "all" has the alignment of the pairs that people scored above 4 of 5 (above four fifths of
    the highest score of their set) and the uniformity of all distinct sentences; lower is better for both. A nil vector
    has cosine 0 with everything, and leaves uniformity undefined. Intervals take sentences for independent, as those of
    the correlations take pairs. "coverage" tells of sentences without a known piece, which are scored nevertheless.

    Args:
        sets, name, data_dir, exclude: for `uncone.data.load_sts`; see `PairTask`. STS-B, which removals are trained
            on, shares pairs with STS 2012-2016.
        alignment: report alignment and uniformity too, which take longer than all else where many systems are compared.

    Example:
        >>> task = Sts("lee")
        >>> task.name, len(task.data), task.averages()
        ('lee', 1225, ())
    """

    use = "sentences"
    load = staticmethod(load_sts)

    def __init__(
        self,
        sets: Sets,
        name: str | None = None,
        data_dir: str | Path | None = None,
        exclude: Sequence[Sets] = (),
        alignment: bool = True,
    ) -> None:
        super().__init__(sets, name, data_dir, exclude)
        self._alignment = alignment

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Cosines of all pairs in one list and by part, squared distances of close pairs, terms of the uniformity."""
        pairs = self.data
        texts, first, second = distinct(pairs.text1, pairs.text2)
        sentences = vectors.sentences(texts)  # (u, d)
        cosine = paired_cosine(sentences, first, second)
        top = np.array([pairs.ranges[name][1] for name in pairs.dataset])
        close = pairs.score > _CLOSE * top
        known = vectors.readable(texts)
        covered = None if known.all() else known[first] & known[second]
        predictions = [Prediction("all", pairs.scaled_score, cosine, _METRICS, covered)]
        if self._alignment:
            predictions += [
                Prediction("all", pairs.score[close], 2 - 2 * cosine[close], ("alignment",)),
                Prediction("all", np.zeros(len(texts)), _uniformity(sentences), ("uniformity",)),
            ]
        if len(pairs.datasets) > 1:
            dataset = np.array(pairs.dataset)
            for part in pairs.datasets:
                rows = dataset == part
                predictions.append(Prediction(self._short(part), pairs.score[rows], cosine[rows], _METRICS))
        return predictions

    def averages(self) -> tuple[Average, ...]:
        """Both means over parts, where there are parts."""
        parts = tuple(self._short(part) for part in self.data.datasets)
        return (Average("mean", parts), Average("wmean", parts, "size")) if len(parts) > 1 else ()

    def _short(self, part: str) -> str:
        """The part's own name, such as "MSRvid", where the task has one set; with its set where it has several."""
        return part.partition("/")[2] if isinstance(self._data, (str, Path)) else part


def _uniformity(sentences: np.ndarray) -> np.ndarray:
    """Terms (u,) of the uniformity, NaN where a vector has no direction."""
    lengths = np.linalg.norm(sentences, axis=1)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        return np.full(len(sentences), np.nan)
    return uniformity_terms(sentences)
