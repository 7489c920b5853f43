"""The model card and the description that travel in every exported folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uncone
from uncone.encoder import Encoder, TransformerEncoder
from uncone.export.base import markdown
from uncone.export.hub import metadata
from uncone.geometry.calibration import Calibration
from uncone.removal import Correction
from uncone.report.tables import about_thresholds, geometry_table, threshold_lines
from uncone.report.verdict import outcome, verdict
from uncone.tasks.row import GEOMETRY, Row
from uncone.tasks.table import markdown_table

TRAINED_ON = "trained_on"  # the setting that describes the pairs a removal learned from
NOT_HELPED = {
    "hurts": "**This removal makes the encoder worse on what was measured. Use the raw encoder.**",
    "changes nothing for sure": "**Nothing that was measured shows that removal helps this encoder.**",
    "helps some tasks and hurts others": "**This removal does not help everywhere: see which task is yours.**",
}


@dataclass(frozen=True)
class Evidence:
    """What is known of the effect of a removal."""

    removal: str  # how the rows call it
    rows: list[Row]  # of "none" and the removal, geometry included
    origin: str  # of the rows, in words
    data: str | None = None  # what the removal was learned on, in words

    @property
    def tasks(self) -> list[Row]:
        """The rows of tasks."""
        return [row for row in self.rows if row.task != GEOMETRY]

    @property
    def geometry(self) -> list[Row]:
        """The rows of geometry."""
        return [row for row in self.rows if row.task == GEOMETRY]

    def verdict(self, calibrations: Mapping[str, Calibration]) -> str:
        """What the removal does for this encoder, in words a person can act on."""
        if self.removal == "none":
            return "Nothing is removed: these are the vectors of the raw encoder."
        if not self.tasks:
            return "The effect of this removal on the encoder was not measured."
        remark = NOT_HELPED.get(outcome(self.tasks, self.removal))
        told = verdict(self.tasks, self.geometry, calibrations, self.removal)
        return " ".join([*told, *([remark] if remark else [])])


def description(encoder: Encoder, removal: Correction, library: str) -> str:
    """uncone.json: what was exported, and by which version."""
    settings = {key: value for key, value in removal.settings.items() if key != TRAINED_ON}
    content = {
        "uncone": uncone.__version__,
        "library": library,
        "encoder": {"name": encoder.name, "dimension": encoder.dimension, **encoder.settings},
        "removal": {"kind": removal.kind, "method": removal.method, "settings": settings},
    }
    return json.dumps(content, indent=1)


def card(
    encoder: Encoder,
    removal: Correction,
    evidence: Evidence,
    usage: str,
    library: str,
    calibrations: Mapping[str, Calibration],
) -> str:
    """README.md of an exported folder, which is called FOLDER in it; there may be no calibrations."""
    text = markdown(
        "card",
        encoder=encoder,
        contextual=isinstance(encoder, TransformerEncoder),
        removal=removal,
        evidence=evidence,
        verdict=evidence.verdict(calibrations),
        scores=markdown_table(evidence.tasks).strip() if evidence.tasks else "",
        geometry=geometry_table(evidence.geometry),
        usage=usage,
        metadata=metadata(encoder, evidence.removal, evidence.tasks, library),
        thresholds=threshold_lines(calibrations),
        about_thresholds=about_thresholds(calibrations) if calibrations else "",
        version=uncone.__version__,
    )
    return text + "\n"


def shareable(removal: Correction) -> Correction:
    """A removal that does not tell where on this machine the pairs it learned from lie, only what they are called."""
    if TRAINED_ON not in removal.settings:
        return removal
    told = {
        key: [Path(name).name for name in value] if isinstance(value, list) and key.endswith("sets") else value
        for key, value in removal.settings[TRAINED_ON].items()
    }
    return removal.with_settings(**{TRAINED_ON: told})
