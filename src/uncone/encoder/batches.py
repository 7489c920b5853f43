"""Which texts a model reads together, and how the tokens of a batch and its results travel to a device and back."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from uncone.support import distributed

logger = logging.getLogger(__name__)

FILLED = 4  # a batch is worth running alone once it holds a quarter of the budget
# Tokens at once: rows at which matrix products run at full speed. On one H200 a MiniLM in bfloat16 reads twice as many
# texts a second with 65 536 as with 2 048, and no more with four times as many.
CPU_BUDGET, ACCELERATOR_BUDGET = 2048, 65_536
FETCHED = 1 << 24  # numbers gathered on an accelerator before they are fetched: 64 MB

Made = TypeVar("Made")


class Batching:
    """How many texts a model reads at once: as many as its device works well with and has memory for.

    Args:
        name: of the encoder.
        token_budget: tokens per batch, padding included; None for what suits the device.
    """

    def __init__(self, name: str, token_budget: int | None = None):
        self.name, self.token_budget = name, token_budget
        self._bearable: int | None = None  # once memory has run out
        self._dealt = 0  # batches

    def run(
        self, lengths: Tensor, device: torch.device, read: Callable[[list[int]], Made], divided: bool = False
    ) -> Iterator[tuple[list[int], Made]]:
        """What `read` makes of each batch of the texts with these `lengths` (n,), and the rows of the batch.

        Where the device runs out of memory, work goes on in batches half as large. Divided among processes, each runs
        its share of the batches that one would run: all vectors are what they would be there, since rounding depends
        on the texts that share a batch.

        Raises:
            ValueError: if the memory does not suffice for one text alone.
        """
        budget = self.token_budget
        if budget is None:
            budget = CPU_BUDGET if device.type == "cpu" else ACCELERATOR_BUDGET
        batches = make_batches(lengths.numpy(), budget)
        if divided:  # in turn, also where there are fewer batches than processes at a time
            first = (distributed.rank() - self._dealt) % distributed.processes()
            self._dealt += len(batches)
            batches = batches[first :: distributed.processes()]
        if self._bearable is not None and self._bearable < budget:
            batches = self._smaller(batches, lengths)
        waiting = deque(batches)
        while waiting:
            rows = waiting[0]
            try:
                made = read(rows)
            except torch.OutOfMemoryError as error:
                self._halve(len(rows), int(lengths[rows[0]]), device, error)
                waiting = deque(self._smaller(waiting, lengths))
            else:
                waiting.popleft()
                yield rows, made

    def _smaller(self, batches: Iterable[list[int]], lengths: Tensor) -> list[list[int]]:
        """The texts of some batches, in batches that the memory bears."""
        rows = [row for batch in batches for row in batch]
        return [[rows[i] for i in batch] for batch in make_batches(lengths[rows].numpy(), self._bearable or 0)]

    def _halve(self, texts: int, longest: int, device: torch.device, error: torch.OutOfMemoryError) -> None:
        """Allow half of the tokens with which the device ran out of memory."""
        if texts == 1:
            raise ValueError(
                f"{self.name} runs out of memory on {device} with one text of {longest} tokens: lower max_length, or "
                f"take dtype bfloat16 or device cpu ({str(error).splitlines()[0]})"
            ) from error
        self._bearable = texts * longest // 2
        told = "%s ran out of memory on %s with %d tokens at once and goes on with %d: token_budget sets it"
        logger.warning(told, self.name, device, texts * longest, self._bearable)


def make_batches(lengths: Sequence[int] | np.ndarray, token_budget: int) -> list[list[int]]:
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
    lengths = np.asarray(lengths, dtype=np.int64)
    if not len(lengths):
        return []
    order = np.argsort(-lengths, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(lengths[order])) + 1, len(order))  # of texts of one length
    batches: list[list[int]] = []
    start = longest = 0  # of the batch that is being filled: its first text, and tokens of that
    for first, end in pairwise([0, *ends.tolist()]):
        length, place = int(lengths[order[first]]), first
        while place < end:
            if place == start:
                longest = length
            most = max(1, token_budget // longest) if longest else end - start
            if length < longest:
                most = min(most, -(-token_budget // (FILLED * longest)))
            if place - start < most:
                place = min(end, start + most)
            else:
                batches.append(order[start:place].tolist())
                start = place
    return [*batches, order[start:].tolist()]


def ranges(starts: Tensor, rows: Tensor) -> Tensor:
    """Indices of the tokens of some texts, one after another; text i has those from starts[i] up to starts[i + 1]."""
    counts = starts.diff()[rows]
    before = counts.cumsum(0) - counts
    return torch.repeat_interleave(starts[rows] - before, counts) + torch.arange(int(counts.sum()))


def pad(types: Tensor, lengths: Tensor, wanted: Tensor, filler: int) -> tuple[Tensor, Tensor | None, Tensor]:
    """Token types (t,) of n texts, one after another, as a rectangle (n, longest) that ends in fillers.

    Returns:
        The rectangle; whether a token of the text stands there, None if one does everywhere; and where in it, read row
        by row, the wanted ones are.
    """
    longest = int(lengths.max())
    if longest * len(lengths) == len(types):  # texts of one length
        return types.view(-1, longest), None, wanted.nonzero().squeeze(1)
    inside = torch.arange(longest) < lengths[:, None]
    padded = torch.full(inside.shape, filler)
    padded[inside] = types
    marks = torch.zeros_like(inside)
    marks[inside] = wanted
    return padded, inside, marks.flatten().nonzero().squeeze(1)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of main memory on a device; a GPU copies it while the program goes on."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def gather(
    batches: Iterable[tuple[list[int], Tensor]], device: torch.device, k: int, width: int, starts: Tensor
) -> Tensor:
    """Vectors of all batches and processes in the order of texts, in main memory.

    They are gathered on the device and fetched in large pieces: an accelerator is not waited for at each batch.

    Args:
        batches: rows of the batch, and their vectors (k, t, width) one text after another.
        device: that the vectors are on.
        starts: (n + 1,) where those of each text start in the result, and where the last ones end.
    """
    gathered = torch.zeros(k, int(starts[-1]), width)
    for portion in _portions(batches, 0 if device.type == "cpu" else FETCHED):
        places = torch.cat([ranges(starts, torch.tensor(rows)) for rows, _ in portion])
        gathered[:, places] = torch.cat([vectors for _, vectors in portion], 1).cpu()
    return distributed.add_up(gathered)


def _portions(batches: Iterable[tuple[list[int], Tensor]], size: int) -> Iterator[list[tuple[list[int], Tensor]]]:
    """Batches in lists that hold `size` numbers, or a batch more."""
    portion, held = list[tuple[list[int], Tensor]](), 0
    for rows, vectors in batches:
        portion.append((rows, vectors))
        held += vectors.numel()
        if held >= size:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion
