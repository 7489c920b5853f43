"""Texts cut into windows, which a survey reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A sentence ends at ., ! or ?, with what closes a quotation, before a space and what can begin the next sentence.
_SENTENCE_END = re.compile(r"""(?<=[.!?])\s+(?=["'(\[“‘]?[A-Z0-9])|(?<=[.!?]["')\]”’])\s+(?=["'(\[“‘]?[A-Z0-9])""")


@dataclass(frozen=True)
class Windows:
    """Texts cut into windows of whole sentences, as many as fit into so many `words`; cut anew each time they are read.

    A window never spans two texts. A sentence longer than a window is cut where the window is full. Windows without a
    letter or digit are left out, since no tokenizer is sure to find a token in them.
    """

    texts: Iterable[str]
    words: int = 64

    def __post_init__(self) -> None:
        if self.words < 1:
            raise ValueError(f"a window needs at least 1 word, got words={self.words}")

    def __iter__(self) -> Iterator[str]:
        """Read the texts from the start."""
        for text in self.texts:
            joined = (" ".join(window) for window in self._cut(text))
            yield from (window for window in joined if any(character.isalnum() for character in window))

    def _cut(self, text: str) -> Iterator[list[str]]:
        window: list[str] = []
        for sentence in _SENTENCE_END.split(text):
            pending = sentence.split()
            if len(window) + len(pending) > self.words and window:
                yield window
                window = []
            while len(pending) > self.words:
                yield pending[: self.words]
                pending = pending[self.words :]
            window += pending
        yield window
