"""A run on disk: its folder and settings, its loggers, and reading runs and sweeps back."""

from uncone.runs.reading import OfflineRun, read_offline_run, read_results

__all__ = ["OfflineRun", "read_offline_run", "read_results"]
