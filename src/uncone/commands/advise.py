"""advise.py: does removal help an encoder, on which layers, and which should be used?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import hydra
import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from uncone.advice.conclusion import Conclusion, conclude
from uncone.advice.design import CHOSEN, KINDS, RAW, Design
from uncone.advice.items import Items
from uncone.advice.study import LayerStudy, Learn, candidates_of, find, keep
from uncone.advice.words import advice, how, print_layers, write_advice
from uncone.commands.build import (
    close_run,
    encoder_given,
    given_overrides,
    holds_same_run,
    is_recipe,
    is_saved,
    make_candidates,
    make_recipe,
    make_tasks,
    make_vectors,
    names,
    open_run,
)
from uncone.commands.systems import Fits, System, calibrate, compare, leave_out_seen
from uncone.data import load_sts, load_word_pairs
from uncone.encoder import TransformerEncoder
from uncone.encoder.layers import resolve_layers
from uncone.encoder.pooling import PICKS
from uncone.encoder.store import text_hash
from uncone.encoder.stored import STORED
from uncone.geometry.probe import GeometryProbe
from uncone.learning.fit import follow
from uncone.learning.problem import Problem, covered
from uncone.learning.recipe import Recipe
from uncone.removal import Correction, TransductiveRemoval, none
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.report.tables import print_verdict
from uncone.runs.folder import environment, write_results
from uncone.runs.settings import digest, telling
from uncone.support.terminal import make_console, step
from uncone.support.wording import command_line, typed
from uncone.tasks import Row, Task
from uncone.tasks.base import distinct
from uncone.tasks.row import USES, geometry_rows

STATIC = "static"


def advise(config: DictConfig) -> list[Row]:
    """Study every layer and write the advice; returns the rows of results.json."""
    console = make_console()
    folder = open_run(config, goes_on=holds_same_run(config))
    if saved := list(filter(is_saved, names(config.removal))):
        raise ValueError(
            f"{saved[0]} is saved, and may have been trained on these pairs: score it with {typed('evaluate')}"
        )
    layers = vectors_by_layer(config)
    first = next(iter(layers.values()))
    tasks = make_tasks(config)
    deciding = [task for task in tasks if task.use == config.use and config.use not in KINDS]
    design = make_design(config, first, deciding)
    key = study_digest(config, first, design)
    words, sentences = (len(pairs) for pairs in design.pairs.values())
    sizes = f"{words} word pairs in {config.folds} folds, {sentences} sentence pairs"
    console.print(f"{first.encoder.name}, {first.encoder.precision}: {sizes}", highlight=False)
    console.print(f"to continue after an interruption: output_dir={folder}")
    studies = [
        study(config, console, vectors, design, tasks, folder / "layers" / name, key)
        for name, vectors in layers.items()
    ]
    where = {"encoder": first.encoder.name, "pooling": first.encoder.convention, "seed": config.seed}
    with step(f"Drawing {config.resamples} resamples for {len(studies)} layers", "evaluate"):
        conclusion = conclude(design, studies, where, config.resamples, config.seed)
    told = advice(first.encoder.name, conclusion, studies)
    probe = {"size": config.probe.size, "texts": config.probe.texts, "corpus": ", ".join(names(config.corpus))}
    told["how"] = how(design, resamples=config.resamples, fitted_on=config.fit.level, seed=config.seed, **probe)
    told["commands"] = next_commands(conclusion, folder, encoder_given())
    if names(config.fit.level) == ["vocabulary"] and conclusion.reference != STORED:
        own = *encoder_given(), "fit.level=[vocabulary,texts]", "fit.corpus=SENTENCES.txt"
        what = "Ask again with sentences like those you compare, which often decide more than the method"
        told["commands"].append({"what": what, "command": command_line("advise", *own)})
    write_results(folder, conclusion.rows)
    page = write_advice(folder, told, conclusion.rows)
    print_layers(console, conclusion)
    for layer, task, why in told["not_run"]:
        console.print(f"not run: {task} on layer {layer}: {why}")
    for each in told["commands"]:
        console.print(f"{each['what']}: {each['command']}", soft_wrap=True)
    print_verdict(console, [told["advice"], told["verdict"], *told["reasons"], *filter(None, [told["warning"]])])
    close_run(folder, console)
    console.print(f"Written to {folder}; open {page} in a browser")
    return conclusion.rows


def vectors_by_layer(config: DictConfig) -> dict[str, Vectors]:
    """Raw vectors of the layers that `config.layers` names, by depth, from one loaded model.

    "all" are those that the encoder's pooling allows. What one layer reads is encoded for all of them in one pass,
    unless it is the classification token.

    Raises:
        ValueError: if the encoder has no such layer, or its layers are chosen in the encoder group.
    """
    if given_overrides("encoder.layers"):
        raise ValueError(f"{typed('advise')} compares layers: write 'layers=[…]' instead of encoder.layers=…")
    if "layers" not in config.encoder:
        if config.layers != "all":
            raise ValueError(f"word vectors have one layer: leave out layers={config.layers}")
        vectors = make_vectors(config)
        return {vectors.encoder.layers: vectors}
    whole = make_vectors(cast(DictConfig, OmegaConf.merge(config, {"encoder": {"layers": "last"}})))
    encoder = cast(TransformerEncoder, whole.encoder)
    depth = encoder.layer_indices[-1]
    needs_special = encoder.pooling == "cls" or encoder.special_tokens  # which a table has none of
    asked: Any = OmegaConf.to_container(config)["layers"]  # type: ignore[call-overload,index]
    if asked == "all":
        asked = [*([] if needs_special else [STATIC]), *range(1, depth + 1)]
    asked = asked if isinstance(asked, list) else [asked]
    blocks = [layer for layer in asked if layer != STATIC]
    blocks = resolve_layers(blocks, depth) if blocks else []
    together = encoder.at_layers(blocks) if blocks and encoder.pooling not in PICKS else None
    found = {STATIC: replace(whole, encoder=encoder.at_layers(STATIC))} if STATIC in asked else {}
    return found | {
        str(layer): replace(whole, encoder=encoder.at_layers(layer), keep_tokens=True, together=together)
        for layer in blocks
    }


def make_design(config: DictConfig, vectors: Vectors, deciding: Sequence[Task]) -> Design:
    """Word pairs that the encoder knows, sentence pairs, and the items of the tasks that decide, divided.

    Raises:
        ValueError: if either kind of pairs is left out: what helps words need not help sentences; or if `config.use` is
            none, or one that no task in `config.task` stands for.
    """
    if config.use not in (None, *USES):
        raise ValueError(f"unknown use {config.use!r}: choose one of {', '.join(USES)}, or leave it out")
    if config.use not in (None, *KINDS) and not deciding:
        known = [name for name, task in config.tasks.items() if hydra.utils.instantiate(task).use == config.use]
        raise ValueError(
            f"use={config.use} is decided by tasks, and task={names(config.task)} has none that stands for it: take "
            f"some of {', '.join(known) or 'your own'}"
        )
    for key in ("words", "sentences"):
        if not config[key]:
            raise ValueError(f"{key} names no set: a removal may help words and hurt sentences, so give pairs of both")
    words = covered(load_word_pairs(names(config.words), config.data_dir), vectors)
    sentences = load_sts(names(config.sentences), config.data_dir)
    items = Items.of(deciding, vectors) if deciding else None
    return Design(words, sentences, config.folds, config.divisions, config.seed, config.use, items)


def study_digest(config: DictConfig, vectors: Vectors, design: Design) -> str:
    """Names all that the outcome of a layer depends on, the version of the code among it."""
    settings = telling(OmegaConf.to_container(config, resolve=True))
    made_with = environment()
    texts = [text for pairs in design.pairs.values() for text in (*pairs.text1, *pairs.text2)]
    scores = [of.score.tolist() for of in design.scored.values()]
    parts = [settings, made_with["packages"], made_with["git_commit"], vectors.encoder.hash, text_hash(texts), scores]
    return digest(parts)


def study(
    config: DictConfig,
    console: Console,
    vectors: Vectors,
    design: Design,
    tasks: Sequence[Task],
    place: Path,
    key: str,
) -> LayerStudy:
    """Study one layer and keep what was found, or read what was kept."""
    layer, began = vectors.encoder.layers, time.monotonic()
    kept = find(place, key)
    if kept is not None:
        console.print(f"layer {layer}: read from {place}")
        return kept
    if config.fit.queries is not None:
        raise ValueError(f"advice is on one map for all texts: leave out fit.queries, which {typed('evaluate')} scores")
    fits = Fits(config, vectors)
    removals: list[tuple[str, Correction | Learn]] = [(RAW, none(vectors.encoder.dimension))]
    with step(f"Layer {layer}: fitting", "fit"):
        for name in dict.fromkeys(names(config.removal)):
            if is_recipe(config, name):
                removals.append((name, make_learner(config, make_recipe(config, name), vectors, fits.default, design)))
            elif name != RAW:
                for fit in fits.of(name):
                    if fit.pooling != fits.pooling:
                        raise ValueError(
                            f"advice is for one pooling: set encoder.pooling={fit.pooling} in place of the fit's"
                        )
                    removals += [(name, each) for each in make_candidates(config, name, fits.spectra(fit))]
    if any(isinstance(each, TransductiveRemoval) for _, each in removals):
        raise ValueError("a transductive removal is fitted on what it is tested on: leave it out, or take clustered")
    steps = sum(1 if isinstance(each, Correction) else len(design.fits) for _, each in removals)
    deciding = [task for task in tasks if task.use in design.items]
    with step(f"Layer {layer}: every method on every fold", "fit", steps) as bar:
        candidates = candidates_of(vectors, design, removals, deciding, bar.advance)
    final = design.choose(candidates)
    _, chosen = removals[candidates.index(final)]
    removal = chosen if isinstance(chosen, Correction) else chosen(np.arange(len(design.pairs["words"])))
    removal = removal.for_encoder(vectors.encoder)
    removal = removal.with_settings(chosen_by=[*names(config.words), *names(config.sentences)])
    further = [task for task in tasks if task not in deciding]
    measured = measure(config, console, vectors, None if final.method == RAW else removal, further)
    found = LayerStudy(layer=layer, candidates=candidates, final=final, **measured)
    keep(place, key, found, removal)
    console.print(f"layer {layer}: all pairs choose {final.name}; {time.monotonic() - began:.0f} s")
    return found


def make_learner(config: DictConfig, recipe: Recipe, vectors: Vectors, spectra: Spectra, design: Design) -> Learn:
    """What learns a removal of this layer from some of the word pairs."""
    trained_on = {"kind": "words", "sets": names(config.words), "fractions": [1.0], "seed": config.seed}
    trained_on |= {"validation_sets": None, "test_sets": None}
    words = design.pairs["words"]
    vectors = replace(vectors, at_once=tuple(distinct(words.text1, words.text2)[0]))

    def learn_from(rows: np.ndarray) -> Correction:
        pairs = words.take(rows)
        splits = (pairs, pairs, pairs)  # a recipe that chooses too does so by what it learns from
        problem = Problem(vectors, spectra, lambda: splits, "words", config.seed, config.data_dir, trained_on)
        return follow(problem, recipe)

    return learn_from


def measure(
    config: DictConfig, console: Console, vectors: Vectors, removal: Correction | None, tasks: Sequence[Task]
) -> dict[str, Any]:
    """Rows of further tasks and of geometry, and thresholds, raw and after the removal that all pairs choose.

    And what is not run, as `LayerStudy` holds all of it.
    """
    removals = {RAW: none(vectors.encoder.dimension)} | ({CHOSEN: removal} if removal else {})
    systems = [System(name, vectors.corrected(each)) for name, each in removals.items()]
    texts = vectors.first_texts(config.probe.texts)
    probe = GeometryProbe.sample(vectors, texts, config.probe.size, config.probe.queries, config.seed)
    rows, not_run = compare(config, leave_out_seen(config, console, tasks, systems), systems)
    calibrations, uncalibrated = calibrate(config, systems)
    geometry = {system.name: probe.measure(system.removal) for system in systems}
    return {
        "rows": rows + geometry_rows(vectors.encoder, config.seed, geometry),
        "not_run": [(each.what, each.why) for each in (*not_run, *uncalibrated)],
        "calibrations": calibrations,
    }


def next_commands(conclusion: Conclusion, folder: Path, encoder: Sequence[str]) -> list[dict[str, str]]:
    """What to run next: first for what is advised, then for each layer that removal helps.

    The folder holds the removals; `encoder` is what the command line said of it.
    """
    which = conclusion.which
    wanted = {which.layer: which.final} if which.outcome == "helped" else {}
    wanted |= {each.layer: each.final for each in conclusion.layers if each.outcome == "helped"} | wanted

    def command(name: str, layer: str, *rest: str) -> str:
        chosen = [f"encoder.layers={layer if layer == STATIC else f'[{layer}]'}"]
        if layer in ("words", STORED):  # the only ones there are
            chosen = {"export": ["format=numpy"], "train": ["experiment=stored"]}[name] if layer == STORED else []
        return command_line(name, *encoder, *chosen, *rest)

    as_it_is = command("export", conclusion.reference, "removal=none")
    kept = [{"what": f"Export raw layer {conclusion.reference} (advised)", "command": as_it_is}]
    if not wanted:
        return kept
    lines = []
    for layer, final in wanted.items():
        advised = " (advised)" if layer == which.layer and which.outcome == "helped" else ""
        removal = RAW if final == RAW else folder / "layers" / layer
        exported = command("export", layer, f"removal={removal}")
        lines.append({"what": f"Export layer {layer}{advised}, with {final}", "command": exported})
    trained = command("train", next(iter(wanted)))
    lines.insert(1, {"what": f"Train a removal for layer {next(iter(wanted))} at full length", "command": trained})
    return lines if which.outcome == "helped" else [*kept, *lines]
