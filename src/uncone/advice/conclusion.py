"""From finished layers to the answer: what the nested choice gains, layer by layer and over layers.

What the study chooses for a layer is measured against raw vectors on word pairs, on sentences, and on the mean of the
two figures, by which it was chosen; or on the one use that was named, which decides alone. The layer is *helped* if
what decides gains surely (p < 0.05 after Holm, over all layers), no kind that decides loses surely (p < 0.05, not
corrected: the burden is on the gain), and the choice on all pairs is a removal too. A gain on one kind with a sure loss
on the other is a *trade*, never help: people use encoders for sentences and documents as well as for words. The answer
is "yes" if every layer is helped, "no" if none is, else "only for these layers".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, cast

import numpy as np

from uncone.advice.design import CHOSEN, KINDS, RAW, Candidate, Design
from uncone.advice.study import LayerStudy
from uncone.tasks.comparison import Estimate, holm
from uncone.tasks.row import SIGNIFICANT, Row, Use
from uncone.tasks.scoring import row_of

BOTH, MACRO = "both", "macro"  # the mean of what decides, words and sentences by default; the mean of data sets
LAYER_ALONE = "layer_alone"
Gains = dict[str, Row]  # on "words", "sentences", a use that decides, and "both", and on each data set
Outcome = Literal["helped", "trade", "hurt", "left alone", "not sure"]
Systems = Mapping[str, Sequence[Candidate]]  # by name, the candidate that stands for it in each split

MEANING: dict[Outcome, str] = {
    "helped": "a sure gain, and no sure loss on what decides",
    "trade": "one kind of text gains, the other surely loses",
    "hurt": "a sure loss",
    "left alone": "raw vectors are chosen",
    "not sure": "no sure gain",
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is chosen for one layer, or among all of them, and what becomes of it.

    Attributes:
        layer: its name; among layers, that of the layer which all pairs choose.
        final: name of the candidate that all pairs choose.
        choices: what the splits chose, and how many did.
        settings: of each method, the candidates that the splits chose; none among layers.
    """

    layer: str
    outcome: Outcome
    final: str
    choices: dict[str, int]
    settings: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Conclusion:
    """The outcome of a study, and all its figures as rows of results.json.

    Attributes:
        layers: each by itself, compared with itself raw.
        which: the choice among layers and removals, compared with the reference.
        reference: the deepest layer, raw.
        decides: the kinds that decided.
    """

    layers: list[Choice]
    which: Choice
    reference: str
    rows: list[Row]
    decides: tuple[str, ...] = KINDS

    @property
    def helped(self) -> list[str]:
        """The layers that removal helps."""
        return [each.layer for each in self.layers if each.outcome == "helped"]

    @property
    def answer(self) -> Literal["yes", "no", "only for these layers"]:
        """The answer for the encoder."""
        if len(self.helped) == len(self.layers):
            return "yes"
        return "only for these layers" if self.helped else "no"

    def gains(self, layer: str = CHOSEN, removal: str = CHOSEN) -> Gains:
        """Of the nested choice over raw vectors of the layer; over the raw deepest one, where a layer is chosen too."""
        rows = [row for row in self.rows if (row.layers, row.removal, row.subset) == (layer, removal, MACRO)]
        return {row.task: row for row in rows}


def outcome(gains: Gains, is_raw: bool, decides: Sequence[str] = KINDS) -> Outcome:
    """What became of a choice, from its gains on what decides, and whether all pairs choose raw vectors."""
    if is_raw:
        return "left alone"
    # of losses no correction: a warning may be one too many, a missed loss may not
    sure = [gain(gains[kind]) for kind in decides if p_value(gains[kind]) < SIGNIFICANT]
    if any(each < 0 for each in sure):
        return "trade" if any(each > 0 for each in sure) else "hurt"
    return "helped" if gains[BOTH].is_sure and gain(gains[BOTH]) > 0 else "not sure"


def gain(row: Row) -> float:
    """The gain of a row; nil for raw vectors themselves."""
    return 0.0 if row.gain is None else row.gain


def p_value(row: Row) -> float:
    """Of the gain, not corrected."""
    return 1.0 if row.p_value is None else row.p_value


def conclude(
    design: Design, layers: Sequence[LayerStudy], where: Mapping[str, Any], resamples: int, seed: int
) -> Conclusion:
    """Draw the conclusion from finished layers, in order of depth; raw vectors are the first candidate of each.

    Args:
        where: encoder, pooling and seed of the rows.
        resamples: of the bootstrap, which are the same for all layers and systems.
    """
    measure = partial(_measured, design, where, resamples, seed)
    picked = [design.choices(layer.candidates) for layer in layers]
    measured = [measure(layer.layer, systems) for layer, systems in zip(layers, picked, strict=True)]
    corrected = holm({i: p_value(found[CHOSEN][BOTH]) for i, found in enumerate(measured)})
    concluded, rows = [], []
    for i, (layer, systems, found) in enumerate(zip(layers, picked, measured, strict=True)):
        methods = holm({name: p_value(of[BOTH]) for name, of in found.items() if name not in (RAW, CHOSEN)})
        for name, p_holm in {CHOSEN: corrected[i], **methods}.items():
            _correct(found[name], design.decides, p_holm)
        concluded.append(
            Choice(
                layer=layer.layer,
                outcome=outcome(found[CHOSEN], layer.final.method == RAW, design.decides),
                final=layer.final.name,
                choices=dict(Counter(each.name for each in systems[CHOSEN])),
                settings={name: sorted({each.name for each in systems[name]}) for name in methods},
            )
        )
        rows += [*(row for of in found.values() for row in of.values()), *layer.rows]
    which, of_which = _which(design, layers, [systems[CHOSEN] for systems in picked], measure)
    return Conclusion(concluded, which, layers[-1].layer, rows + of_which, design.decides)


def _which(
    design: Design,
    layers: Sequence[LayerStudy],
    picked: Sequence[Sequence[Candidate]],
    measure: Callable[[str, Systems], dict[str, Gains]],
) -> tuple[Choice, list[Row]]:
    """Choose a layer with its removal in every split, and score the choice against the raw deepest layer."""
    reference = layers[-1].candidates[0]
    layer_of = {each: layer.layer for layer in layers for each in layer.candidates}
    alone = [reference, *(layer.candidates[0] for layer in layers)]
    systems = {
        RAW: [reference for _ in design.splits],
        CHOSEN: [design.choose([reference, *(chosen[split] for chosen in picked)], split) for split in design.splits],
        LAYER_ALONE: [design.choose(alone, split) for split in design.splits],
    }
    found = measure(CHOSEN, systems)
    for gains in (found[CHOSEN], found[LAYER_ALONE]):
        _correct(gains, design.decides, p_value(gains[BOTH]))  # one comparison
    final = design.choose([reference, *(layer.final for layer in layers)])
    which = Choice(
        layer=layer_of[final],
        # a raw layer other than the deepest is a choice too
        outcome=outcome(found[CHOSEN], final is reference, design.decides),
        final=final.name,
        choices=dict(Counter(f"{layer_of[each]}: {each.name}" for each in systems[CHOSEN])),
    )
    return which, [*found[CHOSEN].values(), *found[LAYER_ALONE].values()]


def _measured(
    design: Design, where: Mapping[str, Any], resamples: int, seed: int, layer: str, systems: Systems
) -> dict[str, Gains]:
    """Rows of systems of a layer over raw vectors; those undefined on a kind are left out.

    Of each system: on words, sentences, items and, last, the mean of what decides, and on each data set under its name.
    """
    estimates: dict[tuple[str, str], list[Estimate]] = {}  # by kind and data set, of each system
    for i, (kind, figure) in enumerate(design.tested.items()):
        predicted = np.stack([figure.predicted(kind, chosen) for chosen in systems.values()])
        by_dataset = figure.estimates(predicted, resamples, [seed, i])
        estimates[kind, MACRO] = [_mean(of) for of in zip(*by_dataset, strict=True)]
        estimates |= {(kind, name): of for name, of in zip(figure.cells, by_dataset, strict=True)}
    deciding = [estimates[kind, MACRO] for kind in design.decides]
    estimates[BOTH, MACRO] = [_mean(of) for of in zip(*deciding, strict=True)]
    raw = list(systems).index(RAW)
    if np.isnan(estimates[BOTH, MACRO][raw].value):
        raise ValueError("raw vectors give the same cosine to all pairs of a fold: there is nothing to compare")
    n = {kind: figure.n for kind, figure in design.tested.items()}
    n[BOTH] = sum(n[kind] for kind in design.decides)
    metrics = {kind: set(figure.metric.values()) for kind, figure in design.tested.items()}
    metrics[BOTH] = set().union(*(metrics[kind] for kind in design.decides))
    found: dict[str, Gains] = {}
    for s, name in enumerate(systems):
        if np.isnan(estimates[BOTH, MACRO][s].value):
            continue
        found[name] = {}
        for (task, subset), of in estimates.items():
            gain_over_raw = None if s == raw else of[s].minus(of[raw])
            use = None if task == BOTH else cast(Use, task)
            told = {**where, "layers": layer, "use": use, "removal": name, "task": task, "subset": subset, "n": n[task]}
            metric = next(iter(metrics[task])) if len(metrics[task]) == 1 else "mean"
            row = row_of(of[s], gain_over_raw, metric=metric, **told)
            found[name][task if subset == MACRO else subset] = row
    return found


def _correct(gains: Gains, decides: Sequence[str], p_holm: float) -> None:
    """Say how sure the gain is after correction: of the mean that decides, and of a kind that decides alone."""
    for kind in {BOTH, *(decides if len(decides) == 1 else ())}:
        gains[kind] = replace(gains[kind], p_holm=p_holm)


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate.mean(estimates, np.full(len(estimates), 1 / len(estimates)))
