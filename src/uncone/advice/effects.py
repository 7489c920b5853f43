"""How large differences are, and which are sure: paired bootstrap, corrected after Holm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from uncone.advice.figures import Figure
from uncone.tasks.row import SIGNIFICANT
from uncone.tasks.statistics import Difference, Estimate, holm

KINDS = ("words", "sentences")
BOTH = "both"  # the mean of the two figures
MACRO = "macro"


class Effect(NamedTuple):
    """What a system reaches on one figure, and what it gains over a reference.

    Attributes:
        value: the figure of the system.
        low: lower end of its 95 % interval.
        high: upper end.
        gain: over the reference, with a 95 % interval and a p-value, not corrected.
        by_dataset: the gain on each data set; none on the mean of both figures.
        n: pairs that the figure rests on.
    """

    value: float
    low: float
    high: float
    gain: Difference
    by_dataset: dict[str, Difference]
    n: int

    @property
    def gains(self) -> bool:
        """Whether the system is better, as far as this comparison alone can tell."""
        return self.gain.p_value < SIGNIFICANT and self.gain.difference > 0

    @property
    def loses(self) -> bool:
        """Whether the system is surely worse. No correction: a warning may be one too many, a missed loss may not."""
        return self.gain.p_value < SIGNIFICANT and self.gain.difference < 0


class Replicates(NamedTuple):
    """Macro Spearman of one system on one figure: values (D,) of the data sets and their resamples (D, R)."""

    values: np.ndarray
    resampled: np.ndarray


def replicates(
    figure: Figure, systems: Mapping[str, np.ndarray], resamples: int, seed: int | list[int]
) -> dict[str, Replicates]:
    """Measure systems, each the cosines (N,) of all items, on resamples that they share.

    Systems without a defined value (the same cosine for all pairs of a cell) are left out.
    """
    stacked = np.stack(list(systems.values()))
    values = figure.by_dataset(stacked)[:, :, 0]  # (D, S)
    resampled = figure.resampled(stacked, resamples, seed)  # (D, S, R)
    return {
        name: Replicates(values[:, s], resampled[:, s])
        for s, name in enumerate(systems)
        if not np.isnan(values[:, s]).any()
    }


def effects(
    figures: Mapping[str, Figure], system: Mapping[str, Replicates], reference: Mapping[str, Replicates]
) -> dict[str, Effect]:
    """A system against a reference: on each kind of pairs, and on the mean of the kinds ("both")."""
    found = {}
    for kind, figure in figures.items():
        own, other = system[kind], reference[kind]
        by_dataset = {
            name: Estimate(own.values[d], own.resampled[d]).minus(Estimate(other.values[d], other.resampled[d]))
            for d, name in enumerate(figure.cells)
        }
        found[kind] = _effect(own, other, by_dataset, figure.pairs_tested)
    own, other = (
        Replicates(
            np.stack([each[kind].values.mean(axis=0) for kind in figures]),
            np.stack([each[kind].resampled.mean(axis=0) for kind in figures]),
        )
        for each in (system, reference)
    )
    found[BOTH] = _effect(own, other, {}, sum(each.n for each in found.values()))
    return found


def _effect(system: Replicates, reference: Replicates, by_dataset: dict[str, Difference], n: int) -> Effect:
    own, other = (Estimate(float(each.values.mean()), each.resampled.mean(axis=0)) for each in (system, reference))
    return Effect(own.value, *own.interval, own.minus(other), by_dataset, n)


def corrected(effects: Mapping[str, Effect]) -> dict[str, float]:
    """P-values of gains after Holm, as one family."""
    return holm({name: each.gain.p_value for name, each in effects.items()})
