"""Sentences that stand next to each other in running text: what a label-free objective pulls together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_BOUNDARY = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["')\]]))\s+(?=["'(\[]?[A-Z0-9])""")
SHORTEST = 20  # characters; below that a sentence says too little to tell its neighbours from others


def split_sentences(text: str) -> list[str]:
    """Cut text at full stops, question and exclamation marks that a capital or a digit follows.

    Example:
        >>> split_sentences("It rained. Dr No stayed at home!  Did he?")
        ['It rained.', 'Dr No stayed at home!', 'Did he?']
    """
    return [sentence for part in _BOUNDARY.split(text) if (sentence := part.strip())]


def neighbouring_sentences(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Distinct pairs of sentences that follow each other in a text.

    Args:
        texts: paragraphs or documents.

    Example:
        >>> neighbouring_sentences(["The cat sat on the mat. The dog lay beside it all day."])
        [('The cat sat on the mat.', 'The dog lay beside it all day.')]
    """
    pairs = dict.fromkeys(
        (first, second)
        for sentences in map(split_sentences, texts)
        for first, second in pairwise(sentences)
        if min(len(first), len(second)) >= SHORTEST and first != second
    )
    return list(pairs)
