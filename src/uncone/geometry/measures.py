"""What each geometry number means: one registry for the training log, results.json, the page and the model card."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from uncone.geometry.atlas.sampled import SampledSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A geometry number; the fields are described at the top of measures.toml."""

    name: str
    definition: str
    unit: str
    title: str
    text: str = ""
    direction: Literal["lower", "higher"] | None = None
    over_depth: bool = False
    from_zero: bool = True


_FILE = resources.files("uncone.geometry").joinpath("measures.toml")
MEASURES = {name: Measure(name=name, **entry) for name, entry in tomllib.loads(_FILE.read_text("utf-8")).items()}


def definitions(settings: SampledSettings, sample: int) -> dict[str, str]:
    """A sentence for each measure, with the settings it was measured under and the vectors drawn, at most."""
    values = {
        "signs": "both signs of each" if settings.signs == "both" else "signs as LAPACK returns them",
        "k": settings.neighbours,
        "sample": f"{sample:,}".replace(",", " "),
        "weights": "weighted by types" if settings.cluster_weights == "types" else "unweighted",
        "distance": "squared Euclidean" if settings.squared else "Euclidean",
        "cai": "Cai et al., ICLR 2021",
    }
    return {name: measure.definition.format(**values) for name, measure in MEASURES.items()}
