"""analyze.py: the geometry of every layer of an encoder over a corpus, before and after removals."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from torch import Tensor

from uncone.commands.build import close_run, given_overrides, is_saved, make_only, names, open_run
from uncone.commands.systems import saved_name
from uncone.data.corpora import Corpora, Corpus
from uncone.encoder import Encoder, StoredEncoder, TableEncoder, TransformerEncoder
from uncone.geometry.atlas.frequencies import type_frequencies
from uncone.geometry.atlas.occurrences import (
    Batch,
    CorpusOccurrences,
    Occurrences,
    StoredOccurrences,
    TableOccurrences,
    kept_types,
)
from uncone.geometry.atlas.sampled import SampledSettings
from uncone.geometry.atlas.store import AtlasStore
from uncone.geometry.atlas.survey import LayerMap, survey
from uncone.geometry.atlas.table import print_atlas
from uncone.geometry.atlas.views import view_points, view_sample, word_groups
from uncone.geometry.atlas.windows import Windows
from uncone.geometry.measures import definitions
from uncone.removal import ClusteredRemoval, Correction, TransductiveRemoval, none
from uncone.removal import load as load_removal
from uncone.removal.spectra import Spectra
from uncone.report.figures import write_figures
from uncone.report.narrow import about_corpus, conclusion
from uncone.report.page import write_page
from uncone.runs.folder import write_results
from uncone.support import distributed
from uncone.support.terminal import headed, make_console, step, track
from uncone.support.wording import typed
from uncone.tasks.row import GEOMETRY, Row

INTERVAL = 1.96  # standard errors to either side of a sampled measure: 95 %


def analyze(config: DictConfig) -> list[Row]:
    """Survey every encoder and write the atlas; returns the rows of results.json, in the first of several processes."""
    console = make_console()
    folder = open_run(config)
    store = AtlasStore(folder)
    settings = SampledSettings(resamples=config.resamples, seed=config.seed, **config.measures)
    described = definitions(settings, config.sample)
    rows: list[Row] = []
    index: dict[str, Any] = {}
    for encoder in load_encoders(config):
        if encoder.name in index:
            raise ValueError(f"two encoders are called {encoder.name}: give one of them another encoder.name")
        console.print(f"{encoder.name}, {encoder.precision}", highlight=False)
        maps, index[encoder.name] = _survey(config, encoder, settings, store, console)
        rows += [row for layer_map in maps for row in _rows(layer_map, encoder.name, config.seed)]
        if distributed.is_first():
            print_atlas(console, encoder.name, index[encoder.name], maps, described)
    if not distributed.is_first():
        return rows
    corpus = {"name": " and ".join(names(config.corpus)), "limit": config.corpus_limit}
    store.write_index(corpus | {"window_words": config.window_words}, index)
    store.write_definitions(described)
    write_results(folder, rows)
    with step("Drawing", "report"):
        write_figures(folder)
        page = write_page(folder)
    console.print(about_corpus(store.index()), highlight=False)
    for name, entry in index.items():
        head, *more = conclusion(rows, name, entry["dimension"])
        console.print(headed(f"\n{head}", ""))
        for sentence in more:
            console.print(f"  {sentence}", highlight=False, soft_wrap=True)
    close_run(folder, console)
    console.print(f"Written to {folder}; open {page} in a browser")
    return rows


def load_encoders(config: DictConfig) -> Iterator[Encoder]:
    """The encoders that the command line names, one after another: `encoder=NAME`, or `encoder=[NAME, …]`.

    In a list, each encoder is as its file in conf/encoder says; values that a file leaves open come from `encoder.KEY`.

    Raises:
        ValueError: if layers or special tokens are chosen for one encoder instead of all, or a pooling of tokens.
    """
    given = given_overrides("encoder")
    for key in ("layers", "special_tokens"):
        if f"encoder.{key}" in given:
            raise ValueError(
                f"{typed('analyze')} takes {key} for all its encoders: write {key}=… instead of encoder.{key}=…"
            )
    if "encoder.pooling" in given:
        raise ValueError(f"{typed('analyze')} measures tokens, which are not pooled: leave out encoder.pooling")
    chosen = OverridesParser.create().parse_override(f"encoder={given.get('encoder', 'null')}").value()
    for name in chosen if isinstance(chosen, list) else [None]:
        entry = config.encoder if name is None else hydra.compose(f"encoder/{name}").encoder
        options: Any = OmegaConf.to_container(entry)
        options = {key: config.encoder[key] if value == "???" else value for key, value in options.items()}
        shared: Any = OmegaConf.to_container(OmegaConf.masked_copy(config, ["layers", "special_tokens"]))
        options |= {key: value for key, value in shared.items() if key in options}
        with step("Loading the encoder", "load"):
            encoder = hydra.utils.instantiate(options)
        yield encoder


def make_occurrences(config: DictConfig, encoder: Encoder) -> Occurrences:
    """What is measured: the token occurrences of the corpus, or the rows of a table."""
    if isinstance(encoder, StoredEncoder):
        return StoredOccurrences(encoder, config.sample, config.seed)
    kept = kept_types(encoder, config.special_tokens, config.punctuation, config.pieces)
    if isinstance(encoder, TransformerEncoder):
        parts = [Corpus(name, config.column, config.split, config.data_dir) for name in names(config.corpus)]
        windows = Windows(Corpora(parts, config.corpus_limit), config.window_words)
        return CorpusOccurrences(encoder, windows, kept, config.sample, config.pilot_windows, config.seed)
    if isinstance(encoder, TableEncoder):
        return TableOccurrences(encoder, kept, config.sample, config.seed)
    raise ValueError(f"{encoder.name} is a {type(encoder).__name__}; an atlas maps transformers and static tables")


def make_removals(config: DictConfig, encoder: Encoder, layer: str, points: Tensor) -> dict[str, Correction]:
    """The removals that `config.removal` names for one layer, fitted on its points (n, d).

    A saved removal applies to the layer it belongs to.

    Raises:
        ValueError: if a method's setting is a list, a saved removal belongs to another encoder, or a removal corrects
            no single token: pooled texts, or whatever stands together.
    """
    made: dict[str, Correction] = {}
    spectra = Spectra(lambda: points)
    if isinstance(encoder, StoredEncoder):  # which are there already: removals are fitted on all of them
        spectra = Spectra(partial(getattr, encoder, "rows"), level="texts")
    for name in names(config.removal):
        if name == "none":
            made[name] = none(encoder.dimension)
        elif is_saved(name):
            removal = load_removal(name)
            owner = None if config.allow_other_encoder else removal.encoder
            if owner and owner["hash"] != encoder.hash:
                raise ValueError(
                    f"{name} belongs to another encoder ({owner['name']}, hash {owner['hash'][:8]}); "
                    "set allow_other_encoder=true if you are sure that it fits"
                )
            if not owner or owner["layers"] == layer:
                made[saved_name(name)] = removal
        else:
            made[name] = make_only(config, name, spectra)
    for name, correction in made.items():
        if isinstance(correction, TransductiveRemoval):
            raise ValueError(f"{name} is fitted anew on whatever it corrects, here every batch: take clustered instead")
        if isinstance(correction, ClusteredRemoval) and correction.level != spectra.level:
            raise ValueError(f"{name} corrects pooled {correction.level}, and an atlas maps tokens: leave it out")
    return made


def _survey(
    config: DictConfig, encoder: Encoder, settings: SampledSettings, store: AtlasStore, console: Console
) -> tuple[list[LayerMap], dict[str, Any]]:
    """Measure and store the maps of one encoder; returns them, and its entry in the index."""
    with step("Cutting the corpus into tokens", "load"):
        occurrences = make_occurrences(config, encoder)
    frequency = type_frequencies(encoder, config.frequencies, occurrences.counts)
    words: Any = OmegaConf.to_container(config.words)
    groups = word_groups(encoder.pieces, words)
    shown = view_points(occurrences.drawn.types, groups, config.seed)
    if distributed.is_first():
        store.write_sample(encoder.name, view_sample(occurrences, shown, encoder.pieces, frequency, words, groups))
    scratch = store.output_dir if store.output_dir.is_dir() else None  # which other machines need not have
    maps = []
    with step(f"Layers of {encoder.name}", "geometry", len(occurrences.layers) * len(names(config.removal))) as layers:

        def watched(batches: Iterator[Batch], total: int) -> Iterator[Batch]:
            yield from track(batches, "Tokens of the corpus", "encode", total, size=lambda batch: len(batch.types))

        removals = partial(make_removals, config, encoder)
        for found in survey(occurrences, removals, frequency, shown, settings, watched, scratch):
            store.write_map(encoder.name, found.layer, found.removal, found.points, found.curves)
            maps.append(found)
            layers.advance()
            console.print(f"measured layer {found.layer}, removal {found.removal}", highlight=False)
    return maps, {
        "dimension": encoder.dimension,
        "layers": occurrences.layers,
        "removals": list(dict.fromkeys(m.removal for m in maps)),
        "occurrences": int(occurrences.counts.sum()),
        "types": int((occurrences.counts > 0).sum()),
        "windows": occurrences.texts,
    }


def _rows(layer_map: LayerMap, encoder: str, seed: int) -> list[Row]:
    """Rows of results.json for one map."""
    where: dict[str, Any] = {"encoder": encoder, "layers": layer_map.layer, "removal": layer_map.removal, "seed": seed}
    rows = []
    for metric, (value, se, n) in layer_map.measures.items():
        low, high = (None, None) if se is None else (value - INTERVAL * se, value + INTERVAL * se)
        row = Row(**where, task=GEOMETRY, subset=layer_map.layer, metric=metric, value=value, low=low, high=high, n=n)
        rows.append(row)
    return rows
