"""Word analogies: is the answer to "a is to b as c is to what?" the word that the offset of vectors points at?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from uncone.data.analogies import Analogies, is_syntactic, load_analogies
from uncone.encoder.word_vectors import has_no_capitals
from uncone.removal.vectors import Vectors
from uncone.support.wording import unknown
from uncone.tasks.base import DataTask, Prediction

METHODS = ("3cosadd", "3cosmul")

_EPSILON = 1e-6  # keeps 3CosMul's quotient finite; the value that gensim uses
_BLOCK = 8192  # candidates compared at once: 30 MB for the 905 words of the Google questions


class Analogy(DataTask[Analogies]):
    """Accuracy on word analogy questions.

    With unit vectors and x over the vocabulary without the three words of the question, the answer is

    - 3CosAdd: argmax cos(x, b) − cos(x, a) + cos(x, c) (Mikolov et al. 2013, arXiv 1301.3781),
    - 3CosMul: argmax cos'(x, b) cos'(x, c) / (cos'(x, a) + ε) with cos' = (1 + cos) / 2 (Levy and Goldberg 2014,
      equation 4 and footnote 7).

    Questions with a word that is no entry of the vocabulary are left out and counted in "coverage". Subsets reported:
    each category, "semantic", "syntactic" and "total", over questions.

    Args:
        questions, data_dir: "google", "liang" or a path, for `uncone.data.load_analogies`.
        method: "3cosadd" or "3cosmul".
        name: of the task in the results; None takes the questions and the method, such as "google_3cosadd".
        fold_case: match words whatever their case; of several variants of a word the first in the vocabulary gives the
            vector, and any is a right answer (as gensim does). None folds where no word there is capitalised.

    A ValueError if the method is unknown.
    """

    use = "words"
    load = staticmethod(load_analogies)

    def __init__(
        self,
        questions: str | Path = "google",
        method: str = "3cosadd",
        name: str | None = None,
        data_dir: str | Path | None = None,
        fold_case: bool | None = None,
    ) -> None:
        if method not in METHODS:
            raise unknown("analogy method", method, METHODS)
        super().__init__(questions, name or f"{Path(questions).stem}_{method}", data_dir)
        self._method = method
        self._fold_case = fold_case

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Answer all questions whose four words are in the vocabulary."""
        questions = self.data
        words, table = vectors.vocabulary()
        fold_case = self._fold_case
        if fold_case is None:
            fold_case = has_no_capitals(words)
        fold = str.lower if fold_case else str
        form_number: dict[str, int] = {}  # a form is a word whatever its case
        forms = np.array([form_number.setdefault(fold(word), len(form_number)) for word in words])  # (V,)
        asked = np.array(
            [
                [form_number.get(fold(word), -1) for word in column]
                for column in (questions.a, questions.b, questions.c, questions.d)
            ]
        ).T  # (N, 4) form of each word, -1 if unknown
        covered = np.all(asked >= 0, axis=1)  # (N,)
        gold = asked[covered, 3]
        predicted = answer(table, forms, asked[covered, :3], self._method)

        category = np.array(questions.category)
        syntactic = np.array([is_syntactic(name) for name in questions.category])
        subsets = {"total": np.ones(len(category), dtype=bool), "semantic": ~syntactic, "syntactic": syntactic}
        subsets |= {name: np.equal(category, name) for name in questions.categories}
        return [
            Prediction(name, gold[rows[covered]], predicted[rows[covered]], ("accuracy",), covered[rows])
            for name, rows in subsets.items()
            if rows.any()
        ]


def answer(table: np.ndarray, forms: np.ndarray, questions: np.ndarray, method: str = "3cosadd") -> np.ndarray:
    """The answers to analogy questions.

    A question needs no product of its own. The words of all questions are few, so their cosines with the vocabulary
    are computed once, and each question adds three rows of them. For 3CosMul the rows are logarithms, whose sum has
    its maximum where the product has.

    Args:
        table: (V, d) vectors of the vocabulary.
        forms: (V,) number of each vocabulary word's form; entries of one form are variants of one word.
        questions: (n, 3) forms a, b, c of each question.

    Returns (n,) forms of the answers; of equal scores, the first in the vocabulary. A ValueError if a vector holds NaN
    or infinity.
    """
    bad = np.flatnonzero(~np.isfinite(table.sum(axis=1)))
    if len(bad):
        raise ValueError(f"the vocabulary holds NaN or infinity, first in row {bad[0]}")
    distinct, places = np.unique(questions, return_inverse=True)  # the q forms that occur
    places = places.reshape(questions.shape)
    known, first = np.unique(forms, return_index=True)
    entries = first[np.searchsorted(known, distinct)]  # (q,) the first variant of each
    norms = np.linalg.norm(table, axis=1)  # (V,)
    norms[norms == 0] = 1.0  # a nil vector has cosine 0 with everything
    queries = table[entries] / norms[entries, None]  # (q, d)
    place_of_form = np.full(forms.max() + 1, -1)
    place_of_form[distinct] = np.arange(len(distinct))
    pairs, pair = np.unique(places[:, :2], axis=0, return_inverse=True)  # in the Google set, some thirty share one
    shared = [np.flatnonzero(pair.ravel() == i) for i in range(len(pairs))]

    best = np.full(len(questions), -np.inf, dtype=np.float32)
    answers = np.zeros(len(questions), dtype=np.intp)
    for start in range(0, len(table), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosine = queries @ (table[rows] / norms[rows, None]).T  # (q, b)
        plus, minus = _terms(cosine, method)
        # A candidate that is a word of the question must not win: its own row sends the sum to minus infinity.
        place = place_of_form[forms[rows]]  # (b,)
        inputs = np.flatnonzero(place >= 0)
        plus[place[inputs], inputs] = -np.inf
        minus[place[inputs], inputs] = np.inf
        for (a, b), of_pair in zip(pairs, shared, strict=True):
            score = plus[places[of_pair, 2]]  # (m, b)
            score += plus[b] - minus[a]
            top = score.argmax(axis=1)
            top_score = score[np.arange(len(top)), top]
            better = top_score > best[of_pair]
            best[of_pair[better]] = top_score[better]
            answers[of_pair[better]] = start + top[better]
    return forms[answers]


def _terms(cosine: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    """What a word adds to a candidate's score as b or c, and what it takes from it as a; (q, b) each."""
    if method == "3cosadd":
        return cosine.copy(), cosine
    shifted = np.maximum(0.5 * cosine + 0.5, np.finfo(cosine.dtype).tiny)  # rounding may have left it below 0
    return np.log(shifted), np.log(shifted + _EPSILON)
