"""The shape of the configuration, and the one place that turns it into objects.

Values live in `conf/`; the dataclasses here only name the top-level keys and their types, so that a mistyped key or a
text where a number belongs is an error before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from uncone.encoder.store import FeatureStore
from uncone.removal import Correction
from uncone.removal import load as load_removal
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.tasks.base import Task


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


def register() -> None:
    """Make the schemas known to Hydra under the names that conf/*.yaml start from."""
    store = ConfigStore.instance()
    store.store(name="train_schema", node=TrainConfig)
    store.store(name="evaluate_schema", node=EvaluateConfig)
    store.store(name="analyze_schema", node=AnalyzeConfig)
    store.store(name="advise_schema", node=AdviseConfig)
    store.store(name="export_schema", node=ExportConfig)
    for group, choice, plugin, extra in PLUGINS:
        if find_spec(f"hydra_plugins.{plugin}") is None:  # so that a sweep can say what to install
            store.store(group=group, name=choice, node={"missing": f"pip install 'uncone[{extra}]'"})


def names(value: Any) -> list[str]:
    """A list of names, however it was written: one name, or a list.

    Example:
        >>> names("sts"), names(["sts", "google"])
        (['sts'], ['sts', 'google'])
    """
    return [value] if isinstance(value, str) else [str(name) for name in value]


def numbers(value: Any) -> list[float]:
    """A list of numbers, however it was written: one number, or a list.

    Example:
        >>> numbers(0.1), numbers([0.1, 1])
        ([0.1], [0.1, 1.0])
    """
    return [float(value)] if isinstance(value, (int, float)) else [float(each) for each in value]


def check(config: DictConfig) -> None:
    """Refuse, before anything is loaded or encoded, names that nothing answers to.

    Raises:
        ValueError: for an unknown removal or task, or a saved removal that cannot be read.
    """
    for name in names(config.removal):
        if is_saved(name):
            load_removal(name)
        elif name != "none" and name not in config.get("recipes", {}):
            _entry(config.methods, name, "removal", "methods")
    for name in names(config.task):
        _entry(config.tasks, name, "task", "tasks")


def make_vectors(config: DictConfig) -> Vectors:
    """The encoder of a config, frozen, with its feature store and corpus."""
    from uncone.data.corpora import load_texts

    encoder = hydra.utils.instantiate(config.encoder)
    corpus = load_texts(config.corpus, config.data_dir)[: config.corpus_limit]
    return Vectors(
        encoder, FeatureStore(config.cache_dir), config.word_vectors, corpus, config.frequencies, config.vocabulary_size
    )


def make_tasks(config: DictConfig) -> list[Task]:
    """The tasks that `config.task` names.

    Raises:
        ValueError: for a name that `conf/tasks.yaml` does not have.
    """
    return [hydra.utils.instantiate(_entry(config.tasks, name, "task", "tasks")) for name in names(config.task)]


def make_candidates(config: DictConfig, name: str, spectra: Spectra) -> list[Correction]:
    """All removals that a method's settings allow: a setting given as a list stands for each of its values.

    Values beyond the rank of the vectors are left out, as long as one remains.

    Raises:
        ValueError: for a method that `conf/methods.yaml` does not have, or if no setting is possible.
    """
    entry: Any = OmegaConf.to_container(_entry(config.methods, name, "removal", "methods"), resolve=True)
    share = entry.pop("uniform_share", 1.0)
    grid = {key: value if isinstance(value, list) else [value] for key, value in entry.items()}
    found, refused = [], None
    for values in product(*grid.values()):
        call = dict(zip(grid, values, strict=True))
        try:
            if "clusters" in call:
                clustering = spectra.clustering(call.pop("clusters"), config.seed)
                found.append(hydra.utils.call(call, clustering, level=spectra.level))
            else:
                found.append(hydra.utils.call(call, spectra.blend(share)))
        except hydra.errors.InstantiationException as error:
            refused = error
    if not found:
        raise ValueError(
            f"no setting of {name} fits these vectors: {refused.__cause__ if refused else 'none is given'}"
        )
    return found


def is_saved(name: str) -> bool:
    """Whether a name in `removal=` is the folder of a saved removal or of a training run."""
    return "/" in name or Path(name).is_dir()


def _entry(section: Any, name: str, key: str, section_name: str) -> Any:
    if name not in section:
        raise ValueError(f"unknown {key} {name!r}: conf/{section_name}.yaml has {', '.join(section)}")
    return section[name]
