"""One encoder surveyed: every layer under every removal, in one pass over the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uncone.geometry.atlas.exact import exact_curves, exact_measures
from uncone.geometry.atlas.occurrences import Batch, Drawn, Occurrences
from uncone.geometry.atlas.sampled import Estimate, SampledMeasures, SampledSettings
from uncone.geometry.atlas.spool import Spool
from uncone.geometry.atlas.store import Sample, plain
from uncone.geometry.atlas.sums import LayerSums
from uncone.removal import Correction, Removal
from uncone.removal.spectrum import Spectrum
from uncone.support import distributed

VIEW_POINTS = 3000
WEIGHTS_SHOWN = 100
MakeRemovals = Callable[[str, Tensor], Mapping[str, Correction | None]]
Progress = Callable[[Iterator[Batch], int], Iterator[Batch]]


@dataclass(frozen=True)
class LayerMap:
    """One layer under one removal, measured.

    Attributes:
        layer: its name.
        removal: the removal's name, "none" for raw vectors.
        measures: every number, by name.
        curves: what is drawn; see `uncone.geometry.atlas.store`.
        points: (m, 3) coordinates of the points of the views.
    """

    layer: str
    removal: str
    measures: dict[str, Estimate]
    curves: dict[str, Any]
    points: np.ndarray

    def to_json(self) -> list[Any]:
        """The map as plain JSON values, curves rounded as they are written."""
        return [self.layer, self.removal, self.measures, plain(self.curves), self.points.tolist()]

    @classmethod
    def from_json(cls, said: list[Any]) -> LayerMap:
        """A map that another process has sent."""
        layer, removal, measures, curves, points = said
        estimates = {name: Estimate(*each) for name, each in measures.items()}
        return cls(layer, removal, estimates, curves, np.array(points, dtype=np.float32))


def survey(
    occurrences: Occurrences,
    make_removals: MakeRemovals,
    log10_frequency: np.ndarray,
    shown: np.ndarray,
    settings: SampledSettings,
    progress: Progress,
    scratch: Path | None = None,
) -> Iterator[LayerMap]:
    """Measure every layer under every removal.

    A pilot over a random sample of texts gives the means and fits the removals; then one pass over all occurrences
    feeds every layer and removal at once. What is kept does not grow with the corpus.

    Several processes share the pass, then the maps: sums and sample of a map come together in one of them, which
    measures it. The pilot is read by each of them.

    Args:
        occurrences: the vectors, as a stream.
        make_removals: from a layer's name and pilot points (n, d) to removals by name; None stands for raw vectors.
        log10_frequency: (V,) of each type; NaN if unknown.
        shown: (m,) which of the sampled vectors the views show.
        settings: of the sampled measures.
        progress: wraps the batches of the pass; it is told the number of occurrences to expect.
        scratch: folder for the sample, layers × sample × d × 4 bytes while this runs; None for the system's.

    Yields:
        A map for each layer and removal, in order of depth; of several processes, all to the first.
    """
    pilot: dict[str, list[Tensor]] = {layer: [] for layer in occurrences.layers}
    for batch in occurrences.pilot():
        for layer, X in batch.states.items():
            pilot[layer].append(X)
    removals: dict[str, Mapping[str, Correction | None]] = {}
    sums: dict[tuple[str, str], LayerSums] = {}
    for layer in occurrences.layers:
        points = torch.cat(pilot.pop(layer))
        removals[layer] = make_removals(layer, points)
        for name, removal in removals[layer].items():
            sums[layer, name] = LayerSums(len(occurrences.counts), *_centre(points, removal))
    drawn = occurrences.drawn
    with Spool(occurrences.layers, scratch) as spool:
        for batch in progress(occurrences.stream(), int(occurrences.counts.sum()) // distributed.processes()):
            spool.add(batch)
            for layer, X in batch.states.items():
                for name, removal in removals[layer].items():
                    sums[layer, name].update(X if removal is None else removal.apply(X), batch.types)
        maps = list(sums)
        for start in range(0, len(maps), distributed.processes()):
            work: Callable[..., LayerMap] | None = None
            for owner, (layer, name) in enumerate(maps[start : start + distributed.processes()]):
                total, removal = sums.pop((layer, name)), removals[layer][name]
                total.bring_together(owner)
                X = spool.read(layer, owner)
                if owner == distributed.rank():
                    work = partial(_measured, layer, name, removal, total, X)
            yield from _for_the_first(None if work is None else work(drawn, log10_frequency, shown, settings))


def _measured(
    layer: str,
    name: str,
    removal: Correction | None,
    total: LayerSums,
    X: Tensor,
    drawn: Drawn,
    log10_frequency: np.ndarray,
    shown: np.ndarray,
    settings: SampledSettings,
) -> LayerMap:
    """The map of one layer under one removal, from its sums and the raw sampled vectors X (n, d)."""
    X = X if removal is None else removal.apply(X)
    sampled = SampledMeasures(X, drawn.types, drawn.texts, log10_frequency[drawn.types], total.spectrum, settings)
    n = total.raw.n
    exact = {metric: Estimate(value, None, n) for metric, value in exact_measures(total).items()}
    return LayerMap(
        layer,
        name,
        exact | sampled.measures(),
        {**exact_curves(total, log10_frequency), **sampled.curves(shown), "weights": _weights(removal)},
        sampled.points(shown),
    )


def _for_the_first(mine: LayerMap | None) -> Iterator[LayerMap]:
    """The maps that the processes have measured, in the order of their ranks, in the first of them."""
    if distributed.processes() == 1 and mine is not None:
        yield mine
        return
    for said in distributed.gather(None if mine is None else mine.to_json()):
        if said is not None and distributed.is_first():
            yield LayerMap.from_json(said)


def _centre(points: Tensor, removal: Correction | None) -> tuple[Tensor, float]:
    """The pilot's mean (d,) and root mean square distance to it, as the removal leaves its points (n, d)."""
    spectrum = Spectrum.fit(points if removal is None else removal.apply(points))
    return spectrum.mean.float(), float(spectrum.covariance.trace().sqrt())


def _weights(removal: Correction | None) -> list[float] | None:
    if not isinstance(removal, Removal) or not len(removal.weights):
        return None
    weights: list[float] = removal.weights[:WEIGHTS_SHOWN].tolist()
    return weights


def view_points(types: np.ndarray, groups: Sequence[np.ndarray], seed: int, size: int = VIEW_POINTS) -> np.ndarray:
    """Which of the sampled vectors (n,) the views show: those of chosen words first, then a random choice.

    Args:
        types: (n,) word type of each.
        groups: the types of each group of words.
        seed: of the choice.
        size: how many at most.

    Returns:
        (m,) indices, ascending.

    Example:
        >>> view_points(np.array([5, 6, 7, 5]), [np.array([5])], seed=0, size=2).tolist()
        [0, 3]
    """
    chosen = np.isin(types, np.concatenate([np.empty(0, dtype=np.int64), *groups]))
    order = np.random.default_rng(seed).permutation(len(types))
    order = order[np.argsort(~chosen[order], kind="stable")]
    return np.sort(order[:size])


def view_sample(
    occurrences: Occurrences,
    shown: np.ndarray,
    pieces: Sequence[str],
    log10_frequency: np.ndarray,
    words: Sequence[Sequence[str]],
    groups: Sequence[np.ndarray],
) -> Sample:
    """What the points of the views stand for.

    Args:
        occurrences: from which they were drawn.
        shown: (m,) which of the sampled vectors.
        pieces: (V,) names of the types.
        log10_frequency: (V,) of each type.
        words: the word groups, as asked for.
        groups: the types of each of them.
    """
    drawn = occurrences.drawn
    types = drawn.types[shown]
    group_of = {int(t): g for g, members in enumerate(groups) for t in members}
    texts = drawn.texts[shown] if occurrences.sentences else None
    kept = np.unique(texts) if texts is not None else np.empty(0, dtype=np.int64)
    return Sample(
        token=[pieces[t] for t in types],
        type=types.tolist(),
        log10_frequency=log10_frequency[types].tolist(),
        group=[group_of.get(int(t)) for t in types],
        sentence=np.searchsorted(kept, texts).tolist() if texts is not None else [None] * len(types),
        span=list(occurrences.spans(shown)),
        sentences=[occurrences.sentences[int(i)] for i in kept],
        groups=[list(group) for group in words],
    )


def word_groups(pieces: Sequence[str], words: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The token types of each group of words, case ignored; a word of several pieces has none.

    Example:
        >>> [group.tolist() for group in word_groups(["monday", "Monday", "one"], [["Monday"], ["one", "eleventeen"]])]
        [[0, 1], [2]]
    """
    wanted = [{word.casefold() for word in group} for group in words]
    return [
        np.array([i for i, piece in enumerate(pieces) if piece.casefold() in group], dtype=np.int64) for group in wanted
    ]
