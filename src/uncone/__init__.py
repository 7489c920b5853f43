"""uncone: learned post-processing of frozen text encoders.

Encoders squeeze their vectors into a narrow cone; uncone measures that cone, learns how much of each dominant component
to remove, and says with honest statistics whether it helped.

    >>> import uncone
    >>> encoder = uncone.Encoder.from_pretrained("minilm", layers="static")
    >>> words, table = uncone.Vectors(encoder).raw_vocabulary()
    >>> removal = uncone.removal.all_but_the_top(table, D=3)
    >>> removal(encoder.encode(["a narrow cone", "an open field"], progress=False)).shape
    (2, 384)

`uncone.learn(encoder)` learns one instead. Names load when they are first used, so that `import uncone` is fast.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uncone import geometry as geometry
    from uncone import removal as removal
    from uncone import runs as runs
    from uncone.encoder import Encoder as Encoder
    from uncone.encoder.store import FeatureStore as FeatureStore
    from uncone.export.estimator import DominantComponentRemoval as DominantComponentRemoval
    from uncone.export.hub import push_to_hub as push_to_hub
    from uncone.export.sentence_transformers import attach as attach
    from uncone.geometry.calibration import Calibration as Calibration
    from uncone.learning.callbacks.watch import GeometryWatch as GeometryWatch
    from uncone.learning.callbacks.watch import LightningWatch as LightningWatch
    from uncone.learning.callbacks.watch import TrainerWatch as TrainerWatch
    from uncone.learning.learn import learn as learn
    from uncone.learning.module import RemovalModule as RemovalModule
    from uncone.removal import ClusteredRemoval as ClusteredRemoval
    from uncone.removal import Removal as Removal
    from uncone.removal.clustering import Clustering as Clustering
    from uncone.removal.spectrum import Spectrum as Spectrum
    from uncone.removal.vectors import Vectors as Vectors

__version__ = version("uncone")

_HOMES = {
    "Calibration": "uncone.geometry.calibration",
    "ClusteredRemoval": "uncone.removal",
    "Clustering": "uncone.removal.clustering",
    "DominantComponentRemoval": "uncone.export.estimator",
    "Encoder": "uncone.encoder",
    "FeatureStore": "uncone.encoder.store",
    "GeometryWatch": "uncone.learning.callbacks.watch",
    "LightningWatch": "uncone.learning.callbacks.watch",
    "Removal": "uncone.removal",
    "RemovalModule": "uncone.learning.module",
    "Spectrum": "uncone.removal.spectrum",
    "TrainerWatch": "uncone.learning.callbacks.watch",
    "Vectors": "uncone.removal.vectors",
    "attach": "uncone.export.sentence_transformers",
    "learn": "uncone.learning.learn",
    "push_to_hub": "uncone.export.hub",
}
_ROOMS = ("geometry", "removal", "runs")

__all__ = ["__version__", *_HOMES, *_ROOMS]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"uncone.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'uncone' has no attribute {name!r}")
