"""Lightning callbacks."""

from uncone.learning.callbacks.best import BestEpoch
from uncone.learning.callbacks.geometry import GeometryCallback

__all__ = ["BestEpoch", "GeometryCallback"]
