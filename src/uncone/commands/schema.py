"""The shape of the configuration: its top-level keys and their types.

Values live in `conf/`; a mistyped key, or a text where a number belongs, is an error before anything runs. What it says
becomes objects in `uncone.commands.build`: this module loads nothing that `--help` would have to wait for.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from uncone.support.files import CONF


@dataclass
class CommonConfig:
    """Keys of every command: of conf/common.yaml, and its removals and its output folder."""

    seed: int = MISSING
    data_dir: str | None = None
    threads: int | None = None
    sweep_name: str | None = None
    resamples: int = MISSING
    encoder: Any = MISSING
    methods: dict[str, Any] = field(default_factory=dict)
    removal: Any = MISSING
    output_dir: str = MISSING


@dataclass
class VectorsConfig(CommonConfig):
    """Keys of the commands that score vectors of words and texts: of conf/vectors.yaml, and their tasks."""

    cache_dir: str | None = None
    word_vectors: str = MISSING
    corpus: str = MISSING
    corpus_limit: int | None = None
    fitted_on: str = MISSING
    vocabulary_size: int = MISSING
    frequencies: str = MISSING
    tasks: dict[str, Any] = field(default_factory=dict)
    task: Any = MISSING


@dataclass
class TrainConfig(VectorsConfig):
    """Keys of train.py."""

    data: Any = MISSING
    recipe: Any = MISSING
    report: str = MISSING
    trainer: Any = MISSING
    logger: Any = MISSING
    probe: Any = MISSING
    allow_other_encoder: bool = False
    ckpt_path: str | None = None


@dataclass
class EvaluateConfig(VectorsConfig):
    """Keys of evaluate.py."""

    data: Any = MISSING
    seeds: Any = None
    recipe: Any = MISSING
    recipes: dict[str, Any] = field(default_factory=dict)
    allow_other_encoder: bool = False


@dataclass
class AnalyzeConfig(CommonConfig):
    """Keys of analyze.py."""

    layers: Any = MISSING
    corpus: Any = MISSING
    corpus_limit: int | None = None
    column: str = MISSING
    split: str = MISSING
    window_words: int = MISSING
    special_tokens: bool = MISSING
    punctuation: bool = MISSING
    pieces: bool = MISSING
    frequencies: str = MISSING
    pilot_windows: int = MISSING
    sample: int = MISSING
    words: Any = MISSING
    measures: Any = MISSING
    allow_other_encoder: bool = False


@dataclass
class AdviseConfig(VectorsConfig):
    """Keys of advise.py."""

    layers: Any = MISSING
    words: Any = MISSING
    sentences: Any = MISSING
    folds: int = MISSING
    divisions: int = MISSING
    recipe: Any = MISSING
    probe: Any = MISSING


@dataclass
class ExportConfig(VectorsConfig):
    """Keys of export.py."""

    data: Any = MISSING
    format: Any = MISSING
    allow_other_encoder: bool = False
    overwrite: bool = False
    input: str | None = None
    output: str | None = None
    column: str | None = None


# What encoder=NAME finds beside the files of conf/encoder: conf/encoder/local.yaml with a path.
ENCODERS = {
    "minilm": "minilm",  # all-MiniLM-L6-v2, a BERT of 6 layers and 384 dimensions, as packaged on PyPI
    "bert_base": "google-bert/bert-base-uncased",  # the encoder of Liang et al. 2021
    "bert_large": "google-bert/bert-large-uncased",
    "distilbert": "distilbert/distilbert-base-uncased",
    "roberta": "FacebookAI/roberta-base",
    "gpt2": "openai-community/gpt2",  # a decoder
}

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


def register() -> None:
    """Make the schemas known to Hydra under the names that conf/*.yaml start from, and what else is no file."""
    store = ConfigStore.instance()
    # Hydra copies all that is stored for each of the hundred lists that --help shows, 1.5 s in all, and changes none
    ConfigStore.__deepcopy__ = lambda store, memo: store  # type: ignore[attr-defined]
    for command, schema in SCHEMAS.items():
        store.store(name=f"{command}_schema", node=schema)
    for name, path in ENCODERS.items():
        store.store(group="encoder", name=name, node={"defaults": ["local", "_self_"], "path": path})
    for group, choice, plugin, extra in PLUGINS:
        if find_spec(f"hydra_plugins.{plugin}") is None:  # so that a sweep can say what to install
            store.store(group=group, name=choice, node={"missing": f"pip install 'uncone[{extra}]'"})


def refuse_experiments_of_others(command: str) -> None:
    """End in one line if the command line asks for an experiment whose first comment names another command."""
    asked = [text.removeprefix("experiment=") for text in sys.argv[1:] if text.startswith("experiment=")]
    for name in ",".join(asked).split(","):
        path = CONF / "experiment" / f"{name}.yaml"
        runs = re.search(r"^# (python (\w+)\.py .*)", path.read_text(), re.MULTILINE) if path.is_file() else None
        if runs and runs[2] != command:
            sys.exit(f"Error: experiment={name} is for {runs[2]}.py, not for {command}.py: {runs[1]}")
