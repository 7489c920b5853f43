"""From finished layers to the answer: what the nested choice gains, layer by layer and over layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from uncone.advice.design import CHOSEN, KINDS, RAW, Candidate, Design
from uncone.advice.study import LayerStudy
from uncone.advice.verdict import BOTH, MACRO, Answer, Gains, Outcome, answer, outcome, p_value
from uncone.tasks.row import Row
from uncone.tasks.statistics import Estimate, holm

LAYER_ALONE = "layer_alone"


@dataclass(frozen=True, kw_only=True)
class LayerConclusion:
    """What removal does for one layer.

    Attributes:
        layer: its name.
        outcome: see `uncone.advice.verdict`.
        final: name of the candidate that all pairs choose.
        choices: what the splits chose, and how many did.
        settings: of each method, the candidates that the splits chose.
    """

    layer: str
    outcome: Outcome
    final: str
    choices: dict[str, int]
    settings: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """Which layer to use, compared with the raw deepest one.

    Attributes:
        outcome: see `uncone.advice.verdict`; "helped" if the choice gains surely and loses on nothing surely.
        layer: chosen by all pairs.
        final: name of the candidate that goes with it.
        reference: the deepest layer studied, raw.
        choices: layers and candidates that the splits chose, and how many did.
    """

    outcome: Outcome
    layer: str
    final: str
    reference: str
    choices: dict[str, int]


@dataclass(frozen=True)
class Conclusion:
    """The outcome of a study, and all its figures as rows of results.json."""

    answer: Answer
    layers: list[LayerConclusion]
    which: LayerChoice
    rows: list[Row]

    @property
    def helped(self) -> list[str]:
        """The layers that removal helps."""
        return [each.layer for each in self.layers if each.outcome == "helped"]

    def gains(self, layer: str = CHOSEN, removal: str = CHOSEN) -> Gains:
        """Of the nested choice over raw vectors of the layer; over the raw deepest one, where a layer is chosen too."""
        rows = [row for row in self.rows if (row.layers, row.removal, row.subset) == (layer, removal, MACRO)]
        return {row.task: row for row in rows}


def conclude(
    design: Design, layers: Sequence[LayerStudy], where: Mapping[str, Any], resamples: int, seed: int
) -> Conclusion:
    """Draw the conclusion from all layers, in order of depth.

    Args:
        design: the pairs, and how they are divided.
        layers: finished ones; raw vectors are the first candidate of each.
        where: encoder, pooling and seed of the rows.
        resamples: of the bootstrap, which are the same for all layers and systems.
        seed: of the bootstrap.
    """
    picked = [design.choices(layer.candidates) for layer in layers]
    measured = [
        _measured(design, choices, {**where, "layers": layer.layer}, resamples, seed)
        for layer, choices in zip(layers, picked, strict=True)
    ]
    corrected = holm({i: p_value(found[CHOSEN][BOTH]) for i, found in enumerate(measured)})
    concluded, rows = [], []
    for i, (layer, choices, found) in enumerate(zip(layers, picked, measured, strict=True)):
        methods = holm({name: p_value(of[BOTH]) for name, of in found.items() if name not in (RAW, CHOSEN)})
        for name, p_holm in {CHOSEN: corrected[i], **methods}.items():
            found[name][BOTH] = replace(found[name][BOTH], p_holm=p_holm)
        concluded.append(
            LayerConclusion(
                layer=layer.layer,
                outcome=outcome(found[CHOSEN], layer.final.method),
                final=layer.final.name,
                choices=dict(Counter(each.name for each in choices[CHOSEN])),
                settings={name: sorted({each.name for each in choices[name]}) for name in methods},
            )
        )
        rows += [*(row for of in found.values() for row in of.values()), *layer.rows]
    which, of_which = _which(design, layers, picked, where, resamples, seed)
    return Conclusion(answer([each.outcome for each in concluded]), concluded, which, rows + of_which)


def _which(
    design: Design,
    layers: Sequence[LayerStudy],
    picked: Sequence[Mapping[str, Sequence[Candidate]]],
    where: Mapping[str, Any],
    resamples: int,
    seed: int,
) -> tuple[LayerChoice, list[Row]]:
    """Choose a layer with its removal in every split, and score the choice against the raw deepest layer."""
    reference = layers[-1].candidates[0]
    layer_of = {each: layer.layer for layer in layers for each in layer.candidates}
    options = [[reference, *(choices[CHOSEN][split] for choices in picked)] for split in design.splits]
    alone = [reference, *(layer.candidates[0] for layer in layers)]
    systems = {
        RAW: [reference] * len(options),
        CHOSEN: [design.choose(each, split) for split, each in enumerate(options)],
        LAYER_ALONE: [design.choose(alone, split) for split in design.splits],
    }
    found = _measured(design, systems, {**where, "layers": CHOSEN}, resamples, seed)
    for gains in (found[CHOSEN], found[LAYER_ALONE]):
        gains[BOTH] = replace(gains[BOTH], p_holm=gains[BOTH].p_value)  # one comparison
    final = design.choose([reference, *(layer.final for layer in layers)])
    which = LayerChoice(
        # a raw layer other than the deepest is a choice too
        outcome=outcome(found[CHOSEN], RAW if final is reference else CHOSEN),
        layer=layer_of[final],
        final=final.name,
        reference=layers[-1].layer,
        choices=dict(Counter(f"{layer_of[each]}: {each.name}" for each in systems[CHOSEN])),
    )
    return which, [*found[CHOSEN].values(), *found[LAYER_ALONE].values()]


def _measured(
    design: Design, systems: Mapping[str, Sequence[Candidate]], where: Mapping[str, Any], resamples: int, seed: int
) -> dict[str, Gains]:
    """Rows of systems, each one candidate a split, over raw vectors; those undefined on a kind are left out.

    Of each system: on words, sentences and, last, the mean of both, and on each data set under its name.
    """
    estimates: dict[tuple[str, str], list[Estimate]] = {}  # by kind and data set, of each system
    for i, (kind, figure) in enumerate(design.tested.items()):
        predicted = np.stack([figure.cosines(kind, chosen) for chosen in systems.values()])
        by_dataset = figure.estimates(predicted, resamples, [seed, i])
        estimates[kind, MACRO] = [_mean(of) for of in zip(*by_dataset, strict=True)]
        estimates |= {(kind, name): of for name, of in zip(figure.cells, by_dataset, strict=True)}
    estimates[BOTH, MACRO] = [_mean(of) for of in zip(*(estimates[kind, MACRO] for kind in KINDS), strict=True)]
    raw = list(systems).index(RAW)
    if np.isnan(estimates[BOTH, MACRO][raw].value):
        raise ValueError("raw vectors give the same cosine to all pairs of a fold: there is nothing to compare")
    n = {kind: figure.n for kind, figure in design.tested.items()}
    n[BOTH] = sum(n.values())
    return {
        name: {
            task if subset == MACRO else subset: _row(
                of[s], of[raw], **where, removal=name, task=task, subset=subset, n=n[task]
            )
            for (task, subset), of in estimates.items()
        }
        for s, name in enumerate(systems)
        if not np.isnan(estimates[BOTH, MACRO][s].value)
    }


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate.mean(estimates, np.full(len(estimates), 1 / len(estimates)))


def _row(own: Estimate, raw: Estimate, **figure: Any) -> Row:
    row = Row(**figure, metric="spearman", value=own.value, **own.interval._asdict())
    if row.removal == RAW:
        return row
    gain = own.minus(raw)
    return replace(row, gain=gain.difference, gain_low=gain.low, gain_high=gain.high, p_value=gain.p_value)
