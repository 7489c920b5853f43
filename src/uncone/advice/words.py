"""What an advice says, in words and as a table; and its page: one HTML file that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from uncone.advice.conclusion import BOTH, LAYER_ALONE, MEANING, Conclusion, gain, p_value
from uncone.advice.design import CHOSEN, RAW, Design
from uncone.advice.folds import share_texts
from uncone.advice.study import LayerStudy
from uncone.geometry.measures import MEASURES
from uncone.report.page import rendered
from uncone.report.tables import gain_cell, points_gained
from uncone.report.verdict import improvement
from uncone.support.files import write
from uncone.support.wording import enumerated
from uncone.tasks.comparison import holm
from uncone.tasks.row import COVERAGE, GEOMETRY, SIGNIFICANT, USES, Row
from uncone.tasks.table import headlines

_SHOWN = ("mean_cosine", "isoscore", "lid", "frequency_pc1")  # of the measures of geometry
LEGEND = (
    "×100: raw, and what the nested choice gains, with its 95 % interval; words and sentences by Spearman. "
    "▲ sure gain, ▼ sure loss (p < 0.05; of what decides after Holm over layers), ≈ neither."
)


def verdict(encoder: str, conclusion: Conclusion) -> str:
    """The answer, in a sentence."""
    helped, studied = conclusion.helped, [each.layer for each in conclusion.layers]
    purpose = f", for {conclusion.decides[0]}" if len(conclusion.decides) == 1 else ""
    if len(studied) > 1 and conclusion.answer == "only for these layers":
        others = enumerated([layer for layer in studied if layer not in helped])
        return f"On some layers{purpose}: removal helps {encoder} on {enumerated(helped)}, and not on {others}."
    where = f"layer {studied[0]}" if len(studied) == 1 else "every layer studied" if helped else "any layer studied"
    if helped:
        return f"Yes{purpose}: removal helps {encoder} on {where}."
    return f"No{purpose}: removal does not surely help {encoder} on {where}."


def layer_advice(conclusion: Conclusion) -> tuple[str, str]:
    """Which layer to use, and why, in a sentence each."""
    which = conclusion.which
    raw = f"raw layer {conclusion.reference}"
    if which.outcome == "left alone":
        return f"Keep {raw}.", "Of all layers and removals it is chosen itself."
    system = f"layer {which.layer} {'raw' if which.final == RAW else f'with {which.final}'}"
    gained = " and ".join(f"{points_gained(conclusion.gains()[kind])} on {kind}" for kind in conclusion.decides)
    if which.outcome == "helped":
        gains = conclusion.gains(removal=LAYER_ALONE)
        alone = " and ".join(f"{100 * gain(gains[kind]):+.1f}" for kind in conclusion.decides)
        why = f"Choosing layer and removal so, on data kept apart, gains {gained} over {raw}; choosing the layer"
        return f"Use {system}.", f"{why} alone, {alone}."
    why = f"L{system[1:]} looks best, but choosing so, on data kept apart, comes to {gained}"
    return f"Keep {raw}.", f"{why} ({MEANING[which.outcome]})."


def by_layers(conclusion: Conclusion) -> str:
    """What gains on which layers, if several kinds of data decide, and what becomes of layers that are not helped."""
    told = []
    for kind in conclusion.decides if len(conclusion.decides) > 1 else ():
        p_holm = holm({each.layer: p_value(conclusion.gains(each.layer)[kind]) for each in conclusion.layers})
        sure = [layer for layer in conclusion.helped if p_holm[layer] < SIGNIFICANT]
        told.append(f"{kind} surely gain on {'layer ' * bool(sure)}{enumerated(sure) or 'no layer'}")
    left = [f"{each.layer} ({MEANING[each.outcome]})" for each in conclusion.layers if each.outcome != "helped"]
    parts = [f"Of what decides, {enumerated(told)}."] if told else []
    return " ".join([*parts, *([f"Not helped: {', '.join(left)}."] if left else [])])


def warning(layers: Sequence[LayerStudy], conclusion: Conclusion) -> str | None:
    """What loses surely with the removals that are chosen, and had no say in the choice; None if nothing does.

    Of words and sentences, where another use decides, it is the nested choice; of further tasks, what all pairs choose.
    """
    lost: dict[str, list[str]] = {}
    for layer in layers:
        for kind, row in conclusion.gains(layer.layer).items():
            if kind not in (*conclusion.decides, BOTH) and gain(row) < 0 and p_value(row) < SIGNIFICANT:
                lost.setdefault(kind, []).append(f"{layer.layer} ({100 * gain(row):+.1f})")
        rows = [row for row in layer.rows if row.task != GEOMETRY and row.metric != COVERAGE]
        speaking = headlines(rows)
        for row in rows:
            is_lost = improvement(row) < 0 and p_value(row) < SIGNIFICANT
            if is_lost and row.method == CHOSEN and row.headline in speaking:
                lost.setdefault(row.task, []).append(f"{layer.layer} ({100 * gain(row):+.1f})")
    if not lost:
        return None
    found = "; ".join(f"{task} on {', '.join(names)}" for task, names in lost.items())
    return f"The choice did not look at these, and they surely get worse: {found}."


def how(design: Design, **settings: Any) -> list[str]:
    """What was measured, on what, and how; a list of sentences.

    Its `settings` are resamples, fitted_on, seed, and texts, size and corpus of the geometry.
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
    for kind, items in design.items.items():
        values |= {"use": kind, "items": len(items), "tasks": ", ".join(items.datasets)}
    values["decides"] = " and ".join(design.decides)
    told = {"", folds.disjoint, *(["items"] if design.items else []), "both" if len(design.decides) > 1 else "one"}
    text = resources.files("uncone.advice").joinpath("how.txt").read_text("utf-8")
    lines = [line.split("\t")[-1] for line in text.splitlines() if line.split("\t")[0] in told]
    return [line.format(**values) for line in lines]


def print_layers(console: Console, conclusion: Conclusion) -> None:
    """Print layers down, both figures across."""
    table = Table()
    several = len(conclusion.decides) > 1
    decides = [] if several else conclusion.decides
    kinds = [kind for kind in conclusion.gains(conclusion.layers[0].layer) if kind in USES]
    for name in ("layer", "outcome", *kinds, *([BOTH] if several else [])):
        heading = f"{name}, which decides" if name in decides else name
        table.add_column(heading, justify="left" if name in ("layer", "outcome") else "right")
    table.add_column("chosen in the end")
    for layer in conclusion.layers:
        gains = conclusion.gains(layer.layer)
        rows = [gains[kind] for kind in kinds]
        cells = [f"{100 * (row.value - gain(row)):.1f}\n{gain_cell(row)}" for row in rows]
        cells += [f"\n{gain_cell(gains[BOTH])}"] if several else []
        table.add_row(layer.layer, layer.outcome, *cells, layer.final)
    console.print(table)
    console.print(LEGEND)


def advice(encoder: str, conclusion: Conclusion, layers: Sequence[LayerStudy]) -> dict[str, Any]:
    """What advice.json says of a conclusion, whose figures stand in results.json."""
    which = asdict(conclusion.which) | {"reference": conclusion.reference}
    chosen, why = layer_advice(conclusion)
    del which["settings"]  # which a choice among layers has none of
    return {
        "encoder": encoder,
        "answer": conclusion.answer,
        "layers_helped": conclusion.helped,
        "verdict": verdict(encoder, conclusion),
        "advice": chosen,
        "reasons": [why, *filter(None, [by_layers(conclusion)])],
        "warning": warning(layers, conclusion),
        "decides": list(conclusion.decides),
        "calibrations": {
            layer.layer: {removal: each.to_json() for removal, each in layer.calibrations.items()} for layer in layers
        },
        "layers": [{**asdict(each), "meaning": MEANING[each.outcome]} for each in conclusion.layers],
        "which": which,
        "not_run": [[layer.layer, *each] for layer in layers for each in layer.not_run],
    }


def write_advice(folder: Path, told: Mapping[str, Any], rows: Sequence[Row]) -> Path:
    """Write advice.json, which is `advice` with "how" and "commands", and its page, whose path is returned."""
    write(folder / "advice.json", json.dumps(told, indent=1))
    contents = {**told, "rows": [row.to_json() for row in rows], "title": f"Does removal help {told['encoder']}?"}
    contents["measures"] = [asdict(MEASURES[name]) for name in _SHOWN]
    page = folder / "advice.html"
    write(page, rendered("advice.html", contents))
    return page
