"""What a configuration says, as objects: the one reader of a config beside the files of the commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from uncone.data.corpora import Corpora, Corpus
from uncone.encoder import StoredEncoder
from uncone.encoder.store import FeatureStore
from uncone.learning.problem import Problem
from uncone.learning.recipe import Recipe, recipes
from uncone.removal import Correction
from uncone.removal import load as load_removal
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.runs.folder import begin, write_seconds
from uncone.runs.loggers import check_mode
from uncone.runs.reading import read_settings
from uncone.runs.settings import telling
from uncone.support import distributed
from uncone.support.terminal import seconds_by_kind, step, told_seconds
from uncone.support.wording import meant
from uncone.tasks.base import Task

SCATTERS = {"within": ("within",), "between": ("between",), "both": ("within", "between")}  # of token types
MTEB = "mteb:"  # before the name of one of its tasks
LEARNED = "learned"  # what the recipe of a config makes


class Unfit(ValueError):
    """A method cannot be fitted on the vectors that there are."""


def names(value: Any) -> list[str]:
    """A list of names, however it was written: one name, or a list.

    Example:
        >>> names("sts"), names(["sts", "google"])
        (['sts'], ['sts', 'google'])
    """
    return [value] if isinstance(value, str) else [str(name) for name in value]


def given_overrides(key: str = "") -> dict[str, str]:
    """What the command line says of a key and of the keys below it, or of all: values as they were written, by key."""
    given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    named = {name.lstrip("+~"): value for name, _, value in (text.partition("=") for text in given)}
    return {name: value for name, value in named.items() if is_below(name, [key])}


def encoder_given() -> list[str]:
    """What the command line says of the encoder, for a command line that names the same one."""
    return [f"{key}={value}" for key, value in given_overrides("encoder").items()]


def is_below(key: str, keys: Sequence[str]) -> bool:
    """Whether a dotted key is one of these or below one; everything is below the empty one."""
    return any(f"{key}.".startswith(each and f"{each}.") for each in keys)


def open_run(config: DictConfig, goes_on: bool = False) -> Path:
    """Settle a config and make its output folder.

    Args:
        config: of a command; its output folder may be occupied if it says `overwrite`.
        goes_on: the folder may hold an earlier part of this very run.

    Raises:
        ValueError: see `check` and `uncone.runs.folder.begin`.
    """
    folder = settle(config)
    begin(folder, OmegaConf.to_yaml(config, resolve=True), goes_on, config.overwrite)
    return folder


def close_run(folder: Path, console: Console) -> None:
    """Say how long a run took and what for, and keep it with what it was made with."""
    seconds = seconds_by_kind()
    write_seconds(folder, seconds)
    console.print(f"Took {told_seconds(seconds)}", highlight=False)


def settle(config: DictConfig) -> Path:
    """Check a config and set its threads; its output folder, whose name is that of the first of several processes."""
    check(config)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    config.output_dir = distributed.from_first(config.output_dir)  # which tells the time, and clocks differ
    return Path(config.output_dir)


def holds_same_run(config: DictConfig) -> bool:
    """Whether the output folder holds a run with the settings of this one, finished or not."""
    folder = Path(config.output_dir)
    asked: Any = OmegaConf.to_container(config, resolve=True)
    return (folder / "config.yaml").is_file() and telling(read_settings(folder)) == telling(asked)


def check(config: DictConfig) -> None:
    """Refuse, before anything is loaded or encoded, names that nothing answers to.

    Raises:
        ValueError: for a key without a value, an unknown removal or task, a saved removal that cannot be read, or a GPU
            that is not there.
    """
    check_complete(config)
    for name in names(config.removal):
        if is_saved(name):
            load_removal(name)
        elif is_recipe(config, name):
            make_recipe(config, name)
        elif name != "none":
            _entry(config.methods, name, "removal", "methods")
    if "recipe" in config:
        make_recipe(config)
    if OmegaConf.select(config, "trainer.accelerator") in ("gpu", "cuda") and not torch.accelerator.is_available():
        raise ValueError(
            f"trainer.accelerator={config.trainer.accelerator}: torch finds no GPU here; choose trainer=auto, the best "
            "device there is, or trainer=cpu"
        )
    if OmegaConf.select(config, "logger.wandb") is not None:
        check_mode(config.logger.wandb.mode)
    for name in names(config.get("task", [])):  # analyze.py has none
        _task(config, name)


def check_complete(config: DictConfig) -> None:
    """Raise a ValueError that names the keys which still lack a value."""
    if missing := OmegaConf.missing_keys(config):
        raise ValueError(f"these keys have no value yet: {', '.join(sorted(missing))}; set them as KEY=VALUE")


def make_vectors(config: DictConfig) -> Vectors:
    """The encoder of a config, frozen, with its feature store and corpus."""
    with step("Loading the encoder", "load"):
        encoder = hydra.utils.instantiate(config.encoder)
    if isinstance(encoder, StoredEncoder):  # whose texts are the names of its rows
        return Vectors(encoder, FeatureStore(config.cache_dir), corpus=encoder.pieces)
    corpus = Corpora([Corpus(config.corpus, data_dir=config.data_dir)], config.corpus_limit)
    if next(iter(corpus), None) is None:  # nothing may ask for it, and a mistyped name is one all the same
        raise ValueError(f"corpus={config.corpus} has no text in it: take another")
    return Vectors(
        encoder, FeatureStore(config.cache_dir), config.word_vectors, corpus, config.frequencies, config.vocabulary_size
    )


def make_raw_layers(config: DictConfig, vectors: Vectors) -> dict[str, Vectors]:
    """Raw vectors of the layers that `config.raw_layers` names, each of the encoder loaded with them."""
    loaded = {}
    for layers in config.raw_layers:
        encoder = hydra.utils.instantiate(config.encoder, layers=layers)
        loaded[encoder.layers] = replace(vectors, encoder=encoder)
    return loaded


def make_problem(config: DictConfig, vectors: Vectors, spectra: Spectra, data: DictConfig | None = None) -> Problem:
    """What the recipes and methods of a config are given, with the pairs of `config.data` or others."""
    described: Any = OmegaConf.to_container(data or config.data, resolve=True)
    return Problem.of(vectors, spectra, described, config.seed, config.data_dir)


def is_recipe(config: DictConfig, name: str) -> bool:
    """Whether a name in `removal=` is that of a recipe."""
    return "recipe" in config and (name == LEARNED or name in config.get("recipes", {}) or name in recipes())


def make_recipe(config: DictConfig, name: str = LEARNED) -> Recipe:
    """The recipe of a name in `removal=`: "learned" is `config.recipe`, others are in `config.recipes` or files.

    A variant names in `like` the file whose settings it changes; without it, it changes `config.recipe`.

    Raises:
        ValueError: for a setting that recipes do not have.
    """
    main: Any = OmegaConf.to_container(config.recipe, resolve=True)
    variants: Any = OmegaConf.to_container(config.get("recipes", OmegaConf.create()), resolve=True)
    if name not in variants:
        return Recipe.of(main) if name == LEARNED else Recipe.named(name)
    changes = variants[name]
    like = changes.pop("like", LEARNED)
    return (Recipe.of(main) if like == LEARNED else Recipe.named(like)).but(**changes)


def make_tasks(config: DictConfig) -> list[Task]:
    """The tasks that `config.task` names; mteb:NAME is mteb's task of that name.

    Raises:
        ValueError: for a name that `conf/tasks.yaml` does not have.
    """
    return [hydra.utils.instantiate(_task(config, name)) for name in names(config.task)]


def make_candidates(config: DictConfig, name: str, spectra: Spectra) -> list[Correction]:
    """All removals that a method's settings allow: a setting given as a list stands for each of its values.

    Values beyond the rank of the vectors are left out, as long as one remains.

    Raises:
        ValueError: for a method that `conf/methods.yaml` does not have.
        Unfit: if no setting is possible.
    """
    entry: Any = OmegaConf.to_container(_entry(config.methods, name, "removal", "methods"), resolve=True)
    share, scatter = entry.pop("uniform_share", 1.0), entry.pop("scatter", "total")
    entry.pop("fit", None)
    grid = {key: value if isinstance(value, list) else [value] for key, value in entry.items()}
    found: list[Correction] = []
    refused: BaseException | None = None
    for values in product(*grid.values()):
        call = dict(zip(grid, values, strict=True))
        try:
            if "clusters" in call:
                clustering = spectra.clustering(call.pop("clusters"), config.seed)
                found.append(hydra.utils.call(call, clustering, level=spectra.level))
            elif scatter == "total":
                found.append(hydra.utils.call(call, spectra.blend(share)))
            else:
                found.append(hydra.utils.call(call, *(getattr(spectra, each) for each in SCATTERS[scatter])))
        except (hydra.errors.InstantiationException, ValueError) as error:
            refused = error.__cause__ or error
    if not found:
        raise Unfit(f"no setting of {name} fits these vectors: {refused or 'none given'}")
    return found


def make_only(config: DictConfig, name: str, spectra: Spectra) -> Correction:
    """The removal of a method of which each setting has one value.

    Raises:
        ValueError: if one has a list of them; see `make_candidates` too.
    """
    made, *others = make_candidates(config, name, spectra)
    if others:
        raise ValueError(f"methods.{name} has a list of settings, but nothing to choose by: give one value")
    return made


def is_saved(name: str) -> bool:
    """Whether a name in `removal=` is the folder of a saved removal or of a training run."""
    return "/" in name or Path(name).is_dir()


def _task(config: DictConfig, name: str) -> Any:
    """The call that makes a task."""
    if name.startswith(MTEB):
        return {"_target_": "uncone.export.mteb.Mteb", "task": name.removeprefix(MTEB), "data_dir": config.data_dir}
    return _entry(config.tasks, name, "task", "tasks")


def _entry(section: Any, name: str, key: str, section_name: str) -> Any:
    if name not in section:
        listed = ", ".join(section) + meant(name, section)
        raise ValueError(f"unknown {key} {name!r}: conf/{section_name}.yaml has {listed}")
    return section[name]
