"""The advice: a conclusion in words, with every number that the page and the table show."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import combinations
from typing import Any

from omegaconf import DictConfig

from uncone.advice.choice import RAW, Design
from uncone.advice.conclusion import CHOSEN, Conclusion, Effects, LayerChoice, LayerConclusion
from uncone.advice.effects import BOTH, KINDS, MACRO, Effect, corrected
from uncone.advice.figures import shares_texts
from uncone.advice.kept import FinishedLayer
from uncone.advice.verdict import MEANING
from uncone.commands.build import names
from uncone.encoder import Encoder
from uncone.tasks.row import SIGNIFICANT, Row, geometry_rows
from uncone.tasks.statistics import LOWER_IS_BETTER, Difference
from uncone.tasks.table import headlines


def advice(
    config: DictConfig, encoder: Encoder, design: Design, conclusion: Conclusion, kept: Sequence[FinishedLayer]
) -> dict[str, Any]:
    """Everything that advice.json holds: plain JSON values, differences and values as fractions.

    Args:
        config: of the command.
        encoder: any layer of it.
        design: the pairs, and how they were divided.
        conclusion: what was found.
        kept: the finished layers.
    """
    return {
        "encoder": encoder.name,
        "answer": conclusion.answer,
        "layers_helped": conclusion.helped,
        "verdict": verdict(encoder.name, conclusion),
        "advice": layer_advice(conclusion.which),
        "warning": warning(kept),
        "layers": [_layer(each) for each in conclusion.layers],
        "which": _which(conclusion.which),
        "tasks": [row.to_json() for layer in kept for row in layer.rows],
        "not_run": [[layer.layer, *each] for layer in kept for each in layer.not_run],
        "how": how(config, design),
        "commands": commands(config, conclusion),
        "made": f"Made with uncone {version('uncone')}. This file holds all it shows and opens without a network.",
    }


def verdict(encoder: str, conclusion: Conclusion) -> str:
    """The answer in a sentence, and what gains: words, sentences, or both."""
    helped = conclusion.helped
    others = ", ".join(f"{each.layer} ({each.outcome})" for each in conclusion.layers if each.layer not in helped)
    if conclusion.answer == "no":
        return f"No: removal surely helps no layer of {encoder} studied: {others}."
    gaining = []
    for kind in KINDS:
        p_holm = corrected({each.layer: each.chosen[kind] for each in conclusion.layers})
        sure = [layer for layer in helped if p_holm[layer] < SIGNIFICANT]
        gaining.append(f"{kind} {'on ' + ', '.join(sure) if sure else 'on none'}")
    where = f"Taken alone, {' and '.join(gaining)} gain surely."
    if conclusion.answer == "yes":
        return f"Yes: removal helps every layer of {encoder} studied: {', '.join(helped)}. {where}"
    return f"Only for these layers of {encoder}: {', '.join(helped)}. {where} Better left alone: {others}."


def layer_advice(which: LayerChoice) -> str:
    """Which layer to use, in a sentence."""
    raw = f"raw layer {which.reference}"
    if which.outcome == "left alone":
        return f"Keep {raw}: of all layers and removals it is chosen itself."
    system = f"layer {which.layer} {'raw' if which.final[0] == RAW else f'with {_name(which.final)}'}"
    gains = " and ".join(f"{_points(which.chosen[kind].gain)} on {kind}" for kind in KINDS)
    if which.outcome == "helped":
        alone = " and ".join(f"{100 * which.layer_alone[kind].gain.difference:+.1f}" for kind in KINDS)
        return (
            f"Use {system}: choosing layer and removal so, on pairs kept apart, gains {gains} over {raw}; choosing the "
            f"layer alone, {alone}."
        )
    return (
        f"Keep {raw}: {system} looks best, but choosing so, on pairs kept apart, comes to {gains} "
        f"({MEANING[which.outcome]})."
    )


def warning(kept: Sequence[FinishedLayer]) -> str | None:
    """Further tasks on which the removals that all pairs choose lose surely; None if there is none."""
    lost: dict[str, list[str]] = {}
    for layer in kept:
        gains = {row.headline: row for row in layer.rows if row.gain is not None}
        for row in (gains[headline] for headline in headlines(layer.rows) if headline in gains):
            sign = -1 if row.metric in LOWER_IS_BETTER else 1
            if row.gain is not None and row.p_value is not None and row.p_value < SIGNIFICANT and sign * row.gain < 0:
                lost.setdefault(row.task, []).append(f"{layer.layer} ({100 * row.gain:+.1f})")
    if not lost:
        return None
    found = "; ".join(f"{task} on {', '.join(layers)}" for task, layers in lost.items())
    return f"Further tasks, which the choice did not look at, lose surely with what all pairs choose: {found}."


def how(config: DictConfig, design: Design) -> list[str]:
    """What was measured, on what, and how; a list of sentences."""
    words, sentences, folds = design.words, design.sentences, design.folds
    kept = min(int(folds.training(*both).sum()) for both in combinations(range(folds.count), 2))
    apart = (
        f"no word of a tested pair stands in a pair that was learned from or chosen by; {kept} pairs or more remain to "
        "learn from"
        if folds.disjoint == "words"
        else "no pair, in either order, stands on both sides, but words do: apart from each other they would leave too "
        "few pairs to learn from, so that the gains on words may be flattered"
    )
    drawn = [
        f"{name} over {'its texts, which its pairs share' if shares_texts(pairs, name) else 'pairs'}"
        for pairs in (words, sentences)
        for name in pairs.datasets
    ]
    tested = min(int((row == 1).sum()) for row in design.halves)
    return [
        f"Words: {len(words)} pairs of {', '.join(words.datasets)}, in {folds.count} folds; {apart}.",
        f"Sentences: {len(sentences)} pairs of {', '.join(sentences.datasets)}. Nothing learns from them. In each of "
        f"{len(design.splits)} splits one half of the texts is chosen by and pairs inside the other half are tested, "
        f"{tested} or more.",
        "Figure: Spearman's correlation of the cosine with human scores inside each testing part, averaged over parts, "
        "then over data sets.",
        "Choice: in each split, among raw vectors, every fixed removal at every setting and a learned one, the highest "
        "mean of words and sentences of those that fall below raw vectors on neither. What is chosen is scored on what "
        "the split tests: that is the effect shown.",
        f"Intervals: 95 %, paired bootstrap of what is tested, {config.resamples} resamples, with the choices held as "
        f"they are: {'; '.join(drawn)}.",
        "Helped: the mean of both figures gains surely (p < 0.05 after Holm's correction over all layers), neither "
        "words nor sentences lose surely (p < 0.05, not corrected), and all pairs together choose a removal too.",
        f"Means and components: fitted on {config.fitted_on}, without the pairs' scores. Seed {config.seed}.",
        f"Geometry: {config.probe.size} token occurrences at most of the first {config.probe.texts} texts of "
        f"{', '.join(names(config.corpus))}.",
    ]


def commands(config: DictConfig, conclusion: Conclusion) -> list[dict[str, str]]:
    """What to run next: for the layer advised, or else for each layer that removal helps."""
    which = conclusion.which
    wanted: list[tuple[str, str]] = []
    if which.outcome == "helped":
        wanted.append((which.layer, which.final[0]))
    wanted += [(e.layer, e.final[0]) for e in conclusion.layers if e.outcome == "helped" and e.layer != which.layer]
    lines = []
    for i, (layer, method) in enumerate(wanted):
        shared = [*_encoder_overrides(config), *_layer_override(config, layer)]
        folder = f"{config.output_dir}/layers/{layer}"
        removal = RAW if method == RAW else folder
        line = ["python", "export.py", *shared, f"removal={removal}"]
        advised = " (advised)" if i == 0 and which.outcome == "helped" else ""
        lines.append({"what": f"Export layer {layer}{advised}, with {method}", "command": shlex.join(line)})
        if i == 0:
            line = ["python", "train.py", *shared]
            lines.append({"what": f"Train a removal for layer {layer} at full length", "command": shlex.join(line)})
    if not lines:
        shared = [*_encoder_overrides(config), *_layer_override(config, which.reference)]
        line = ["python", "export.py", *shared, "removal=none"]
        lines.append({"what": "Export the encoder as it is", "command": shlex.join(line)})
    return lines


def result_rows(encoder: Encoder, conclusion: Conclusion, kept: Sequence[FinishedLayer], seed: int) -> list[Row]:
    """Rows of results.json: "words" and "sentences" under nested choice, geometry, and further tasks."""
    rows: list[Row] = []
    where: dict[str, Any] = {"encoder": encoder.name, "pooling": encoder.pooling, "seed": seed}
    for layer, finished in zip(conclusion.layers, kept, strict=True):
        where["layers"] = layer.layer
        rows += _figure_rows(where, RAW, layer.raw, None)
        rows += _figure_rows(where, CHOSEN, layer.chosen, layer.p_holm)
        for method, found in layer.methods.items():
            rows += _figure_rows(where, method, found.effects, found.p_holm)
        rows += [*finished.rows, *geometry_rows(rows[-1], layer.geometry)]
    where["layers"] = "chosen"
    rows += _figure_rows(where, CHOSEN, conclusion.which.chosen, None)
    return rows + _figure_rows(where, "layer_alone", conclusion.which.layer_alone, None)


def _figure_rows(where: dict[str, Any], removal: str, effects: Effects, p_holm: float | None) -> list[Row]:
    """Value and gain on words, sentences and both; of single data sets, the gain."""
    rows = []
    for kind, found in effects.items():
        of = {**where, "removal": removal, "task": kind, "metric": "spearman", "n": found.n}
        row = Row(**of, subset=MACRO, value=found.value, low=found.low, high=found.high)
        if removal == RAW:
            rows.append(row)
            continue
        rows.append(replace(row, **_gain(found.gain), p_holm=p_holm if kind == BOTH else None))
        rows += [Row(**of, subset=name, value=math.nan, **_gain(gain)) for name, gain in found.by_dataset.items()]
    return rows


def _gain(gain: Difference) -> dict[str, Any]:
    return {
        "gain": gain.difference,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "p_value": gain.p_value,
    }


def _layer(found: LayerConclusion) -> dict[str, Any]:
    return {
        "layer": found.layer,
        "outcome": found.outcome,
        "meaning": MEANING[found.outcome],
        "final": _name(found.final),
        "described": found.described,
        "choices": found.choices,
        "raw": {kind: _effect(each) for kind, each in found.raw.items()},
        "chosen": {kind: _effect(each) for kind, each in found.chosen.items()},
        "p_holm": found.p_holm,
        "methods": [
            {
                "method": method,
                "settings": sorted(set(each.settings)),
                **{kind: _effect(one) for kind, one in each.effects.items()},
                "p_holm": each.p_holm,
            }
            for method, each in found.methods.items()
        ],
        "geometry": found.geometry,
    }


def _which(found: LayerChoice) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "layer": found.layer,
        "final": _name(found.final),
        "reference": found.reference,
        "choices": found.choices,
        "chosen": {kind: _effect(each) for kind, each in found.chosen.items()},
        "layer_alone": {kind: _effect(each) for kind, each in found.layer_alone.items()},
    }


def _effect(found: Effect) -> dict[str, Any]:
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "gain": found.gain._asdict(),
        "by_dataset": {name: gain._asdict() for name, gain in found.by_dataset.items()},
        "n": found.n,
    }


def _encoder_overrides(config: DictConfig) -> list[str]:
    encoder = config.encoder
    if "layers" not in encoder:
        group = (
            ["encoder=glove"] if encoder.path == "glove" else ["encoder=word_vectors", f"encoder.path={encoder.path}"]
        )
        return group + ([f"encoder.limit={encoder.limit}"] if encoder.limit else [])
    group = [] if encoder.path == "minilm" else ["encoder=local", f"encoder.path={encoder.path}"]
    group += [f"encoder.pooling={encoder.pooling}"] if encoder.pooling != "mean" else []
    return group + (["encoder.special_tokens=true"] if encoder.special_tokens else [])


def _layer_override(config: DictConfig, layer: str) -> list[str]:
    if "layers" not in config.encoder:
        return []
    return [f"encoder.layers={layer}" if layer == "static" else f"encoder.layers=[{layer}]"]


def _points(gain: Difference) -> str:
    return f"{100 * gain.difference:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _name(final: tuple[str, str]) -> str:
    return f"{final[0]}({final[1]})" if final[1] else final[0]
