"""A conclusion in words, and how it was come by."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from uncone.advice.conclusion import LAYER_ALONE, Conclusion
from uncone.advice.design import CHOSEN, KINDS, RAW, Design
from uncone.advice.folds import share_texts
from uncone.advice.study import LayerStudy
from uncone.advice.verdict import MEANING, gain, p_value
from uncone.tasks.row import COVERAGE, GEOMETRY, SIGNIFICANT, Row
from uncone.tasks.statistics import LOWER_IS_BETTER, holm
from uncone.tasks.table import headlines


def verdict(encoder: str, conclusion: Conclusion) -> str:
    """The answer in a sentence, and what gains: words, sentences, or both."""
    helped = conclusion.helped
    others = ", ".join(f"{each.layer} ({each.outcome})" for each in conclusion.layers if each.layer not in helped)
    if conclusion.answer == "no":
        return f"No: removal surely helps no layer of {encoder} studied: {others}."
    gaining = []
    for kind in KINDS:
        p_holm = holm({each.layer: p_value(conclusion.gains(each.layer)[kind]) for each in conclusion.layers})
        sure = [layer for layer in helped if p_holm[layer] < SIGNIFICANT]
        gaining.append(f"{kind} {'on ' + ', '.join(sure) if sure else 'on none'}")
    where = f"Taken alone, {' and '.join(gaining)} gain surely."
    if conclusion.answer == "yes":
        return f"Yes: removal helps every layer of {encoder} studied: {', '.join(helped)}. {where}"
    return f"Only for these layers of {encoder}: {', '.join(helped)}. {where} Better left alone: {others}."


def layer_advice(conclusion: Conclusion) -> str:
    """Which layer to use, in a sentence."""
    which = conclusion.which
    raw = f"raw layer {which.reference}"
    if which.outcome == "left alone":
        return f"Keep {raw}: of all layers and removals it is chosen itself."
    system = f"layer {which.layer} {'raw' if which.final == RAW else f'with {which.final}'}"
    gains = " and ".join(f"{_points(conclusion.gains()[kind])} on {kind}" for kind in KINDS)
    if which.outcome == "helped":
        alone = " and ".join(f"{100 * gain(conclusion.gains(removal=LAYER_ALONE)[kind]):+.1f}" for kind in KINDS)
        return (
            f"Use {system}: choosing layer and removal so, on pairs kept apart, gains {gains} over {raw}; choosing the "
            f"layer alone, {alone}."
        )
    return (
        f"Keep {raw}: {system} looks best, but choosing so, on pairs kept apart, comes to {gains} "
        f"({MEANING[which.outcome]})."
    )


def warning(layers: Sequence[LayerStudy]) -> str | None:
    """Further tasks on which the removals that all pairs choose lose surely; None if there is none."""
    lost: dict[str, list[str]] = {}
    for layer in layers:
        rows = [row for row in layer.rows if row.task != GEOMETRY and row.metric != COVERAGE]
        gains = {row.headline: row for row in rows if row.removal == CHOSEN and row.gain is not None}
        for row in (gains[headline] for headline in headlines(rows) if headline in gains):
            better = gain(row) * (-1 if row.metric in LOWER_IS_BETTER else 1)
            if better < 0 and p_value(row) < SIGNIFICANT:
                lost.setdefault(row.task, []).append(f"{layer.layer} ({100 * gain(row):+.1f})")
    if not lost:
        return None
    found = "; ".join(f"{task} on {', '.join(names)}" for task, names in lost.items())
    return f"Further tasks, which the choice did not look at, lose surely with what all pairs choose: {found}."


def how(design: Design, **settings: Any) -> list[str]:
    """What was measured, on what, and how; a list of sentences.

    Args:
        design: the pairs, and how they were divided.
        settings: resamples, fitted_on, seed, and texts, size and corpus of the geometry.
    """
    folds = design.folds
    values: dict[str, Any] = {"folds": folds.count, "splits": len(design.splits), **settings}
    for kind, pairs in design.pairs.items():
        values |= {kind: len(pairs), f"{kind}_sets": ", ".join(pairs.datasets)}
    drawn = [pairs.of(name) for pairs in design.pairs.values() for name in pairs.datasets]
    by_text = "its texts, which its pairs share"
    values["units"] = "; ".join(f"{of.dataset[0]} over {by_text if share_texts(of) else 'pairs'}" for of in drawn)
    values["left"] = min(len(design.training(fit)) for fit in range(len(design.fits)))
    values["tested"] = min(int((row == 1).sum()) for row in design.halves)
    text = resources.files("uncone.advice").joinpath("how.txt").read_text("utf-8")
    lines = [line.split("\t")[-1] for line in text.splitlines() if line.split("\t")[0] in ("", folds.disjoint)]
    return [line.format(**values) for line in lines]


def _points(row: Row) -> str:
    return f"{100 * gain(row):+.1f} [{100 * (row.gain_low or 0):+.1f}, {100 * (row.gain_high or 0):+.1f}]"
