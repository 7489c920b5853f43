"""The page of an advice: one HTML file with its data inside, that draws its own figures and opens without a network."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from uncone.geometry.measures import MEASURES
from uncone.report.page import rendered
from uncone.support.files import write

ADVICE, PAGE = "advice.json", "advice.html"
_SHOWN = ("mean_cosine", "isoscore", "lid", "frequency_pc1")  # of the measures of geometry


def write_advice_page(folder: Path) -> Path:
    """Write advice.html into the output folder of advise.py; returns its path.

    Args:
        folder: holds advice.json, see `uncone.advice.words.advice`.

    Raises:
        ValueError: if it holds none.

    Example:
        >>> write_advice_page(Path("outputs/advise/2026-01-31_12-00-00"))  # doctest: +SKIP
        PosixPath('outputs/advise/2026-01-31_12-00-00/advice.html')
    """
    source = folder / ADVICE
    if not source.is_file():
        raise ValueError(f"no {ADVICE} in {folder.resolve()}: write the page into the output folder of advise.py")
    advice: dict[str, Any] = json.loads(source.read_text())
    advice["measures"] = [asdict(MEASURES[name]) for name in _SHOWN]
    advice["title"] = f"Does removal help {advice['encoder']}?"
    path = folder / PAGE
    scripts, styles = ("common.js", "advice.js"), ("page.css", "advice.css")
    write(path, rendered("advice.html", scripts, advice, styles, plotly=False))
    return path
