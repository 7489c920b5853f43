"""The shape of the configuration: its top-level keys and their types.

Values live in `conf/`; a mistyped key, or a text where a number belongs, is an error before anything runs. What it says
becomes objects in `uncone.commands.build`: this module loads nothing that `--help` would have to wait for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class CommonConfig:
    """Keys of every command."""

    seed: int = MISSING
    output_dir: str = MISSING
    sweep_name: str | None = None
    cache_dir: str | None = None
    data_dir: str | None = None
    threads: int | None = None
    encoder: Any = MISSING
    word_vectors: str = MISSING
    corpus: str = MISSING
    corpus_limit: int | None = None
    frequencies: str = MISSING
    vocabulary_size: int = MISSING
    fitted_on: str = MISSING
    methods: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)
    removal: Any = MISSING
    task: Any = MISSING
    resamples: int = MISSING
    allow_other_encoder: bool = False


@dataclass
class TrainConfig(CommonConfig):
    """Keys of train.py."""

    data: Any = MISSING
    learned: Any = MISSING
    objective: Any = MISSING
    trainer: Any = MISSING
    callbacks: Any = MISSING
    logger: Any = MISSING
    ckpt_path: str | None = None
    experiment: Any = None
    debug: Any = None


@dataclass
class EvaluateConfig(CommonConfig):
    """Keys of evaluate.py."""

    data: Any = MISSING
    seeds: Any = None
    recipes: dict[str, Any] = field(default_factory=dict)
    experiment: Any = None


@dataclass
class AnalyzeConfig(CommonConfig):
    """Keys of analyze.py."""

    corpus: Any = MISSING
    layers: Any = MISSING
    column: str = MISSING
    split: str = MISSING
    window_words: int = MISSING
    special_tokens: bool = MISSING
    punctuation: bool = MISSING
    pieces: bool = MISSING
    pilot_windows: int = MISSING
    sample: int = MISSING
    words: Any = MISSING
    measures: Any = MISSING
    experiment: Any = None


@dataclass
class AdviseConfig(CommonConfig):
    """Keys of advise.py."""

    layers: Any = MISSING
    words: Any = MISSING
    sentences: Any = MISSING
    folds: int = MISSING
    divisions: int = MISSING
    learning: Any = MISSING
    probe: Any = MISSING


@dataclass
class ExportConfig(CommonConfig):
    """Keys of export.py."""

    data: Any = MISSING
    format: Any = MISSING
    overwrite: bool = False
    input: str | None = None
    output: str | None = None
    column: str | None = None


# Plugins of Hydra that come with an extra: group, choice, package, extra.
PLUGINS = (
    ("hydra/launcher", "submitit_slurm", "hydra_submitit_launcher", "submitit"),
    ("hydra/launcher", "submitit_local", "hydra_submitit_launcher", "submitit"),
    ("hydra/sweeper", "optuna", "hydra_optuna_sweeper", "optuna"),
)


SCHEMAS = {
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "analyze": AnalyzeConfig,
    "advise": AdviseConfig,
    "export": ExportConfig,
}


def register(*commands: str) -> None:
    """Make the schemas of these commands, or of all, known to Hydra under the names that conf/*.yaml start from."""
    store = ConfigStore.instance()
    for command in commands or SCHEMAS:  # Hydra copies all that is stored, again and again: one makes --help fast
        store.store(name=f"{command}_schema", node=SCHEMAS[command])
    for group, choice, plugin, extra in PLUGINS:
        if find_spec(f"hydra_plugins.{plugin}") is None:  # so that a sweep can say what to install
            store.store(group=group, name=choice, node={"missing": f"pip install 'uncone[{extra}]'"})
