"""Finished layers on disk, so that a study that was interrupted continues where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from uncone.advice.choice import RAW, Candidate
from uncone.advice.layer import LayerStudy
from uncone.support.files import whole
from uncone.tasks.row import Row

_STUDY, _COSINES = "study.json", "cosines.safetensors"


class FinishedLayer(NamedTuple):
    """What is kept of a layer.

    Attributes:
        layer: its name.
        candidates: with their cosines.
        final: number of the candidate that all pairs choose.
        described: that removal in a line.
        geometry: measures of the geometry, raw ("none") and after it ("chosen").
        rows: result rows of further tasks.
        not_run: (task, why) of those that could not be had.
    """

    layer: str
    candidates: list[Candidate]
    final: int
    described: str
    geometry: dict[str, dict[str, float]]
    rows: list[Row]
    not_run: list[tuple[str, str]]


def keep(folder: Path, digest: str, study: LayerStudy, **measured: Any) -> None:
    """Write a finished layer into a folder of its own, whole or not at all.

    Args:
        folder: of this layer; the chosen removal stands in it as `Correction.save` writes it, unless it is none.
        digest: of all that the outcome depends on.
        study: the outcome.
        **measured: geometry, rows and not_run of `FinishedLayer`.
    """
    with whole(folder) as aside:
        aside.mkdir()
        if study.candidates[study.final].method != RAW:
            study.removal.save(aside)
        cosines = {
            f"{kind}.{i}": np.ascontiguousarray(getattr(each, kind))
            for i, each in enumerate(study.candidates)
            for kind in ("words", "sentences")
        }
        save_file(cosines, aside / _COSINES)
        described = {
            "digest": digest,
            "layer": study.layer,
            "candidates": [[each.method, each.settings] for each in study.candidates],
            "final": study.final,
            "described": study.removal.describe(),
            **measured,
        }
        (aside / _STUDY).write_text(json.dumps(described, indent=1))


def find(folder: Path, digest: str) -> FinishedLayer | None:
    """The layer kept in a folder, if it is there, whole, and of the same study."""
    try:
        kept = json.loads((folder / _STUDY).read_text())
        if kept.pop("digest") != digest:
            return None
        cosines = load_file(folder / _COSINES)
        kept["candidates"] = [
            Candidate(method, settings, cosines[f"words.{i}"], cosines[f"sentences.{i}"])
            for i, (method, settings) in enumerate(kept["candidates"])
        ]
        return FinishedLayer(**kept | {"rows": [Row.from_json(row) for row in kept["rows"]]})
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):  # damaged: study it again
        return None
