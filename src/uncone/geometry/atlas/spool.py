"""The sampled vectors of all layers, on disk until their layer is measured: together they may not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.atlas.occurrences import Batch
from uncone.support import distributed


class Spool:
    """Collects the drawn vectors of a stream, and gives back those of one layer at a time.

    Used as a context manager; its temporary files, in `folder`, go when it ends. Of several processes, each keeps what
    it has streamed.

    Example:
        >>> batch = Batch({"3": torch.tensor([[1.0], [2.0], [3.0]])}, torch.zeros(3), torch.tensor([1, -1, 0]))
        >>> with Spool(["3"]) as spool:
        ...     spool.add(batch)
        ...     spool.read("3")
        tensor([[3.],
                [1.]])
    """

    def __init__(self, layers: Sequence[str], folder: Path | None = None):
        self._folder = TemporaryDirectory(prefix="sample-", dir=folder)
        self._files = {layer: (Path(self._folder.name) / layer).open("w+b") for layer in layers}
        self._slots: list[Tensor] = []  # of the vectors, in the order of the files

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._folder.cleanup()

    def add(self, batch: Batch) -> None:
        """Keep the vectors of a batch that were drawn, in every layer."""
        rows = (batch.slots >= 0).nonzero()[:, 0]
        self._slots.append(batch.slots[rows])
        for layer, X in batch.states.items():
            self._files[layer].write(X[rows].numpy().astype(np.float32, copy=False).tobytes())

    def read(self, layer: str, to: int = 0) -> Tensor:
        """(m, d) float32 vectors of a layer, each in the slot of its draw; for one process of several."""
        file, slots = self._files[layer], torch.cat([torch.empty(0, dtype=torch.long), *self._slots])
        file.flush()
        file.seek(0)
        found = np.fromfile(file, dtype=np.float32)
        lengths, sizes = zip(*distributed.gather([len(slots), len(found)]), strict=True)
        X = torch.zeros(sum(lengths), sum(sizes) // sum(lengths))
        X[slots] = torch.from_numpy(found).reshape(len(slots), X.shape[1])
        return distributed.add_up(X, to)
