"""Going on with an interrupted training run: `train.py resume=RUN`.

All settings are those of the run, and the command line changes only what cannot make it another run. A run may come
from anyone: its config.yaml is read as data, and calls nothing that conf/ does not call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from uncone.commands.build import given_overrides, is_below
from uncone.runs.reading import last_checkpoint, read_settings
from uncone.runs.settings import telling
from uncone.support.files import CONF

TRAINER = ("trainer", "encoder.device")  # where it runs
MAY_CHANGE = (
    *(f"recipe.optimizer.{key}" for key in ("max_epochs", "max_steps", "patience")),
    *TRAINER,
    *("logger", "threads", "cache_dir", "data_dir", "resume"),
)


def resumed(config: DictConfig) -> DictConfig:
    """The settings of the run that `config.resume` names, but for what the command line may change.

    Raises:
        ValueError: if there is no such run or checkpoint, if the command line asks for another run, or if the run's
            config names code that is not uncone's.
    """
    folder = Path(config.resume)
    config.output_dir = str(folder)
    last = last_checkpoint(folder).resolve()
    if not last.is_file():
        raise ValueError(f"no {last.name} in {last.parent}: resume takes the folder of a training run")
    saved, given = read_settings(folder), given_overrides()
    refuse_foreign_code(folder, saved, "encoder.trust_remote_code" in given)
    ours = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    if unknown := saved.keys() - ours.keys():
        raise ValueError(f"{folder} has settings that this version does not know: {', '.join(sorted(unknown))}")
    theirs, now = telling(saved), telling(ours)
    fixed = [key for key in given if not is_below(key, MAY_CHANGE)]
    asked = fixed if all(key.split(".")[0] in ours for key in fixed) else [""]  # an experiment may set any key
    differing = [
        f"{key}={now.get(key)!r} (the run: {theirs.get(key)!r})"
        for key in dict.fromkeys([*theirs, *now])
        if is_below(key, asked) and not is_below(key, MAY_CHANGE) and theirs.get(key) != now.get(key)
    ]
    if differing:
        raise ValueError(
            f"resume={folder} goes on with the settings of that run, and these differ: {', '.join(differing)}; "
            "leave them out, or start a new run"
        )
    result = config.copy()
    for key, value in saved.items():
        result[key] = value
    changed = [key for key in given if is_below(key, MAY_CHANGE)]
    for key in (*changed, *(TRAINER if "trainer" in given else ()), "resume", "output_dir"):
        OmegaConf.update(result, key, OmegaConf.select(config, key), merge=False)
    return result


def refuse_foreign_code(folder: Path, settings: dict[str, Any], trusted: bool) -> None:
    """Raise a ValueError if settings of a run name what conf/ does not call, or trust code that comes with a model.

    Args:
        folder: of the run.
        settings: nested.
        trusted: whether the command line says that the code of the model is trusted.
    """
    own = {name for path in CONF.rglob("*.yaml") for name in re.findall(r"_target_: ([\w.]+)", path.read_text())}
    for key, value in _leaves(settings):
        if key == "_target_" and value not in own:
            raise ValueError(f"{folder}/config.yaml calls {value}, which is not uncone's: such a run is not resumed")
        if key == "trust_remote_code" and value and not trusted:
            raise ValueError(
                f"the model of {folder} runs code that comes with it: if you trust it, say so again with "
                "encoder.trust_remote_code=true"
            )


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Innermost keys and values."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value
