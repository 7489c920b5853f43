"""One command in several processes: which part of the work is whose, and how the parts come together again.

All processes run the same program in the same order. Where the work is worth dividing, each does its share and all
get the whole back; everything else is done by each alike, and only the first process prints and writes. Divided are

- reading texts with an encoder: each process runs its share of the very batches that one process would run, so that
  the features are the same bit for bit (`uncone.encoder.transformer`);
- spectra: each process sums its share of the rows, and moments merge exactly (`Spectrum.fit_divided`);
- measures: the probe of a training run goes by measures, a survey by blocks of its corpus, then by maps.

Not divided is learning itself. A step is a few products of matrices of a few MB: to send gradients around would take
longer than to compute them, and a correlation over a batch is no sum over its parts. So every process trains the same
weights from the same batches and seeds, and what it learns is what one process learns.

Processes need no shared file system. They send each other tensors and JSON, never pickled objects, and always from the
main memory, by gloo; training on GPUs has nccl beside it.

Nothing is divided until a program says so with `join`, whatever process groups there are.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

# A process that dies breaks its connections, and the others fail at once. Only one that hangs is waited for so long: no
# share of work keeps the others waiting for hours.
TIMEOUT = timedelta(hours=2)
_TORCHRUN_SETS = ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
_ELEMENTS = 1 << 24  # of a tensor sent at once, which bounds the memory beside it

T = TypeVar("T")
_joined = False
_starter = os.getppid()


class ProcessLost(Exception):
    """Another process has ended in the middle of common work, for reasons that it gives itself."""


@contextmanager
def join() -> Iterator[None]:
    """Divide work among the processes that torchrun has started, as long as the context lasts; else do nothing.

    An environment that asks for several processes which torchrun has not started is a ValueError.
    """
    global _joined
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    missing = [name for name in _TORCHRUN_SETS if name not in os.environ]
    if missing:
        raise ValueError(f"WORLD_SIZE asks for processes without {', '.join(missing)}: start them with torchrun")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    threading.Thread(target=_end_with_starter, daemon=True).start()
    own = not dist.is_initialized()
    if own:
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=TIMEOUT)
    _joined = True
    try:
        yield
    finally:
        _joined = False
    if own:  # not after an error: the others may be waiting for this process elsewhere
        dist.destroy_process_group()


def _end_with_starter() -> None:
    """End this process when torchrun is gone, even killed: nobody would end it if another one failed."""
    while os.getppid() == _starter:
        time.sleep(1)
    os._exit(1)


def processes() -> int:
    """How many processes share the work: 1 unless they have joined."""
    return dist.get_world_size() if _joined else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if _joined else 0


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return rank() == 0


def share(items: Sequence[T]) -> Sequence[T]:
    """This process's share of a sequence: every P-th of P processes, so that a sorted one is shared evenly."""
    return items[rank() :: processes()]


def share_of_rows(n: int) -> slice:
    """This process's share of n rows: contiguous, as evenly as it goes, empty for some if there are too few."""
    return slice(n * rank() // processes(), n * (rank() + 1) // processes())


def add_up(tensor: Tensor, to: int | None = None) -> Tensor:
    """Sum of a tensor over processes, in place.

    Where all but one process hold a zero, this brings what each has computed to all of them, to the bit.

    Args:
        tensor: contiguous, in main memory, of one shape and type everywhere.
        to: the process that gets the sum, and whose tensor alone means something afterwards; None for all.
    """
    if processes() > 1:
        for part in tensor.view(-1).split(_ELEMENTS):
            with _lost():
                _ = dist.all_reduce(part) if to is None else dist.reduce(part, to)
    return tensor


def gather_tensors(tensor: Tensor) -> list[Tensor]:
    """The tensors of all processes, of one shape and type, in the order of their ranks."""
    if processes() == 1:
        return [tensor]
    found = [torch.empty_like(tensor) for _ in range(processes())]
    with _lost():
        dist.all_gather(found, tensor.contiguous())
    return found


def gather(value: Any) -> list[Any]:
    """What each process has to say, plain JSON values, in the order of their ranks; floats arrive to the bit."""
    if processes() == 1:
        return [value]
    data = json.dumps(value).encode()
    sizes = [int(size) for size in gather_tensors(torch.tensor(len(data)))]
    padded = torch.frombuffer(bytearray(data.ljust(max(sizes))), dtype=torch.uint8)
    return [json.loads(bytes(part.numpy())) for part in gather_tensors(padded)]


def from_first(value: T) -> T:
    """What the first process has to say, a plain JSON value; what the others pass makes no difference."""
    said: T = gather(value if is_first() else None)[0]
    return said


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo has no other word for a broken connection
        raise ProcessLost(f"another process of this run has ended, or is not to be reached ({error})") from error
