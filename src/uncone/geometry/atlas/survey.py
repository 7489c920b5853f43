"""One pass over occurrences, in which every layer under every removal is measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.atlas.occurrences import Batch, Occurrences
from uncone.geometry.atlas.sampled import Estimate, SampledMeasures, SampledSettings, text_weights
from uncone.geometry.atlas.store import plain
from uncone.geometry.atlas.sums import LayerSums
from uncone.removal import Correction, Removal
from uncone.support import distributed
from uncone.support.files import aside, writing

WEIGHTS_SHOWN = 100
MakeRemovals = Callable[[str, Tensor], Mapping[str, Correction]]
Progress = Callable[[Iterator[Batch], int], Iterator[Batch]]


class LayerMap(NamedTuple):
    """One layer under one removal, measured, as JSON values; `atlas.store` describes `curves` and `points` (m, 3)."""

    layer: str
    removal: str
    measures: dict[str, Estimate]
    curves: dict[str, Any]
    points: list[list[float]]


def survey(
    occurrences: Occurrences,
    make_removals: MakeRemovals,
    log10_frequency: np.ndarray,
    shown: np.ndarray,
    settings: SampledSettings,
    progress: Progress,
    scratch: Path | None = None,
) -> Iterator[LayerMap]:
    """Measure every layer under every removal; yields their maps in order of depth.

    A pilot over a random sample of texts gives the means and fits the removals; then one pass over it and all other
    occurrences feeds every layer and removal at once. What is kept does not grow with the corpus, and no text passes
    through the encoder twice.

    Several processes (see `uncone.support.distributed`) share the pass, but for the pilot, which each of them reads;
    then the maps: sums and sample of a map come together in one of them, which measures it. The first gets all maps.

    Args:
        make_removals: from a layer's name and pilot points (n, d) to removals by name.
        log10_frequency: (V,) of each type; NaN if unknown.
        shown: (m,) which of the sampled vectors the views show.
        progress: wraps the batches of the pass; it is told the number of occurrences to expect.
        scratch: folder for the sample, layers × sample × d × 4 bytes while this runs; None for the system's.
    """
    pilot = list(occurrences.pilot())
    removals: dict[str, Mapping[str, Correction]] = {}
    sums: dict[tuple[str, str], LayerSums] = {}
    for layer in occurrences.layers:
        points = torch.cat([batch.states[layer] for batch in pilot])
        removals[layer] = make_removals(layer, points.cpu())
        for name, removal in removals[layer].items():
            sums[layer, name] = LayerSums(len(occurrences.counts), removal.apply(points), occurrences.have_types)
    shape = len(occurrences.drawn.codes), points.shape[1]  # of the sample in a layer
    del points
    mine = list(distributed.share(pilot))[::-1]
    del pilot  # each batch goes when it has been counted
    stream = chain((mine.pop() for _ in range(len(mine))), occurrences.rest())

    resampled = text_weights(occurrences.drawn.texts, settings.resamples, settings.seed)

    def measured(layer: str, name: str, total: LayerSums, X: Tensor) -> LayerMap:
        drawn, removal = occurrences.drawn, removals[layer][name]
        frequency = log10_frequency[drawn.types]
        where = settings, resampled, occurrences.device
        sampled = SampledMeasures(X, drawn.types, drawn.texts, frequency, total.spectrum, *where)
        exact = {metric: Estimate(value, None, total.raw.n) for metric, value in total.measures().items()}
        weights = removal.weights[:WEIGHTS_SHOWN].tolist() if isinstance(removal, Removal) else []
        curves = {**total.curves(log10_frequency), **sampled.curves(shown), "weights": weights or None}
        return LayerMap(layer, name, exact | sampled.measures(), plain(curves), sampled.points(shown).tolist())

    with aside(scratch or Path(gettempdir()), "sample") as kept:

        def sample(layer: str, mode: Literal["r+", "w+"] = "r+") -> Tensor:
            # on disk, as all layers together may not fit into memory; mapped anew each time, so as to take up none
            return torch.from_numpy(np.memmap(kept / layer, np.float32, mode, shape=shape))

        for layer in occurrences.layers:
            sample(layer, "w+")
            if hasattr(os, "posix_fallocate"):  # a full disk is an error now, and would be the end of the process later
                with writing(kept), Path(kept, layer).open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, 4 * shape[0] * shape[1])
        for batch in progress(stream, int(occurrences.counts.sum()) // distributed.processes()):
            drawn = (batch.slots >= 0).nonzero()[:, 0]
            types, there = (x.to(occurrences.device) for x in (batch.types, drawn))
            for layer, X in batch.states.items():
                sample(layer)[batch.slots[drawn]] = X[there].cpu()
                for name, removal in removals[layer].items():
                    sums[layer, name].update(removal.apply(X), types)
        maps = list(sums)
        for start in range(0, len(maps), distributed.processes()):
            found: LayerMap | None = None
            for owner, (layer, name) in enumerate(maps[start : start + distributed.processes()]):
                total = sums.pop((layer, name))
                total.bring_together(owner)
                X = distributed.add_up(sample(layer).clone(), owner)  # each process read some
                if owner == distributed.rank():
                    map_here = layer, name, total, removals[layer][name].apply(X)
                del total, X
            if start + distributed.rank() < len(maps):
                found = measured(*map_here)
                del map_here
            for said in distributed.gather(found):
                if said and distributed.is_first():
                    each = LayerMap(*said)
                    yield each._replace(measures={key: Estimate(*value) for key, value in each.measures.items()})
