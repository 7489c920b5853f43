"""How large differences are, and which are sure: paired bootstrap, corrected after Holm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from uncone.statistics import Difference, difference, holm, percentile_interval
from uncone.study.figures import Figure
from uncone.tasks.scoring import SIGNIFICANT

KINDS = ("words", "sentences")
MACRO = "macro"


class Effect(NamedTuple):
    """What a system reaches on one figure, and what it gains over a reference.

    Attributes:
        value: macro Spearman of the system.
        ci_low: lower end of its 95 % interval.
        ci_high: upper end.
        gain: over the reference, with a 95 % interval and a p-value, not corrected.
        by_dataset: the gain on each data set.
        n: pairs that the figure rests on.
    """

    value: float
    ci_low: float
    ci_high: float
    gain: Difference
    by_dataset: dict[str, Difference]
    n: int

    @property
    def loses(self) -> bool:
        """Whether the system is surely worse. No correction: a warning may be one too many, a missed loss may not."""
        return self.gain.p_value < SIGNIFICANT and self.gain.difference < 0


class Replicates(NamedTuple):
    """Macro Spearman of one system on one figure: values (D,) of the data sets and their resamples (D, R)."""

    values: np.ndarray
    resampled: np.ndarray


def replicates(figure: Figure, systems: Mapping[str, np.ndarray], resamples: int, seed: int) -> dict[str, Replicates]:
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


def effect(figure: Figure, system: Replicates, reference: Replicates) -> Effect:
    """A system against a reference on one figure."""
    low, high = percentile_interval(system.resampled.mean(axis=0))
    gains = {
        name: difference(system.values[d], reference.values[d], system.resampled[d], reference.resampled[d])
        for d, name in enumerate(figure.cells)
    }
    value, other = float(system.values.mean()), float(reference.values.mean())
    gain = difference(value, other, system.resampled.mean(axis=0), reference.resampled.mean(axis=0))
    n = len(np.unique(np.concatenate([figure.items.pair[rows] for cells in figure.cells.values() for rows in cells])))
    return Effect(value, low, high, gain, gains, n)


def corrected(effects: Mapping[str, Effect]) -> dict[str, float]:
    """P-values of gains after Holm, as one family."""
    adjusted = holm(np.array([each.gain.p_value for each in effects.values()]))
    return dict(zip(effects, adjusted.tolist(), strict=True))
