"""Lightning callbacks."""

from uncone.learning.callbacks.checkpoint import LoggerIdentity
from uncone.learning.callbacks.geometry import GeometryCallback

__all__ = ["GeometryCallback", "LoggerIdentity"]
