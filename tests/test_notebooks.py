"""Every notebook runs from top to bottom, quickly, with what its cells show kept as small pictures."""

import json
import multiprocessing
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def shown(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_was_run_as_it_stands(path):
    """From the first cell to the last, on the public names alone; nothing kept tells of the machine."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [cell for cell in cells if re.search(r"(from|import) uncone\.", cell.source)]
    assert [output for output in shown(notebook) if "image/png" in output.get("data", {})]
    assert not re.search(r"/(home|root|tmp|work)/|object at 0x", json.dumps(shown(notebook)))


def test_are_small():
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 600_000


def run(path: Path) -> None:
    """Run all cells; one that fails, or no picture, is an error."""
    from notebooks import run

    assert [output for output in shown(run(path)) if "image/png" in output.get("data", {})]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path, monkeypatch):
    """In a fork of this process, which has imported what takes seconds, and stays as it is."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    process = multiprocessing.get_context("fork").Process(target=run, args=(path,))
    process.start()
    process.join(timeout=300)
    assert process.exitcode == 0
