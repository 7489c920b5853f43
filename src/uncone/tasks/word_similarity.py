"""Word similarity: does the cosine of two words, alone or each in a sentence of its own, rank pairs as people do?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from uncone.data.context import WordsInContext, load_words_in_context
from uncone.data.pair_sets import PACKAGED, load_word_pairs
from uncone.removal.vectors import Vectors
from uncone.tasks.base import Average, DataTask, PairTask, Prediction, Sets, distinct, paired_cosine

_METRICS = ("spearman", "pearson")


class WordSimilarity(PairTask):
    """Cosine similarity of word vectors against human scores.

    Subsets reported: each data set; with several, also "macro", the unweighted mean over them, and "pooled", all pairs
    in one list with each set's scores scaled to [-1, 1] (the figure of Liang et al. 2021, arXiv 2104.05274).

    Args:
        sets, name, data_dir, exclude: for `uncone.data.load_word_pairs`; see `PairTask`.
        skip_unknown: leave out pairs with a word that the encoder does not know; otherwise their cosine counts as 0,
            so that encoders of different vocabularies are scored on the same pairs. "coverage" tells their share.

    Example:
        >>> WordSimilarity(["ws353", "simlex999"]).averages()
        (Average(subset='macro', over=('ws353', 'simlex999'), weights='equal'),)
    """

    use = "words"
    load = staticmethod(load_word_pairs)

    def __init__(
        self,
        sets: Sets = PACKAGED,
        name: str = "word_similarity",
        data_dir: str | Path | None = None,
        exclude: Sequence[Sets] = (),
        skip_unknown: bool = True,
    ) -> None:
        super().__init__(sets, name, data_dir, exclude)
        self._skip_unknown = skip_unknown

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Cosines of the pairs, by data set and pooled."""
        pairs = self.data
        words, first, second = distinct(pairs.text1, pairs.text2)
        known = vectors.known(words)
        covered = known[first] & known[second]  # (N,)
        asked = covered if self._skip_unknown else np.ones(len(pairs), dtype=bool)
        row = np.cumsum(known) - 1  # of each known word among the known ones
        known_vectors = vectors.words([word for word, is_known in zip(words, known, strict=True) if is_known])
        cosine = np.zeros(len(pairs))
        cosine[covered] = paired_cosine(known_vectors, row[first[covered]], row[second[covered]])

        of_set = {name: np.equal(np.array(pairs.dataset), name) for name in pairs.datasets}
        predictions = [
            Prediction(name, pairs.score[rows & asked], cosine[rows & asked], _METRICS, covered[rows])
            for name, rows in of_set.items()
        ]
        if len(pairs.datasets) > 1:
            predictions.append(Prediction("pooled", pairs.scaled_score[asked], cosine[asked], _METRICS, covered))
        return predictions

    def averages(self) -> tuple[Average, ...]:
        """The unweighted mean over data sets, where there are several."""
        sets = self.data.datasets
        return (Average("macro", sets),) if len(sets) > 1 else ()


class ContextualSimilarity(DataTask[WordsInContext]):
    """Cosine similarity of words in their contexts against human scores.

    Each occurrence has one vector, the mean over its pieces in its own text, and the score of a pair is their cosine:
    the AvgSimC of Reisinger and Mooney 2010 and Huang et al. 2012 with a single sense per occurrence. A static table
    gives every occurrence of a word the same vector.

    `data`, `name` and `data_dir` are for `uncone.data.load_words_in_context`; see `DataTask`. A ValueError, in
    `predict`, if a marked word lies beyond what the encoder reads of its text.
    """

    use = "words"
    load = staticmethod(load_words_in_context)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Cosines of all pairs."""
        words, n = self.data, len(self.data)
        both = vectors.in_context([*words.pairs.text1, *words.pairs.text2], [*words.span1, *words.span2])
        cosine = paired_cosine(both, np.arange(n), np.arange(n, 2 * n))
        return [Prediction("all", words.pairs.score, cosine, _METRICS)]
