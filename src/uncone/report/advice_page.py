"""The page of an advice: one HTML file that opens without a network."""

from __future__ import annotations

from pathlib import Path

PAGE = "advice.html"


def write_advice_page(folder: Path) -> Path:
    return folder / PAGE
