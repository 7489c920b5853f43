"""What a model reads of texts: tokenised, checked, and truncated with a word about it."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from uncone.encoder.pieces import Tokens, read_tokens, unknown_piece
from uncone.encoder.texts import check_known, check_texts
from uncone.support.arrays import one_thread

logger = logging.getLogger(__name__)

# Characters of texts tokenised together, while the model reads the portion before: some batches of an accelerator.
PORTION = 1 << 19
AHEAD = 2  # portions that wait for the model

T = TypeVar("T")


class TextReader:
    """A tokenizer that puts special tokens around texts, and knows how many tokens its model reads.

    Args:
        tokenizer: a fast one of transformers.
        max_length: tokens of a text that the model reads, special ones included.
    """

    def __init__(self, tokenizer: Any, max_length: int):
        self.tokenizer, self.max_length = tokenizer, max_length
        self.unknown = unknown_piece(tokenizer)

    def read(self, texts: Sequence[str]) -> Tokens:
        """The tokens of texts; says how many texts were truncated."""
        tokens = read_tokens(self.tokenizer, texts, self.max_length)
        self._tell_truncated(tokens.truncated, len(texts))
        return tokens

    def checked(self, texts: Sequence[str], prompt: str = "") -> Tokens:
        """`read` of texts that each have a token, with a prompt before them; else a ValueError."""
        check_texts(texts)
        _check_written(texts)
        tokens = self.read([prompt + text for text in texts] if prompt else texts)
        _check_read(texts, tokens)
        return tokens

    def portions(
        self, texts: Sequence[str], prompt: str = "", in_thread: bool = False
    ) -> Iterator[tuple[list[int], Tokens]]:
        """`checked` texts in portions, long ones first.

        In a thread, each is tokenised while its predecessors are worked on, and who takes them leaves the tokenizer
        alone meanwhile. That is for models on an accelerator: on a CPU they use all cores, and would lose a tenth of
        their speed to a second set of threads.

        Yields the rows of a portion in `texts`, and its tokens.
        """
        _check_written(texts)
        truncated = unknown = 0

        def tokenised() -> Iterator[tuple[list[int], Tokens]]:
            nonlocal truncated, unknown
            for rows in _portions(texts):
                asked = [prompt + texts[i] for i in rows] if prompt else [texts[i] for i in rows]
                tokens = read_tokens(self.tokenizer, asked, self.max_length)
                _check_read(asked, tokens)
                truncated += tokens.truncated
                if self.unknown is not None and (tokens.types == self.unknown).any():
                    unknown += int((tokens.counts(~tokens.special & (tokens.types != self.unknown)) == 0).sum())
                yield rows, tokens

        yield from ahead(tokenised()) if in_thread else tokenised()
        self._tell_truncated(truncated, len(texts))
        if unknown:
            logger.warning("%d of %d texts are made of unknown pieces only", unknown, len(texts))

    def tokens_of(self, prompt: str) -> int:
        """How many tokens a prompt puts at the start of a text."""
        (types,) = self.tokenizer([prompt])["input_ids"]
        return len(types) - (types[-1] in self.tokenizer.all_special_ids)  # what ends a text is not its end

    def _tell_truncated(self, truncated: int, texts: int) -> None:
        if truncated:
            logger.warning("%d of %d texts were truncated to %d tokens", truncated, texts, self.max_length)


def _portions(texts: Sequence[str]) -> list[list[int]]:
    """Rows of texts in portions, the longest first."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    order = np.argsort(-lengths, kind="stable")
    number = lengths[order].cumsum() // PORTION
    return [rows.tolist() for rows in np.split(order, np.flatnonzero(np.diff(number)) + 1)]


def _check_written(texts: Sequence[str]) -> None:
    if not all(map(str.strip, texts)):
        check_known(texts, [bool(text.strip()) for text in texts])


def _check_read(texts: Sequence[str], tokens: Tokens) -> None:
    has_token: Tensor = tokens.counts(~tokens.special) > 0
    if not has_token.all():
        check_known(texts, has_token.tolist())


@contextmanager
def beside_a_thread() -> Iterator[None]:
    """Give work to an accelerator while a thread tokenises, and neither waits long for the other.

    Many threads for the little that is left to compute here would take turns with those of the tokenizer, and Python
    lets one of its own threads run for 5 ms before another: as long as an accelerator takes for a whole batch.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 10)
    try:
        with one_thread():
            yield
    finally:
        sys.setswitchinterval(before)


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Items, made in a thread of their own while those before them are worked on.

    Example:
        >>> list(ahead(len(word) for word in ["a", "bc"]))
        [1, 2]
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(list, islice(source, 1)) for _ in range(AHEAD))
        while found := coming.popleft().result():  # nothing is found at the end
            coming.append(thread.submit(list, islice(source, 1)))
            yield from found
