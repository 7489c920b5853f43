"""What an advice holds, and its page: one HTML file with its data inside, that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from uncone.advice.conclusion import MEANING, Conclusion
from uncone.advice.study import LayerStudy
from uncone.advice.words import layer_advice, verdict, warning
from uncone.geometry.measures import MEASURES
from uncone.report.page import rendered
from uncone.runs.reading import read_results
from uncone.support.files import write

ADVICE, PAGE = "advice.json", "advice.html"
_SHOWN = ("mean_cosine", "isoscore", "lid", "frequency_pc1")  # of the measures of geometry


def advice(encoder: str, conclusion: Conclusion, layers: Sequence[LayerStudy]) -> dict[str, Any]:
    """What advice.json says of a conclusion, whose figures stand in results.json."""
    return {
        "encoder": encoder,
        "answer": conclusion.answer,
        "layers_helped": conclusion.helped,
        "verdict": verdict(encoder, conclusion),
        "advice": layer_advice(conclusion),
        "warning": warning(layers),
        "layers": [{**asdict(each), "meaning": MEANING[each.outcome]} for each in conclusion.layers],
        "which": {**asdict(conclusion.which), "reference": conclusion.reference},
        "not_run": [[layer.layer, *each] for layer in layers for each in layer.not_run],
    }


def write_advice_page(folder: Path) -> Path:
    """Write advice.html into the output folder of advise.py; returns its path.

    Args:
        folder: holds advice.json (see `advice`; with "how" and "commands") and results.json.

    Raises:
        ValueError: if it lacks one of them.

    Example:
        >>> write_advice_page(Path("outputs/advise/2026-01-31_12-00-00"))  # doctest: +SKIP
        PosixPath('outputs/advise/2026-01-31_12-00-00/advice.html')
    """
    source = folder / ADVICE
    if not source.is_file():
        raise ValueError(f"no {ADVICE} in {folder.resolve()}: write the page into the output folder of advise.py")
    contents: dict[str, Any] = json.loads(source.read_text())
    contents["rows"] = [row.to_json() for row in read_results(folder)]
    contents["measures"] = [asdict(MEASURES[name]) for name in _SHOWN]
    contents["title"] = f"Does removal help {contents['encoder']}?"
    path = folder / PAGE
    write(path, rendered("advice.html", contents))
    return path
