"""Form or meaning: what decides which contextual vectors stand near each other.

The two studies of Rajaee and Pilehvar (2021, arXiv 2106.01183), each with a figure that grows as meaning
counts for more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from uncone.data.context import Groups, Verbs, load_groups, load_verbs
from uncone.data.files import DataUnavailable
from uncone.removal.vectors import Vectors
from uncone.tasks.base import Average, DataTask, Prediction

RATIOS = ("st_dm/dt_sm", "st_dm/st_sm", "dt_sm/st_sm")


class VerbTense(DataTask[Verbs]):
    """How far apart occurrences of a verb are that share the tense, the meaning, or both.

    Of each lemma, d(ST-SM) is the mean Euclidean distance of two occurrences in the same tense and meaning, d(ST-DM)
    in the same tense and different meanings, d(DT-SM) in different tenses and the same meaning. Reported are the mean
    over lemmas of their ratios, which do not depend on the scale of the vectors: "st_dm/dt_sm" below 1 says that tense
    counts for more than meaning. Lemmas that lack one of the three kinds of pairs are left out.

    `path` is a file for `uncone.data.context.load_verbs`; None is reported as not run. A ValueError, in `predict`, if
    no lemma has all kinds of pairs.
    """

    use = "words"
    load = staticmethod(lambda path, _: load_verbs(_given(path, "verbs")))

    def __init__(self, path: str | Path | None, name: str = "verb_tense") -> None:
        super().__init__(path, name)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Ratios of the mean distances of each lemma."""
        verbs = self.data
        x = vectors.in_context(verbs.text, verbs.span).astype(np.float64)
        lemma, meaning, tense = (np.array(column) for column in (verbs.lemma, verbs.meaning, verbs.tense))
        distances = []
        for name in dict.fromkeys(verbs.lemma):
            rows = np.flatnonzero(lemma == name)
            first, second = rows[np.stack(np.triu_indices(len(rows), 1))]  # every pair once
            distance = np.linalg.norm(x[first] - x[second], axis=1)
            same_tense, same_meaning = tense[first] == tense[second], meaning[first] == meaning[second]
            kinds = (same_tense & same_meaning, same_tense & ~same_meaning, ~same_tense & same_meaning)
            if all(kind.any() for kind in kinds):
                distances.append([distance[kind].mean() for kind in kinds])
        if not distances:
            raise ValueError(f"{self._data}: no lemma has pairs of all three kinds: ST-SM, ST-DM and DT-SM")
        st_sm, st_dm, dt_sm = np.array(distances).T  # (lemmas,) each
        ratios = (st_dm / dt_sm, st_dm / st_sm, dt_sm / st_sm)
        return [_means(subset, ratio) for subset, ratio in zip(RATIOS, ratios, strict=True)]


class FunctionWords(DataTask[Groups]):
    """Whether punctuation and function words have neighbours from other sentences than those built alike.

    For each occurrence of a word whose sentence has m others of its group with the same word: the share of its m
    nearest occurrences (Euclidean) that do not belong to the group. 0 is structure alone; a vector that knows nothing
    of structure has the share of all sentences outside the group.

    `path` is a file for `uncone.data.context.load_groups`; None is reported as not run. Of several of the `words` in a
    sentence, the last is taken. A ValueError, in `predict`, if a word does not occur twice in any group.
    """

    use = "words"
    load = staticmethod(lambda path, _: load_groups(_given(path, "groups")))

    def __init__(
        self, path: str | Path | None, words: Sequence[str] = (".", ",", "the", "a", "of"), name: str = "function_words"
    ) -> None:
        super().__init__(path, name)
        self._words = tuple(words)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Shares of every occurrence of each word."""
        return [_means(word, self._shares(vectors, word)) for word in self._words]

    def averages(self) -> tuple[Average, ...]:
        """The unweighted mean over words."""
        return (Average("macro", self._words),)

    def _shares(self, vectors: Vectors, word: str) -> np.ndarray:
        edges = (r"(?<!\w)", r"(?!\w)") if word[0].isalnum() else ("", "")
        pattern = re.compile(edges[0] + re.escape(word) + edges[1], re.IGNORECASE)
        found = [(i, list(pattern.finditer(text))) for i, text in enumerate(self.data.text)]
        places = {i: matches[-1].span() for i, matches in found if matches}
        group = np.array([self.data.group[i] for i in places])
        others = np.array([np.count_nonzero(group == name) - 1 for name in group], dtype=np.intp)
        if not others.any():
            raise ValueError(f"{self._data}: {word!r} does not stand in two sentences of any group")
        x = vectors.in_context([self.data.text[i] for i in places], list(places.values())).astype(np.float64)
        distance = cdist(x, x)  # (m, m)
        np.fill_diagonal(distance, np.inf)
        nearest = np.argsort(distance, axis=1, kind="stable")
        rows = np.flatnonzero(others)
        return np.array([np.mean(group[nearest[row, : others[row]]] != group[row]) for row in rows])


def _means(subset: str, values: np.ndarray) -> Prediction:
    """A subset whose figure is the mean of one number per item."""
    return Prediction(subset, np.zeros(len(values)), values, ("mean",))


def _given(path: str | Path | None, what: str) -> str | Path:
    if path is None:
        raise DataUnavailable(f"name a file of {what}; its columns are described in uncone/data/context.py")
    return path
