"""What is learned from running text: sentences that stand next to each other, and views of them.

A view is another text that says the same, as far as it lies in its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from uncone.data.corpora import split_sentences
from uncone.encoder.frequency import word_probabilities
from uncone.support.sampling import draw

SHORTEST = 20  # characters; below that a sentence says too little to tell its neighbours from others
MOST_PAIRS = 25_000  # of a corpus: twice those of the packaged one. The vectors of all are in memory
SMOOTHING = 1e-2  # a of a / (a + p)


def neighbouring_sentences(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Distinct pairs of sentences that follow each other in a text; of more than `MOST_PAIRS`, a random sample.

    Args:
        texts: paragraphs or documents, read as a stream.

    Example:
        >>> neighbouring_sentences(["The cat sat on the mat. The dog lay beside it all day."])
        [('The cat sat on the mat.', 'The dog lay beside it all day.')]
    """
    pairs = (
        (first, second)
        for sentences in map(split_sentences, texts)
        for first, second in pairwise(sentences)
        if min(len(first), len(second)) >= SHORTEST and first != second
    )
    return list(dict.fromkeys(draw(pairs, MOST_PAIRS, seed=0)))


def bag_views(sentences: Sequence[str], seed: int) -> list[str]:
    """The words of each sentence in random order, frequent ones left out at random.

    A word of probability p stays with probability a / (a + p), the weight that smooth inverse frequency (Arora, Liang
    & Ma 2017, A simple but tough-to-beat baseline for sentence embeddings) gives it. With a = 0.01, ten times theirs,
    most of "the" go, but pronouns stay more often than not: what tells "he" from "she" is no noise. Whatever sets the
    vectors of a sentence and of its view apart is order, position and function words. A sentence of which no word would
    stay keeps them all.

    Args:
        sentences: n texts, in which blanks separate words.
        seed: of order and choice.

    Example:
        >>> bag_views(["the ocelot of the jungle"], seed=1)
        ['jungle ocelot']
    """
    rng = np.random.default_rng(seed)
    views = []
    for sentence in sentences:
        words = sentence.split()
        rng.shuffle(words)
        p = word_probabilities([re.sub(r"\W", "", word).lower() for word in words])
        stays = rng.random(len(words)) < SMOOTHING / (SMOOTHING + p)
        views.append(" ".join(word for word, kept in zip(words, stays, strict=True) if kept) or " ".join(words))
    return views
