"""One judgement over all tasks: what a removal makes better, what worse, and what cannot be told.

Tasks are told by what they stand for (`uncone.tasks.row.USES`). No mean is taken over them: a task that surely gets
worse is named, whatever others gain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

from uncone.geometry.calibration import Calibration
from uncone.support.wording import enumerated
from uncone.tasks.row import Row
from uncone.tasks.scoring import MAJORITY
from uncone.tasks.statistics import LOWER_IS_BETTER
from uncone.tasks.table import headlines

Outcome = Literal["helps", "hurts", "helps some tasks and hurts others", "changes nothing for sure"]


class Change(NamedTuple):
    """What a removal does to a task: how much better its headline figure is than raw, and whether that is sure."""

    use: str
    task: str
    gain: float
    is_sure: bool

    def __str__(self) -> str:
        return f"{self.task} {100 * self.gain:+.1f}"


def improvement(row: Row) -> float:
    """The gain of a row, above 0 where it is better; 0 for one without a gain."""
    return (row.gain or 0.0) * (-1 if row.metric in LOWER_IS_BETTER else 1)


def changes(rows: Sequence[Row], method: str) -> list[Change]:
    """What a removal does to each task, the largest changes first; over several seeds, the mean.

    A change is sure if its p-value lies below 0.05 after correction for all methods compared (`p_holm`); over several
    seeds, if every one finds so, on the same side.
    """
    found = []
    for headline in headlines(rows):
        of = [row for row in rows if (row.method, row.headline) == (method, headline) and row.gain is not None]
        if of:
            gains = [improvement(row) for row in of]
            is_sure = all(row.is_sure for row in of) and len(set(np.sign(gains))) == 1
            found.append(Change(of[0].use or "other tasks", headline.task, float(np.mean(gains)), is_sure))
    return sorted(found, key=lambda change: -abs(change.gain))


def judgement(rows: Sequence[Row], method: str) -> str:
    """What a removal makes worse, what better, and what cannot be told: the rest of a sentence that begins with it.

    Example:
        >>> figure = {"removal": "centre", "subset": "all", "metric": "spearman", "value": 0.5}
        >>> lost = Row(**figure, use="search", task="npl", gain=-0.02, p_holm=0.01)
        >>> won = Row(**figure, use="words", task="ws353", gain=0.03, p_holm=0.01)
        >>> judgement([won, lost], "centre")
        'makes search worse (npl -2.0) and words better (ws353 +3.0)'
    """
    found = changes(rows, method)
    worse, better = (_sure(found, gains=gains) for gains in (False, True))
    unsure = _by_use([change for change in found if not change.is_sure])
    told = f"makes {enumerated([*worse, *better])}" if worse or better else "makes nothing surely better or worse"
    return told + (f"; for {enumerated(unsure)} the difference may be chance" if unsure else "")


def judgements(rows: Sequence[Row]) -> dict[str, str]:
    """A sentence on each removal that was compared with raw vectors, by its method."""
    of_method: dict[str, list[Row]] = {}
    for row in rows:
        of_method.setdefault(row.method, []).append(row)
    of_method.pop(MAJORITY, None)  # no removal
    compared = {method: of for method, of in of_method.items() if any(row.gain is not None for row in of)}
    return {method: f"{method} {judgement(of, method)}" for method, of in compared.items()}


def overview(rows: Sequence[Row]) -> list[str]:
    """What several removals did, the sentence that matters most first: which of them help, and which help or hurt.

    Example:
        >>> figure = {"subset": "all", "metric": "spearman", "value": 0.5, "task": "lee", "encoder": "bert"}
        >>> overview([Row(**figure, removal=name, gain=gain, p_holm=0.01) for name, gain in (("a", 0.1), ("b", -0.1))])
        ['1 of 2 removals helps bert and surely hurts it nowhere: a.', 'Hurts: b.']
    """
    names: dict[str, list[str]] = {}
    for method in judgements(rows):
        names.setdefault(outcome([row for row in rows if row.method == method], method), []).append(method)
    if not names:
        return ["Only raw vectors were scored: there is no removal to judge."]
    helping, count = names.pop("helps", []), len(judgements(rows))
    first = f"None of {count} removals helps {rows[0].encoder} without hurting it elsewhere."
    if helping:
        verbs = ("help", "hurt") if len(helping) > 1 else ("helps", "hurts")
        first = f"{len(helping)} of {count} removals {verbs[0]} {rows[0].encoder} and surely {verbs[1]} it nowhere"
        first += f": {enumerated(helping)}."
    return [first] + [f"{kind.capitalize()}: {enumerated(of)}." for kind, of in names.items()]


def _sure(changes: Sequence[Change], gains: bool) -> list[str]:
    """What surely gets better, or else worse, by use."""
    of = [change for change in changes if change.is_sure and (change.gain > 0) == gains]
    return _by_use(of, " better" if gains else " worse")


def _by_use(changes: Sequence[Change], what: str = "") -> list[str]:
    """Uses in the order of their largest change, each with its tasks in brackets."""
    order = list(dict.fromkeys(change.use for change in changes))
    groups = groupby(sorted(changes, key=lambda change: order.index(change.use)), key=lambda change: change.use)
    return [f"{use}{what} ({', '.join(map(str, of))})" for use, of in groups]


def verdict(
    rows: Sequence[Row],
    geometry: Sequence[Row],
    calibrations: Mapping[str, Calibration],
    removal: str = "learned",
) -> list[str]:
    """What a removal did for this encoder, and how sure that is: sentences, the one that matters most first.

    Where there are calibrations, the geometry is what a user meets: how alike two texts are that share nothing.
    """
    encoder = f"{rows[0].encoder} (layers {rows[0].layers})" if rows else "this encoder"
    found = changes(rows, removal)
    worse, better = (_sure(found, gains=gains) for gains in (False, True))
    answer = {
        "helps": f"helps {encoder}: {enumerated(better)}, and nothing surely worse",
        "hurts": f"hurts {encoder}: {enumerated(worse)}, and nothing surely better",
        "helps some tasks and hurts others": f"helps {encoder} here, hurts it there: {enumerated([*worse, *better])}",
        "changes nothing for sure": f"changes nothing on {encoder} for sure",
    }
    told = [f"The {removal} removal {answer[outcome(rows, removal)]}."]
    if unsure := _by_use([change for change in found if not change.is_sure]):
        told.append(f"For {enumerated(unsure)} the difference may be chance.")
    if {"none", removal} <= set(calibrations):
        before, after = (calibrations[name].threshold(0.5) for name in ("none", removal))
        where = f"Two random texts of {calibrations[removal].corpus}"
        told.append(f"{where} had a cosine of {before:.2f}, and have {after:.2f}.")
    elif cosine := {row.removal: row.value for row in geometry if row.metric == "mean_cosine"}:
        told.append(f"The mean cosine of the probe goes from {cosine['none']:.2f} to {cosine[removal]:.2f}.")
    return [*told, "In brackets are points over raw vectors."] if found else told


def outcome(rows: Sequence[Row], removal: str = "learned") -> Outcome:
    """What a removal did for the headline figures, counting significant differences only."""
    sure = [change.gain for change in changes(rows, removal) if change.is_sure]
    helped, hurt = any(gain > 0 for gain in sure), any(gain < 0 for gain in sure)
    if helped and hurt:
        return "helps some tasks and hurts others"
    return "helps" if helped else "hurts" if hurt else "changes nothing for sure"
