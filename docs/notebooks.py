"""Run the notebooks and keep what they show, with small pictures.

python docs/notebooks.py [notebooks/NAME.ipynb …]
"""

import base64
import io
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_output
from PIL import Image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
COLOURS = 64  # of a picture


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with what its cells show, run as Jupyter's kernel for Python does; a cell that fails is an error."""
    import torch
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    torch.set_num_threads(1)  # in a fork, several would be waited for that have not been forked
    warnings.simplefilter("default")
    os.chdir(path.parent)
    shell, notebook = InteractiveShell.instance(), nbformat.read(path, as_version=4)
    shell.enable_gui = lambda gui=None: None  # pictures are shown inline, in no window
    for number, cell in enumerate([cell for cell in notebook.cells if cell.cell_type == "code"], start=1):
        values: list[Any] = []  # of the last line, unless a semicolon hides it
        with capture_output() as captured:
            shell.display_trap.hook = values.append
            result = shell.run_cell(cell.source)
        result.raise_error()
        values = [value for value in values if value is not None and not cell.source.endswith(";")]
        shown = [shell.display_formatter.format(value)[0] for value in values]
        said = [new_output("stream", name="stdout", text=captured.stdout)] if captured.stdout else []
        shown += [each.data for each in captured.outputs]
        cell.outputs = said + [new_output("display_data", _small(data)) for data in shown if data]
        cell.execution_count = number
    return notebook


def _small(data: dict[str, Any]) -> dict[str, Any]:
    """What a cell shows, its picture in few colours: half of the size."""
    if "image/png" not in data:
        return data
    given, small = data["image/png"], io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(given) if isinstance(given, str) else given))
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return {"image/png": base64.b64encode(small.getvalue()).decode()}


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(NOTEBOOKS.glob("*.ipynb"))):
        absolute = path.resolve()
        nbformat.write(run(absolute), absolute)
