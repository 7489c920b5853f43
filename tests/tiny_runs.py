"""Configs of the commands, and what makes a run of train.py take a second or two."""

from pathlib import Path

from hydra import compose, initialize_config_dir
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
