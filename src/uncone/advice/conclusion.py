"""From finished layers to the answer: effects of what the nested study chooses, layer by layer and over layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uncone.advice.choice import RAW, Candidate, Design, choose
from uncone.advice.effects import BOTH, KINDS, Effect, Replicates, corrected, effects, replicates
from uncone.advice.kept import FinishedLayer
from uncone.advice.verdict import Answer, Outcome, answer, outcome

CHOSEN = "chosen"
Effects = dict[str, Effect]  # on "words", "sentences" and "both"


@dataclass(frozen=True)
class MethodEffects:
    """One method at the settings that each split chooses, over raw vectors of the same layer.

    Attributes:
        settings: chosen in each split.
        effects: on words, sentences and both.
        p_holm: of the gain on both, corrected for all methods of the layer.
    """

    settings: list[str]
    effects: Effects
    p_holm: float


@dataclass(frozen=True)
class LayerConclusion:
    """What removal does for one layer.

    Attributes:
        layer: its name.
        outcome: see `uncone.advice.verdict`.
        final: the removal that all pairs choose, as (method, settings).
        described: that removal in a line.
        choices: what the splits chose, and how many did.
        raw: of raw vectors; gains are nil.
        chosen: of the nested choice, over raw vectors.
        p_holm: of its gain on both, corrected for all layers.
        methods: every method by itself.
        geometry: measures, raw ("none") and after the final removal ("chosen").
    """

    layer: str
    outcome: Outcome
    final: tuple[str, str]
    described: str
    choices: dict[str, int]
    raw: Effects
    chosen: Effects
    p_holm: float
    methods: dict[str, MethodEffects]
    geometry: dict[str, dict[str, float]]


@dataclass(frozen=True)
class LayerChoice:
    """Which layer to use, compared with the raw deepest one.

    Attributes:
        outcome: see `uncone.advice.verdict`; "helped" if the choice gains surely and loses on nothing surely.
        layer: chosen by all pairs.
        final: its removal, as (method, settings).
        reference: the deepest layer studied, raw.
        chosen: of the nested choice among all layers and removals.
        layer_alone: of the nested choice among raw layers.
        choices: layers and removals that the splits chose, and how many did.
    """

    outcome: Outcome
    layer: str
    final: tuple[str, str]
    reference: str
    chosen: Effects
    layer_alone: Effects
    choices: dict[str, int]


@dataclass(frozen=True)
class Conclusion:
    """The outcome of a study."""

    answer: Answer
    layers: list[LayerConclusion]
    which: LayerChoice

    @property
    def helped(self) -> list[str]:
        """The layers that removal helps."""
        return [each.layer for each in self.layers if each.outcome == "helped"]


def conclude(design: Design, layers: Sequence[FinishedLayer], resamples: int, seed: int) -> Conclusion:
    """Draw the conclusion from all layers, in order of depth.

    Args:
        design: the pairs, and how they are divided.
        layers: finished ones; raw vectors are the first candidate of each.
        resamples: of the bootstrap, which are the same for all layers and systems.
        seed: of the bootstrap.
    """
    picked = [choose(design, each.candidates, _methods(each)) for each in layers]
    measured: list[dict[str, Effects]] = []
    for layer, choices in zip(layers, picked, strict=True):
        systems = {RAW: [layer.candidates[0]] * len(design.splits)}
        systems |= {name: [layer.candidates[i] for i in rows] for name, rows in choices.items()}
        measured.append(_effects(design, systems, RAW, resamples, seed))
    p_holm = list(corrected({str(i): found[CHOSEN][BOTH] for i, found in enumerate(measured)}).values())
    concluded = []
    for layer, choices, found, p in zip(layers, picked, measured, p_holm, strict=True):
        final = layer.candidates[layer.final]
        concluded.append(
            LayerConclusion(
                layer.layer,
                outcome(found[CHOSEN], p, final.method),
                (final.method, final.settings),
                layer.described,
                dict(Counter(_name(layer.candidates[row]) for row in choices[CHOSEN])),
                found[RAW],
                found[CHOSEN],
                p,
                _by_method(layer, choices, found),
                layer.geometry,
            )
        )
    which = _which(design, layers, picked, resamples, seed)
    return Conclusion(answer([each.outcome for each in concluded]), concluded, which)


def _which(
    design: Design,
    layers: Sequence[FinishedLayer],
    picked: Sequence[Mapping[str, Sequence[int]]],
    resamples: int,
    seed: int,
) -> LayerChoice:
    """Choose a layer with its removal in every split, and score the choice against the raw deepest layer."""
    reference = layers[-1]
    with_removal, alone, names = [], [], []
    for split in design.splits:
        options = [reference.candidates[0]]
        options += [each.candidates[choices[CHOSEN][split]] for each, choices in zip(layers, picked, strict=True)]
        best = design.scores(options, split).best(raw=0)
        with_removal.append(options[best])
        names.append(f"{([reference, *layers])[best].layer}: {_name(options[best])}")
        options = [reference.candidates[0], *(each.candidates[0] for each in layers)]
        alone.append(options[design.scores(options, split).best(raw=0)])
    options = [reference.candidates[0], *(each.candidates[each.final] for each in layers)]
    best = design.scores(options).best(raw=0)
    layer, final = [reference, *layers][best], options[best]
    systems = {RAW: [reference.candidates[0]] * len(design.splits), CHOSEN: with_removal, "layer alone": alone}
    found = _effects(design, systems, RAW, resamples, seed)
    is_reference = layer is reference and final.method == RAW
    return LayerChoice(
        # a raw layer other than the deepest is a choice too
        "left alone" if is_reference else outcome(found[CHOSEN], found[CHOSEN][BOTH].gain.p_value, CHOSEN),
        layer.layer,
        (final.method, final.settings),
        reference.layer,
        found[CHOSEN],
        found["layer alone"],
        dict(Counter(names)),
    )


def _effects(
    design: Design, systems: Mapping[str, Sequence[Candidate]], reference: str, resamples: int, seed: int
) -> dict[str, Effects]:
    """Effects of systems, each one candidate a split, over a reference; those undefined on a kind are left out."""
    predicted = {name: design.predictions(chosen) for name, chosen in systems.items()}
    figures = dict(zip(KINDS, design.tested, strict=True))
    measured: dict[str, dict[str, Replicates]] = {}
    for i, (kind, figure) in enumerate(figures.items()):
        cosines = {name: each[i] for name, each in predicted.items()}
        measured[kind] = replicates(figure, cosines, resamples, [seed, i])
        if reference not in measured[kind]:
            raise ValueError(f"raw vectors give the same cosine to all {kind} of a fold: there is nothing to compare")

    def of(name: str) -> dict[str, Replicates]:
        return {kind: measured[kind][name] for kind in KINDS}

    defined = [name for name in systems if all(name in measured[kind] for kind in KINDS)]
    return {name: effects(figures, of(name), of(reference)) for name in defined}


def _by_method(
    layer: FinishedLayer, choices: Mapping[str, Sequence[int]], found: Mapping[str, Effects]
) -> dict[str, MethodEffects]:
    methods = [method for method in _methods(layer) if method in found]
    p_holm = corrected({method: found[method][BOTH] for method in methods})
    return {
        method: MethodEffects([layer.candidates[i].settings for i in choices[method]], found[method], p_holm[method])
        for method in methods
    }


def _methods(layer: FinishedLayer) -> list[str]:
    """The methods tried, without raw vectors."""
    return list(dict.fromkeys(each.method for each in layer.candidates if each.method != RAW))


def _name(candidate: Candidate) -> str:
    return f"{candidate.method}({candidate.settings})" if candidate.settings else candidate.method
