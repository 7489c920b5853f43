"""One layer studied: what every candidate removal says of all pairs and items, kept for a study that continues."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from uncone.advice.design import RAW, Candidate, Design
from uncone.advice.items import speaking
from uncone.geometry.calibration import Calibration
from uncone.removal import Correction
from uncone.removal.vectors import Vectors
from uncone.support.files import whole
from uncone.tasks.base import Task, distinct, paired_cosine
from uncone.tasks.row import Row

_KEPT = "study.safetensors"
Learn = Callable[[np.ndarray], Correction]  # from the rows of word pairs to learn from


@dataclass(frozen=True, kw_only=True)
class LayerStudy:
    """What was found of one layer.

    Attributes:
        candidates: raw vectors first, then every removal at every setting.
        final: the candidate that all pairs choose.
        rows: of further tasks and of the geometry, raw and "chosen", after that removal.
        calibrations: the cosines of random pairs of texts, raw and "chosen".
        not_run: tasks that could not be had, and why.
    """

    layer: str
    candidates: list[Candidate]
    final: Candidate
    rows: list[Row]
    not_run: list[tuple[str, str]]
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)


def candidates_of(
    vectors: Vectors,
    design: Design,
    removals: Sequence[tuple[str, Correction | Learn]],
    tasks: Sequence[Task] = (),
    advance: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Score every removal on all pairs, and in the tasks that decide.

    Args:
        vectors: raw ones, of one layer.
        removals: each with its method, raw vectors first. One that knows nothing of the pairs serves all folds; what
            learns from them does so once for every two folds, see `Design.fits`.
        tasks: those of the design's items.
        advance: called after each fit.
    """
    found = []
    for method, removal in removals:
        settings: Mapping[str, Any] = {}
        if isinstance(removal, Correction):
            settings, fits = removal.settings, iter([removal])
        else:
            fits = map(removal, map(design.training, range(len(design.fits))))
        of_fits = []
        for fitted in fits:
            of_fits.append(predictions(vectors, fitted, design, tasks))
            advance()
        found.append(Candidate(method, settings, {kind: np.stack([of[kind] for of in of_fits]) for kind in of_fits[0]}))
    return found


def predictions(vectors: Vectors, removal: Correction, design: Design, tasks: Sequence[Task]) -> dict[str, np.ndarray]:
    """Cosines (n,) of the words and (m,) of the sentences of a design, and of its items what tasks predict."""
    corrected = vectors.corrected(removal.for_encoder(vectors.encoder))
    found = {}
    for kind, read in (("words", corrected.words), ("sentences", corrected.sentences)):
        texts, first, second = distinct(design.pairs[kind].text1, design.pairs[kind].text2)
        found[kind] = paired_cosine(read(texts), first, second)
    for kind in design.items:
        found[kind] = np.concatenate([speaking(task, corrected).predicted for task in tasks])
    return found


def keep(folder: Path, digest: str, study: LayerStudy, removal: Correction) -> None:
    """Write a finished layer into a folder of its own, whole or not at all, with the removal chosen, unless it is none.

    `digest` is of all that the outcome depends on.
    """
    arrays = {
        f"{kind}.{i}": np.ascontiguousarray(of)
        for i, each in enumerate(study.candidates)
        for kind, of in each.predicted.items()
    }
    told = {
        "digest": digest,
        "layer": study.layer,
        "candidates": [[each.method, dict(each.settings)] for each in study.candidates],
        "final": study.candidates.index(study.final),
        "rows": [row.to_json() for row in study.rows],
        "not_run": study.not_run,
        "calibrations": {removal: each.to_json() for removal, each in study.calibrations.items()},
    }
    with whole(folder) as aside:
        aside.mkdir()
        if study.final.method != RAW:
            removal.save(aside)
        save_file(arrays, aside / _KEPT, metadata={"study": json.dumps(told)})


def find(folder: Path, digest: str) -> LayerStudy | None:
    """The layer kept in a folder, if it is there, whole, and of the same study."""
    try:
        with safe_open(folder / _KEPT, "np") as kept:
            told = json.loads(kept.metadata()["study"])
            if told.pop("digest") != digest:
                return None
            kinds = dict.fromkeys(name.partition(".")[0] for name in kept.keys())  # noqa: SIM118  # it is no mapping
            told["candidates"] = [
                Candidate(method, settings, {kind: kept.get_tensor(f"{kind}.{i}") for kind in kinds})
                for i, (method, settings) in enumerate(told["candidates"])
            ]
        told["final"] = told["candidates"][told["final"]]
        told["calibrations"] = {name: Calibration.from_json(each) for name, each in told["calibrations"].items()}
        return LayerStudy(**told | {"rows": [Row.from_json(row) for row in told["rows"]]})
    except Exception:  # damaged: study it again
        return None
