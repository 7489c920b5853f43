"""Text cut into windows of whole sentences, as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A sentence ends at ., ! or ?, with what closes a quotation, before a space and what can begin the next sentence.
_SENTENCE_END = re.compile(r"""(?<=[.!?])\s+(?=["'(\[“‘]?[A-Z0-9])|(?<=[.!?]["')\]”’])\s+(?=["'(\[“‘]?[A-Z0-9])""")


def windows(texts: Iterable[str], words: int = 64) -> Iterator[str]:
    """Cut each text into windows of whole sentences, as many as fit into so many words.

    A window never spans two texts. A sentence longer than a window is cut where the window is full. Windows without a
    letter or digit are left out, since no tokenizer is sure to find a token in them.

    Args:
        texts: documents, paragraphs or lines.
        words: limit on the whitespace-separated words of a window, at least 1.

    Raises:
        ValueError: if `words` is below 1.

    Example:
        >>> list(windows(["One two. Three four five. Six."], words=5))
        ['One two. Three four five.', 'Six.']
    """
    if words < 1:
        raise ValueError(f"a window needs at least 1 word, got words={words}")
    for text in texts:
        window: list[str] = []
        for sentence in _SENTENCE_END.split(text):
            pending = sentence.split()
            if len(window) + len(pending) > words and window:
                yield from _joined(window)
                window = []
            while len(pending) > words:
                yield from _joined(pending[:words])
                pending = pending[words:]
            window += pending
        yield from _joined(window)


@dataclass(frozen=True)
class Windows:
    """The windows of texts, cut anew each time they are read.

    Attributes:
        texts: can be read several times.
        words: see `windows`.
    """

    texts: Iterable[str]
    words: int = 64

    def __iter__(self) -> Iterator[str]:
        """Read the texts from the start."""
        return windows(self.texts, self.words)


def _joined(words: list[str]) -> Iterator[str]:
    text = " ".join(words)
    if any(character.isalnum() for character in text):
        yield text
