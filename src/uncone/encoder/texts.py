"""What every encoder asks of the texts it is given, and which it runs through a model together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

CHARACTERS_PER_BLOCK = 1 << 19  # the token vectors of so much text take a few hundred MB
FILLED = 4  # a batch is worth running alone once it holds a quarter of the budget


def check_texts(texts: Sequence[str]) -> None:
    """Raise a ValueError if there is no text, or if `texts` is one string, which would be read letter by letter."""
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, got the one text {texts!r}: put it into a list")
    if not len(texts):
        raise ValueError("nothing to encode: the list of texts is empty")


def blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in lists whose token vectors fit into memory, read as they are asked for."""
    block, size = list[str](), 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= CHARACTERS_PER_BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def unique_texts(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """The distinct texts in order of first appearance, and the index (n,) of each text among them."""
    check_texts(texts)
    index = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return list(index), torch.tensor([index[text] for text in texts])


def check_known(texts: Sequence[str], known: Sequence[bool]) -> None:
    """Raise a ValueError that names the first text without a known token."""
    for text, is_known in zip(texts, known, strict=True):
        if not is_known:
            raise ValueError(f"no known token in {text!r}: it is empty or made of unknown pieces only; leave it out")


def make_batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Batches of texts of equal length as far as possible, longest first.

    Padding costs as much as text, so a batch ends where the texts get shorter, unless it is still so small that the
    device would idle. The longest come first: a batch too large for the memory fails at once.

    Args:
        token_budget: tokens per batch, padding included; a longer text is a batch of its own.

    Returns:
        For each batch the indices of its texts, by descending length.

    Example:
        >>> make_batches([3, 8, 3, 3, 3], token_budget=8)
        [[1], [0, 2], [3, 4]]
    """
    batches: list[list[int]] = []
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch:
            longest, padded = lengths[batch[0]], lengths[batch[0]] * len(batch)
            full = padded + longest > token_budget
            if full or (lengths[i] < longest and padded * FILLED >= token_budget):
                batches.append(batch)
                batch = []
        batch.append(i)
    return [*batches, batch] if batch else batches


def ranges(starts: Tensor, rows: Tensor) -> Tensor:
    """Indices of the tokens of some texts, one after another; text i has those from starts[i] up to starts[i + 1]."""
    counts = starts.diff()[rows]
    before = counts.cumsum(0) - counts
    return torch.repeat_interleave(starts[rows] - before, counts) + torch.arange(int(counts.sum()))
