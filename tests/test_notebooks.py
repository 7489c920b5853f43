"""Every notebook runs from top to bottom, quickly, and is committed without outputs."""

import multiprocessing
import os
import warnings
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, cell.source
            assert cell.execution_count is None, cell.source


def run(path: Path) -> None:
    """Run all cells as Jupyter's kernel for Python does; a cell that fails, or no picture, is an error."""
    import torch
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    torch.set_num_threads(1)  # several would be waited for that have not been forked
    warnings.simplefilter("default")
    os.chdir(path.parent)
    shell, shown = InteractiveShell.instance(), []
    shell.enable_gui = lambda gui=None: None  # pictures are shown inline, in no window
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            with capture_output() as captured:
                result = shell.run_cell(cell.source)
            result.raise_error()
            shown += captured.outputs
    assert [output for output in shown if "image/png" in output.data]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path, monkeypatch):
    """In a fork of this process, which has imported what takes seconds, and stays as it is."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    process = multiprocessing.get_context("fork").Process(target=run, args=(path,))
    process.start()
    process.join(timeout=300)
    assert process.exitcode == 0
