"""Words in context: does the cosine of two words, each in a sentence of its own, rank pairs as people do?"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from uncone.data.context import WordsInContext, load_words_in_context
from uncone.tasks.base import Prediction, Task, Vectors, paired_cosine


class ContextualSimilarity(Task):
    """Cosine similarity of words in their contexts against human scores.

    Each occurrence has one vector, the mean over its pieces in its own text, and the score of a pair is their cosine:
    the AvgSimC of Reisinger and Mooney 2010 and Huang et al. 2012 with a single sense per occurrence. A static table
    gives every occurrence of a word the same vector.

    Args:
        data: a name or path for `uncone.data.load_words_in_context`, or the pairs themselves.
        name: of the task in the results; None takes that of the set.
        data_dir: the data folder; see `uncone.data.sources`.

    Raises:
        ValueError: if the name is left out though pairs are given; in `predict`, if a file is malformed or a marked
            word lies beyond what the encoder reads of its text.
        DataUnavailable: in `predict`, if the set cannot be found.

    Example:
        >>> ContextualSimilarity("scws").name
        'scws'
    """

    def __init__(
        self,
        data: str | Path | WordsInContext = "scws",
        name: str | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        if name is None and isinstance(data, WordsInContext):
            raise ValueError("give the task a name: it has pairs of its own")
        self.name = name or Path(str(data)).stem
        self._data = data
        self._data_dir = data_dir

    @cached_property
    def words(self) -> WordsInContext:
        """The pairs, read at first use."""
        if isinstance(self._data, WordsInContext):
            return self._data
        return load_words_in_context(self._data, self._data_dir)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Cosines of all pairs."""
        words, n = self.words, len(self.words)
        both = vectors.in_context([*words.pairs.text1, *words.pairs.text2], [*words.span1, *words.span2])
        cosine = paired_cosine(both, np.arange(n), np.arange(n, 2 * n))
        return [Prediction("all", words.pairs.score, cosine, ("spearman", "pearson"))]
