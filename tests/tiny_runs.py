"""Configs of the commands, and what makes a run of train.py take a second or two."""

import contextlib
import io
import logging
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from uncone.commands.schema import register

CONF = Path(__file__).parents[1] / "conf"
TRAIN = (
    *("debug=fast", "logger=csv", "data.sets=[ws353]", "task=[lee]"),
    *("recipe.D=[2,5]", "recipe.contrast.corpus=lee_background", "recipe.contrast.limit=20"),
    *("frequencies=corpus", "probe.size=200", "probe.queries=20"),
)


def composed(command: str, *overrides: str, **options: bool) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(command, list(overrides), **options)


def layer_of(model: Path, layer: int = 1) -> tuple[str, ...]:
    """Overrides for one layer of a model in a folder."""
    return "encoder=local", f"encoder.path={model}", f"encoder.layers=[{layer}]"


def draw_nothing(patch: pytest.MonkeyPatch) -> None:
    """Make blank pictures of all that are saved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    blank = Image.new("RGB", (1, 1))
    patch.setattr(FigureCanvasAgg, "print_png", lambda canvas, path: blank.save(path, "png"))


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        yield


def train_undrawn(config: DictConfig) -> float | None:
    """train.py's command, which other processes find here too, without pictures."""
    from uncone.commands.train import train

    with undrawn():
        return train(config)


def run_script(command: list[str], folder: Path, **environment: str) -> tuple[str, str | None]:
    """Run a script as from the command line, but in this process, which has imported what takes seconds.

    Its pictures are blank.

    Returns:
        What it printed, and its last words if it failed.
    """
    printed, failed = io.StringIO(), None
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch, undrawn(), contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        patch.setattr(sys, "argv", command)
        for name, value in {"COLUMNS": "160", **environment}.items():
            patch.setenv(name, value)
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            failed = str(end)
        finally:
            HydraConfig.instance().cfg = None
            root.handlers[:], root.level = handlers, level
    return printed.getvalue(), failed
