"""Lightning callbacks."""

from uncone.callbacks.checkpoint import LoggerIdentity
from uncone.callbacks.geometry import GeometryCallback

__all__ = ["GeometryCallback", "LoggerIdentity"]
