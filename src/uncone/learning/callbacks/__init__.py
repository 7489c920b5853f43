"""Lightning callbacks."""

from uncone.learning.callbacks.best import BestEpoch
from uncone.learning.callbacks.geometry import GeometryCallback
from uncone.learning.callbacks.identity import LoggerIdentity

__all__ = ["BestEpoch", "GeometryCallback", "LoggerIdentity"]
