"""Vectors to store, a removal of theirs, and files read in several chunks."""

from pathlib import Path

import datasets
import numpy as np
import pytest
from rich.console import Console

from uncone import removal as removals
from uncone.export import vector_files
from uncone.export.vectors import StoredVectors
from uncone.removal.spectrum import Spectrum

ROWS, DIMENSION = 250, 6


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Thirty-two rows a chunk, so that every file is read in several, the last one partly full."""
    monkeypatch.setattr(vector_files, "CHUNK", 32 * 4 * DIMENSION)


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, DIMENSION)) * np.arange(6, 0, -1) + 3


@pytest.fixture(scope="module")
def removal(X):
    return removals.all_but_the_top(Spectrum.fit(X), D=2)


def run(removal, source: Path, target: Path, column=None, overwrite=False) -> str:
    console = Console(record=True, width=200, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        StoredVectors(str(source), str(target), column).run(removal, overwrite, console)
        return console.export_text()


def hugging_face(X: np.ndarray) -> datasets.Dataset:
    columns = {"vector": X.astype(np.float32), "label": ["a", "b"] * (len(X) // 2)}
    made = datasets.Dataset.from_dict(columns)
    return made.cast_column("label", datasets.ClassLabel(names=["a", "b"]))
