"""export.py: an encoder and its removal, as files that work without uncone, and what was measured of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from uncone.commands.build import (
    check,
    check_complete,
    given_overrides,
    is_saved,
    make_only,
    make_problem,
    make_tasks,
    make_vectors,
    names,
)
from uncone.commands.systems import Fits, System, calibrate, compare, leave_out_seen, make_systems
from uncone.encoder import Encoder, StoredEncoder
from uncone.export.base import MARK, Exporter, check_target, whole_folder
from uncone.export.card import Evidence, card, description, shareable
from uncone.export.vectors import StoredVectors
from uncone.geometry.calibration import write_calibrations
from uncone.geometry.probe import GeometryProbe
from uncone.removal import Correction, Removal, TransductiveRemoval, load, none, reduced
from uncone.removal.spectra import Spectra
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.report.tables import print_results, print_thresholds
from uncone.runs.reading import read_results, read_settings
from uncone.support import distributed
from uncone.support.terminal import make_console, seconds_by_kind, told_seconds
from uncone.support.wording import typed
from uncone.tasks.row import Row, geometry_rows
from uncone.tasks.scoring import NotRun

ENCODERS = (
    "uncone.encoder.Encoder.from_pretrained",
    "uncone.encoder.Encoder.from_word_vectors",
    "uncone.encoder.Encoder.from_vectors",
)
SETTINGS = {
    "path",
    "layers",
    "pooling",
    "special_tokens",
    "max_length",
    "prompt",
    "binary",
    "lowercase",
    "limit",
    *("vectors", "texts", "queries", "query_texts", "pairs", "column"),  # of stored ones
}
ANYWHERE = {"device", "dtype", "token_budget", "name"}  # of an encoder: what does not tell it from another
PROBE_TEXTS, PROBE_SIZE, PROBE_QUERIES = 30, 2000, 200  # of the geometry of a removal without a run: seconds
# what format=vectors has a use for
OF_VECTORS = {
    "format",
    "input",
    "output",
    "column",
    "role",
    "removal",
    "methods",
    "dimensions",
    "overwrite",
    "threads",
    "sweep_name",
    "hydra",
}


def export(config: DictConfig) -> list[Row]:
    """Write the format that `config.format` names; returns the rows of results that speak for the removal."""
    if distributed.processes() > 1:
        raise ValueError(f"{typed('export')} runs in one process: start it without torchrun")
    console = make_console()
    check_complete(config)
    config.removal = only_removal(config.removal)
    check(config)
    exporter: Exporter | StoredVectors = hydra.utils.instantiate(config.format)
    given = {key.partition(".")[0] for key in given_overrides()}
    stored = isinstance(exporter, StoredVectors)
    if ignored := (given - OF_VECTORS if stored else given & {"input", "output", "column", "role"}):
        why = "corrects vectors that are stored, as they are" if stored else "exports an encoder, not stored vectors"
        raise ValueError(f"this format {why}: leave out {', '.join(sorted(ignored))}")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if isinstance(exporter, StoredVectors):
        exporter.check(config.overwrite)
        exporter.run(removal_of_rows(config), config.overwrite, console)
        return []
    target = Path(config.output_dir).expanduser().absolute()
    check_target(target, config.overwrite)
    run = TrainingRun.of(config.removal)
    config.encoder = chosen_encoder(config, run)
    vectors = make_vectors(config)
    if isinstance(vectors.encoder, StoredEncoder) and "task" not in given:
        config.task = []  # none can be told whose texts are rows of these
    system = make_system(config, vectors, console)
    encoder, removal = system.vectors.encoder, system.removal
    exporter.check(encoder, removal)
    console.print(f"{encoder.name}, layers {encoder.layers}, {encoder.precision}", highlight=False)
    console.print(removal.describe(), highlight=False)
    removals = {"none": none(removal.dimension), removal.method: removal}
    systems = [System(name, system.vectors.corrected(each)) for name, each in removals.items()]
    evidence, not_run = find_evidence(config, run, systems, console)
    calibrations, uncalibrated = calibrate(config, systems)
    print_results(console, evidence.tasks, [*not_run, *uncalibrated])
    print_thresholds(console, calibrations)
    console.print(evidence.verdict(calibrations), highlight=False)
    with whole_folder(target, config.overwrite) as folder:
        usage = exporter.write(encoder, removal, folder)
        shareable(removal).save(folder / "removal")
        (folder / MARK).write_text(description(encoder, removal, exporter.library))
        write_calibrations(folder, calibrations)
        text = card(encoder, removal, evidence, usage, exporter.library, calibrations)
        (folder / "README.md").write_text(text.replace("FOLDER", target.name))
    console.print(f"Took {told_seconds(seconds_by_kind())}", highlight=False)
    console.print(f"Written to {target}; how to use it: {target / 'README.md'}", highlight=False)
    return evidence.rows


def removal_of_rows(config: DictConfig) -> Correction:
    """The removal that corrects `config.input`: a saved one, or a method fitted on all its rows."""
    if is_saved(config.removal) and config.dimensions is None:  # for which nothing has to be read
        return load(config.removal)
    encoder = Encoder.from_vectors(config.input, column=config.column)
    spectra = Spectra.of(Vectors(encoder))
    if is_saved(config.removal):
        removal: Correction = load(config.removal)
    elif config.removal == "none":
        removal = none(encoder.dimension)
    else:
        removal = make_only(config, config.removal, spectra).for_encoder(encoder)
    return in_dimensions(config, removal, lambda: spectra.uniform)


def only_removal(removal: Any) -> str:
    """The one removal that is named; one of its files stands for its folder."""
    chosen = names(removal)
    if len(chosen) != 1:
        raise ValueError(
            f"an export has one removal, got {', '.join(chosen) or 'none'}: run {typed('export')} once for each"
        )
    path = Path(chosen[0])
    return str(path.absolute().parent) if path.is_file() and path.stem == "removal" else chosen[0]


def chosen_encoder(config: DictConfig, run: TrainingRun | None) -> DictConfig:
    """The encoder of the run, with what the command line says of it; or, without a run, that of the command line.

    It runs on the CPU in float32, as what is exported does.
    """
    chosen: Any = OmegaConf.to_container(config.encoder, resolve=True)
    given = given_overrides("encoder")
    if run is not None and "encoder" not in given:
        changed = [key.removeprefix("encoder.") for key in given]
        chosen = run.encoder | {key: chosen[key] for key in changed}
    chosen |= {key: value for key, value in {"device": "cpu", "dtype": "float32"}.items() if key in chosen}
    return OmegaConf.create(chosen)


def make_system(config: DictConfig, vectors: Vectors, console: Console) -> System:
    """The removal to export: saved, or made by a method whose settings, pooling too, are chosen on validation pairs.

    Raises:
        ValueError: if it belongs to another encoder, or cannot be read or made.
    """
    fits = Fits(config, vectors, make_tasks(config), console)
    (system,) = make_systems(config, config.removal, make_problem(config, vectors, fits.default), fits)
    if isinstance(system.removal, TransductiveRemoval):
        raise ValueError("a transductive removal is fitted on whatever it corrects: there is no map to export")
    removal = in_dimensions(config, system.removal, lambda: fits.default.uniform)
    return replace(system, vectors=system.vectors.corrected(removal))


def in_dimensions(config: DictConfig, removal: Correction, spectrum: Callable[[], Spectrum]) -> Correction:
    """The removal, or the same with as many numbers a vector as `config.dimensions` says; see `uncone.removal.reduced`.

    `spectrum` gives that of raw vectors.
    """
    if config.dimensions is None:
        return removal
    is_rotation = isinstance(removal, Removal) and removal.rank == config.dimensions  # for which no spectrum is made
    return reduced(removal, config.dimensions, None if is_rotation else spectrum())


@dataclass(frozen=True)
class TrainingRun:
    """A finished training run: it may come from anyone, and is read as data."""

    folder: Path
    config: dict[str, Any]  # its config.yaml, as plain values in which nothing is resolved

    @classmethod
    def of(cls, name: str) -> TrainingRun | None:
        """The run that a removal, named on a command line, was learned in; None for any other removal."""
        if not is_saved(name):
            return None
        folder = Path(name).resolve()
        folder = folder.parent if folder.name == "removal" else folder
        if not (folder / "config.yaml").is_file() or not (folder / "results.json").is_file():
            return None
        config = read_settings(folder)
        return cls(folder, config) if "trainer" in config else None

    @property
    def encoder(self) -> dict[str, Any]:
        """The encoder of the run, as its config describes it; a ValueError refuses all but settings of an encoder."""
        path, described = self.folder / "config.yaml", self.config.get("encoder")
        if not isinstance(described, dict) or described.get("_target_") not in ENCODERS:
            raise ValueError(f"{path} names no encoder of uncone: expected {' or '.join(ENCODERS)}")
        settings = dict(described)
        if settings.pop("trust_remote_code", False):
            raise ValueError(f"the encoder of {self.folder} runs code that comes with it, which an export may not hold")
        for key, value in settings.items():
            values = value if isinstance(value, list) else [value]
            if key not in {"_target_", *SETTINGS, *ANYWHERE} or any(isinstance(each, (dict, list)) for each in values):
                raise ValueError(f"the encoder in {path} has a setting {key}={value!r}, which is none of an encoder")
        return settings

    def evidence(self) -> Evidence | None:
        """The results of the run for its removal and for raw vectors, if it has both, as this version writes them."""
        try:
            rows = [row for row in read_results(self.folder) if row.method in ("none", "learned")]
        except ValueError:
            return None
        if {row.method for row in rows} != {"none", "learned"}:
            return None
        pairs, contrast = self.config["data"], self.config["recipe"]["contrast"]
        sets = ", ".join(Path(name).name for name in names(pairs["sets"]))
        texts = f"; neighbouring sentences of {Path(contrast['corpus']).name}" if contrast["weight"] else ""
        kind = pairs["kind"].removesuffix("s")  # word or sentence
        data = f"{kind} pairs with human scores: {sets}{texts}" if sets else "rows that belong together, without scores"
        return Evidence("learned", rows, "Measured by the training run, on data it did not learn from", data)


def find_evidence(
    config: DictConfig, run: TrainingRun | None, systems: Sequence[System], console: Console
) -> tuple[Evidence, list[NotRun]]:
    """The results of the run if they are of this encoder, else those of a quick measurement, of raw and corrected."""
    if run is not None and config.dimensions is None and _distinct(run.encoder) == _distinct(dict(config.encoder)):
        evidence = run.evidence()
        if evidence is not None:
            return evidence, []
    rows, not_run = compare(config, leave_out_seen(config, console, make_tasks(config), systems), systems)
    vectors, removal = systems[-1].vectors, systems[-1].removal
    if not rows:
        return Evidence(removal.method, [], ""), not_run
    texts = vectors.first_texts(PROBE_TEXTS)
    probe = GeometryProbe.sample(vectors, texts, PROBE_SIZE, PROBE_QUERIES, config.seed)
    measured = {system.name: probe.measure(system.removal) for system in systems}
    rows += geometry_rows(vectors.encoder, config.seed, measured)
    return Evidence(removal.method, rows, "Measured when this was exported"), not_run


def _distinct(encoder: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in encoder.items() if key not in ANYWHERE}
