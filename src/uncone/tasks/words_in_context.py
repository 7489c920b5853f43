"""Words in context: does the cosine of two words, each in a sentence of its own, rank pairs as people do?"""

from __future__ import annotations

import numpy as np

from uncone.data.context import WordsInContext, load_words_in_context
from uncone.tasks.base import DataTask, Prediction, Vectors, paired_cosine


class ContextualSimilarity(DataTask[WordsInContext]):
    """Cosine similarity of words in their contexts against human scores.

    Each occurrence has one vector, the mean over its pieces in its own text, and the score of a pair is their cosine:
    the AvgSimC of Reisinger and Mooney 2010 and Huang et al. 2012 with a single sense per occurrence. A static table
    gives every occurrence of a word the same vector.

    Args:
        data, name, data_dir: for `uncone.data.load_words_in_context`; see `DataTask`.

    Raises:
        ValueError: in `predict`, if a file is malformed or a marked word lies beyond what the encoder reads of its
            text.
        DataUnavailable: in `predict`, if the set cannot be found.

    Example:
        >>> ContextualSimilarity("scws").name
        'scws'
    """

    load = staticmethod(load_words_in_context)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Cosines of all pairs."""
        words, n = self.data, len(self.data)
        both = vectors.in_context([*words.pairs.text1, *words.pairs.text2], [*words.span1, *words.span2])
        cosine = paired_cosine(both, np.arange(n), np.arange(n, 2 * n))
        return [Prediction("all", words.pairs.score, cosine, ("spearman", "pearson"))]
