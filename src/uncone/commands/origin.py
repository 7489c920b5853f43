"""Where a removal comes from: the training run beside it, its encoder, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig
from rich.console import Console

from uncone.commands.build import is_saved, make_tasks, names
from uncone.commands.systems import compare, leave_out_seen
from uncone.export.card import Evidence
from uncone.geometry.probe import GeometryProbe
from uncone.removal import Correction, none
from uncone.removal.vectors import Vectors
from uncone.report.tables import print_results
from uncone.runs.reading import read_results
from uncone.tasks.row import geometry_rows

ENCODERS = ("uncone.encoder.Encoder.from_pretrained", "uncone.encoder.Encoder.from_word_vectors")
SETTINGS = {"path", "layers", "pooling", "special_tokens", "max_length", "token_budget", "binary", "lowercase", "limit"}
ANYWHERE = {"device", "dtype", "name"}  # of an encoder: what does not tell it from another
PROBE_TEXTS, PROBE_SIZE, PROBE_QUERIES = 30, 2000, 200  # of the geometry of a removal without a run: seconds


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
        path = folder / "config.yaml"
        if not path.is_file() or not (folder / "results.json").is_file():
            return None
        try:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ValueError(f"{path} cannot be read as plain YAML: {error}") from error
        return cls(folder, config) if isinstance(config, dict) and "trainer" in config else None

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
            if any("${" in str(each) for each in values):
                raise ValueError(f"the encoder in {path} refers to other values: write them out")
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
        data = f"{kind} pairs with human scores: {sets}{texts}"
        return Evidence("learned", rows, "Measured by the training run, on data it did not learn from", data)


def find_evidence(
    config: DictConfig, run: TrainingRun | None, vectors: Vectors, removal: Correction, console: Console
) -> Evidence:
    """The results of the run if they are of this encoder, else those of a quick measurement."""
    if run is not None and _distinct(run.encoder) == _distinct(dict(config.encoder)):
        evidence = run.evidence()
        if evidence is not None:
            print_results(console, evidence.tasks, [])
            return evidence
    removals = {"none": none(removal.dimension), removal.method: removal}
    tasks = leave_out_seen(config, console, make_tasks(config), removals)
    rows, not_run = compare(config, vectors, tasks, removals)
    print_results(console, rows, not_run)
    if not rows:
        return Evidence(removal.method, [], "")
    texts = vectors.corpus[:PROBE_TEXTS]
    probe = GeometryProbe.sample(vectors, texts, PROBE_SIZE, PROBE_QUERIES, config.seed)
    measured = {name: probe.measure(each) for name, each in removals.items()}
    rows += geometry_rows(vectors.encoder, config.seed, measured)
    return Evidence(removal.method, rows, "Measured when this was exported")


def _distinct(encoder: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in encoder.items() if key not in ANYWHERE}
