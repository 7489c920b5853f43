"""A run on disk: its folder and settings, its loggers, and reading runs and sweeps back."""

from uncone.runs.reading import read_curve, read_results

__all__ = ["read_curve", "read_results"]
