"""advise.py: does removal help an encoder, on which layers, and which should be used?"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers.utils.logging import disable_progress_bar

from uncone.advice.choice import RAW, Design
from uncone.advice.conclusion import CHOSEN, conclude
from uncone.advice.kept import find, keep
from uncone.advice.layer import LEARNED, LayerStudy, pairs_of_folds, study_layer
from uncone.advice.layers import choose_layers, share_encoding, vectors_of
from uncone.advice.learner import Learner, LearnerSettings
from uncone.advice.page import write_advice_page
from uncone.advice.table import print_advice
from uncone.advice.words import advice, result_rows
from uncone.commands.build import is_saved, make_candidates, make_tasks, names, numbers, open_run
from uncone.commands.systems import leave_out_seen
from uncone.data import load_sts, load_texts, load_word_pairs
from uncone.data.pairs import ScoredPairs
from uncone.encoder.store import text_hash
from uncone.geometry.probe import GeometryProbe
from uncone.learning.problem import contrast_corpus, covered, known_neighbours
from uncone.removal import Correction, TransductiveRemoval, none
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.runs.folder import environment, write_results
from uncone.runs.settings import digest, telling
from uncone.support.files import write
from uncone.tasks import Row, evaluate

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def advise(config: DictConfig) -> list[Row]:
    """Study every layer and write the advice; returns the rows of results.json."""
    console = Console()
    disable_progress_bar()  # of loading, which takes a moment for each layer
    folder = open_run(config)
    check_removals(config)
    layers = choose_layers(config)
    first = vectors_of(config, layers[0])
    words, sentences = load_pairs(config, first)
    design = Design(words, sentences, config.folds, config.divisions, config.seed)
    console.print(
        f"{first.encoder.name}: {len(words)} word pairs in {config.folds} folds, {len(sentences)} sentence pairs; "
        f"to continue after an interruption: output_dir={folder}",
        highlight=False,
        markup=False,
    )
    key = study_digest(config, first, design)
    places = [folder / "layers" / (first.encoder.layers if layer is None else str(layer)) for layer in layers]
    finished = {place: find(place, key) for place in places}
    if None in finished.values():
        share_encoding(config, first, layers, design)
    for layer, place in zip(layers, places, strict=True):
        if finished[place] is None:
            study(config, console, first if layer == layers[0] else vectors_of(config, layer), design, place, key)
            finished[place] = find(place, key)
        else:
            console.print(f"layer {place.name}: read from {place}", highlight=False, markup=False)
    kept = [each for each in finished.values() if each is not None]
    if len(kept) < len(places):
        raise OSError(f"what was written to {folder / 'layers'} cannot be read back: is the disk full or failing?")
    with console.status(f"Drawing {config.resamples} resamples for {len(kept)} layers"):
        conclusion = conclude(design, kept, config.resamples, config.seed)
    told = advice(config, first.encoder, design, conclusion, kept)
    rows = result_rows(first.encoder, conclusion, kept, config.seed)
    write_results(folder, rows)
    write(folder / "advice.json", json.dumps(told, indent=1))
    page = write_advice_page(folder)
    print_advice(console, told)
    console.print(f"Written to {folder}; open {page} in a browser", highlight=False, markup=False)
    return rows


def check_removals(config: DictConfig) -> None:
    """Refuse removals that a study cannot choose among."""
    for name in names(config.removal):
        if is_saved(name):
            raise ValueError(f"{name} is saved, and may have been trained on these pairs: score it with evaluate.py")


def load_pairs(config: DictConfig, vectors: Vectors) -> tuple[ScoredPairs, ScoredPairs]:
    """Word pairs that the encoder knows, and sentence pairs.

    Raises:
        ValueError: if either kind is left out: what helps words need not help sentences.
    """
    for key in ("words", "sentences"):
        if not config[key]:
            raise ValueError(f"{key} names no set: a removal may help words and hurt sentences, so give pairs of both")
    words = load_word_pairs(names(config.words), config.data_dir)
    return covered(words, vectors), load_sts(names(config.sentences), config.data_dir)


def study_digest(config: DictConfig, vectors: Vectors, design: Design) -> str:
    """Names all that the outcome of a layer depends on, the version of the code among it."""
    settings = telling(OmegaConf.to_container(config, resolve=True))
    made_with = environment()
    texts = [text for pairs in (design.words, design.sentences) for text in (*pairs.text1, *pairs.text2)]
    scores = [pairs.score.tolist() for pairs in (design.words, design.sentences)]
    parts = [settings, made_with["packages"], made_with["git_commit"], vectors.encoder.hash, text_hash(texts), scores]
    return digest(parts)


def study(config: DictConfig, console: Console, vectors: Vectors, design: Design, place: Path, key: str) -> None:
    """Study one layer, and keep what was found."""
    began = time.monotonic()
    spectra = Spectra.of(vectors, config.fitted_on)
    made: dict[str, list[Correction]] = {RAW: [none(vectors.encoder.dimension)]}
    made |= {name: make_candidates(config, name, spectra) for name in names(config.removal) if name != RAW}
    removals = {name: [each.for_encoder(vectors.encoder) for each in found] for name, found in made.items()}
    if any(isinstance(each, TransductiveRemoval) for found in removals.values() for each in found):
        raise ValueError("a transductive removal is fitted on what it is tested on: leave it out, or take clustered")
    learner = None
    if config.learning is not None:
        learner = make_learner(config, vectors, design, spectra)
    fits = sum(map(len, removals.values())) + (len(pairs_of_folds(config.folds)) if learner else 0)
    with Progress(*COLUMNS, console=console, transient=True) as bars:
        bar = bars.add_task(f"layer {vectors.encoder.layers}", total=fits)
        found = study_layer(vectors, design, removals, learner, lambda: bars.advance(bar))
    found = with_origin(config, found)
    chosen = found.candidates[found.final]
    measured = measure(config, console, vectors, found)
    keep(place, key, found, **measured)
    settings = f" ({chosen.settings})" if chosen.settings else ""
    console.print(
        f"layer {found.layer}: all pairs choose {chosen.method}{settings}; {time.monotonic() - began:.0f} s",
        highlight=False,
    )


def make_learner(config: DictConfig, vectors: Vectors, design: Design, spectra: Spectra) -> Learner:
    """What learns a removal of this layer, as `config.learning` says."""
    asked = config.learning
    settings = LearnerSettings(
        list(asked.components),
        list(asked.centred),
        asked.rank,
        list(asked.steps),
        numbers(asked.pull),
        asked.mixing_pull,
        asked.learning_rate,
        asked.contrast.weight,
        asked.contrast.temperature,
        asked.contrast.batch_size,
        config.seed,
    )
    neighbours = known_neighbours(contrast_corpus(asked.contrast, config.data_dir), vectors)
    return Learner(vectors, design, spectra.blend(asked.uniform_share), neighbours, settings)


def with_origin(config: DictConfig, found: LayerStudy) -> LayerStudy:
    """The removal says what it was chosen by; a learned one also what it was trained on, for tests to leave out."""
    settings: dict[str, Any] = {"chosen_by": [*names(config.words), *names(config.sentences)]}
    if found.candidates[found.final].method == LEARNED:
        trained_on = {"kind": "words", "sets": names(config.words), "fractions": [1.0], "seed": config.seed}
        settings["trained_on"] = trained_on | {"validation_sets": None, "test_sets": None}
    return replace(found, removal=found.removal.with_settings(**settings))


def measure(config: DictConfig, console: Console, vectors: Vectors, found: LayerStudy) -> dict[str, Any]:
    """Geometry and further tasks, raw and after the removal that all pairs choose."""
    systems: dict[str, Correction] = {RAW: none(vectors.encoder.dimension).for_encoder(vectors.encoder)}
    if found.candidates[found.final].method != RAW:
        systems[CHOSEN] = found.removal
    texts = load_texts(config.corpus, config.data_dir)[: config.probe.texts]
    sizes = (config.probe.size, config.probe.queries)
    probe = GeometryProbe.sample(vectors, texts, vectors.type_probabilities(), *sizes, config.seed)
    tasks = leave_out_seen(config, console, make_tasks(config), systems)
    rows, not_run = evaluate(
        tasks,
        {name: vectors.corrected(removal) for name, removal in systems.items()},
        encoder=vectors.encoder.name,
        layers=vectors.encoder.layers,
        pooling=vectors.encoder.pooling,
        seed=config.seed,
        reference=RAW,
        resamples=config.resamples,
    )
    return {
        "geometry": {name: probe.measure(removal) for name, removal in systems.items()},
        "rows": [row.to_json() for row in rows],
        "not_run": [[each.task, each.why] for each in not_run],
    }
