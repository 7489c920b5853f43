"""Every file under conf/ composes against the schema, points at code that takes its keys, and every experiment runs."""

import copy
import inspect
import re
import runpy
import shlex
from pathlib import Path

import hydra.utils
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.accelerators import CPUAccelerator, CUDAAccelerator

from uncone.commands.schema import ENCODERS, refuse_experiments_of_others, register
from uncone.commands.sweep import SweepCallback
from uncone.commands.train import train
from uncone.encoder import Encoder, load_pretrained, load_vectors, load_word_vectors
from uncone.runs.reading import VALIDATION, read_results
from uncone.tasks.row import USES

CONF = Path(__file__).parents[2] / "conf"
COMMANDS = ("train", "evaluate", "analyze", "advise", "export")
CHOICES = [(path.parent.name, path.stem) for path in sorted(CONF.glob("*/*.yaml"))]
PASSES_ON_TO = {
    Encoder.from_pretrained: load_pretrained,
    Encoder.from_word_vectors: load_word_vectors,
    Encoder.from_vectors: load_vectors,
}
CHOICES += [("encoder", name) for name in ENCODERS]
EXPERIMENTS = {}  # the command line that each one's first comment gives
for path in sorted(CONF.glob("experiment/*.yaml")):
    EXPERIMENTS[path.stem] = shlex.split(path.read_text().splitlines()[1].removeprefix("# python "))


def composed(command: str, *overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(command, list(overrides))


def targets(node):
    """Every node that names code, wherever it stands."""
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield node
        for key in node:
            if not OmegaConf.is_missing(node, key):
                yield from targets(node[key])


def check_targets(config: DictConfig) -> int:
    """The code exists, and accepts the keys."""
    count = 0
    for node in targets(config):
        code = hydra.utils.get_object(node["_target_"])
        parameters = inspect.signature(PASSES_ON_TO.get(code, code)).parameters
        # which spectrum or clustering a method is given
        keys = {key for key in node if key not in ("_target_", "fit", "uniform_share", "scatter", "clusters")}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            assert keys <= set(parameters), node["_target_"]
        count += 1
    return count


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_compose(command):
    assert check_targets(composed(command)) > 10


@pytest.mark.parametrize(("group", "choice"), [each for each in CHOICES if each[0] != "experiment"])
def test_choice_composes(group, choice):
    config = composed("export" if group == "format" else "train", f"{group}={choice}")
    check_targets(config)
    if group not in ("debug", "launcher", "sweep"):  # which set keys of others
        assert config[group] is not None


@pytest.mark.filterwarnings("ignore:GPU available but not used")
@pytest.mark.parametrize("choice", [choice for group, choice in CHOICES if group == "trainer"])
def test_trainer_is_made(choice, monkeypatch):
    """Lightning takes what the choice says, as if there were a GPU."""
    for module in ("pytorch_lightning.accelerators.cuda", "lightning_fabric.accelerators.cuda"):
        monkeypatch.setattr(f"{module}.num_cuda_devices", lambda: 1)
    trainer = hydra.utils.instantiate(composed("train", f"trainer={choice}").trainer, logger=False)
    assert isinstance(trainer, pl.Trainer)
    assert isinstance(trainer.accelerator, CPUAccelerator if choice == "cpu" else CUDAAccelerator)


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(ValueError, match="torch finds no GPU here; choose trainer=auto"):
        train(composed("train", "trainer=gpu", f"output_dir={tmp_path}/run"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("choice", [choice for group, choice in CHOICES if group == "encoder"])
def test_encoder_is_made(choice, wordy_model, tmp_path):
    """Of a model or a file at hand, where the choice names one of the hub or leaves it open."""
    config = composed("evaluate", f"encoder={choice}").encoder
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("cat 1 2\ndog 3 4\n")
    if choice == "stored":
        np.save(tmp_path / "docs.npy", np.eye(3))
        config.vectors = str(tmp_path / "docs.npy")
    elif choice not in ("glove", "minilm"):
        config.path = str(vectors if choice == "word_vectors" else wordy_model)
    assert hydra.utils.instantiate(config).dimension > 1


@pytest.mark.parametrize(
    ("command", "mistyped"),
    [
        *((command, "sede") for command in COMMANDS),
        *(("train", key) for key in ("encoder.poling", "methods.whitening.kk", "tasks.lee.ste", "data.fraction")),
    ],
)
def test_mistyped_key_is_named(command, mistyped):
    with pytest.raises(ConfigCompositionException) as error:
        composed(command, f"{mistyped}=1")
    assert mistyped.split(".")[-1] in f"{error.value} {error.value.__cause__}"


@pytest.mark.parametrize(
    "ignored", ["task=[lee]", "fit.level=tokens", "cache_dir=x", "vocabulary_size=9", "tasks.lee.sets=lee"]
)
def test_a_key_that_a_command_would_ignore_is_refused(ignored):
    composed("evaluate", ignored)
    with pytest.raises(ConfigCompositionException, match=re.split("[.=]", ignored)[0]):
        composed("analyze", ignored)


@pytest.mark.parametrize("group", ["experiment", "debug", "sweep", "launcher", "encoder", "objective"])
def test_a_mistyped_choice_is_refused(group):
    with pytest.raises(HydraException, match=f"{group}"):
        composed("train", f"{group}=mistyped")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_first_comment_of_an_experiment_is_the_command_that_runs_it(experiment):
    script, *overrides = EXPERIMENTS[experiment]
    assert f"experiment={experiment}" in overrides
    check_targets(composed(script.removesuffix(".py"), *overrides))


@pytest.mark.parametrize(
    ("command", "asked"), [("train", "ablation"), ("analyze", "liang2021"), ("export", "x,cai2021")]
)
def test_an_experiment_says_whose_it_is(command, asked, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(CONF.parent / f"{command}.py"), f"experiment={asked}"])
    name = asked.split(",")[-1]
    script, *_ = EXPERIMENTS[name]
    with pytest.raises(SystemExit, match=f"{name} is for another command: python .*/{script} experiment="):
        refuse_experiments_of_others(command)
    refuse_experiments_of_others(script.removesuffix(".py"))


@pytest.mark.parametrize("override", ["seed=many", "resamples=[1]", "allow_other_encoder=perhaps"])
def test_value_of_the_wrong_type_is_named(override):
    with pytest.raises(HydraException) as error:
        composed("train", override)
    assert override.split("=")[0] in f"{error.value} {error.value.__cause__}"


def test_unknown_choice_lists_the_known_ones():
    with pytest.raises(HydraException, match="minilm"):
        composed("train", "encoder=minilmm")


def composed_with_hydra(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides), return_hydra_config=True)


@pytest.mark.parametrize("sweep", [choice for group, choice in CHOICES if group == "sweep"])
def test_ready_sweep_asks_for_what_there_is(sweep):
    """Its parameters and choices exist, and it has a name to be found by again."""
    config = composed_with_hydra(f"sweep={sweep}")
    assert config.sweep_name == sweep
    assert config.hydra.mode == RunMode.MULTIRUN
    for key, values in config.hydra.sweeper.params.items():
        override = OverridesParser.create().parse_override(f"{key}={values}")
        assert override.is_sweep_override()
        assert OmegaConf.select(composed("train"), key, throw_on_missing=False) is not None
        if (CONF / key).is_dir():
            assert {(key, choice) for choice in override.sweep_string_iterator()} <= set(CHOICES)


def test_the_sweep_of_wandb_gives_command_lines_that_train_takes():
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    sweep = yaml.safe_load((CONF / "wandb_sweep.yaml").read_text())
    assert sweep["metric"]["name"] == VALIDATION
    for end in (0, -1):
        chosen = {
            key: {"value": setting["values"][end] if "values" in setting else setting[("min", "max")[end]]}
            for key, setting in sweep["parameters"].items()
        }
        flags = create_sweep_command_args({"args": chosen})["args_no_hyphens"]
        place = sweep["command"].index("${args_no_hyphens}")
        assert sweep["command"][:place] == ["${env}", "${interpreter}", "${program}"]
        config = composed(sweep["program"].removesuffix(".py"), *flags, *sweep["command"][place + 1 :])
        assert {key: OmegaConf.select(config, key) for key in chosen} == {key: c["value"] for key, c in chosen.items()}
        assert config.logger.wandb.mode == "online"


@pytest.mark.parametrize(
    ("override", "command"),
    [
        ("launcher=ray", r"the launcher uncone_ray is not installed: pip install 'uncone\[ray\]'"),
        ("launcher=submitit_slurm", r"the launcher submitit_slurm is not installed: pip install 'uncone\[submitit\]'"),
        ("sweep=search", r"the sweeper optuna is not installed: pip install 'uncone\[optuna\]'"),
    ],
)
def test_a_missing_extra_is_named(override, command, monkeypatch):
    """As if the plugin had never been installed: Hydra does not know it, and register finds no package of it."""
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
    monkeypatch.setattr("uncone.commands.schema.find_spec", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    runpy.run_path(str(CONF.parent / "src" / "hydra_plugins" / "uncone_ray.py"))
    config = composed_with_hydra(override)
    with pytest.raises(SystemExit, match=command):
        SweepCallback().on_multirun_start(config)


OF_TEXTS = [name for name, line in EXPERIMENTS.items() if line[0] == "train.py" and name != "stored"]


@pytest.mark.parametrize("experiment", OF_TEXTS)
def test_experiment_runs(experiment, wordy_model, data_dir, tmp_path):
    """On a tiny model, debug-sized: two candidates, two epochs, and the quickest of its tasks."""
    sizes = ["debug=fast", "logger=csv", "recipe.D=[1,2]", "removal=[none,conceptor]", "frequencies=corpus"]
    sizes += ["recipe.contrast.corpus=lee_background", "recipe.contrast.limit=20", "probe.size=200", "probe.queries=20"]
    asked = composed("train", f"experiment={experiment}")
    config = composed(
        "train",
        f"experiment={experiment}",
        *sizes,
        "encoder=local",
        f"encoder.path={wordy_model}",
        "task=[liang_words]",
        f"data_dir={data_dir}",
        f"output_dir={tmp_path}",
    )
    assert set(asked.removal) <= {"none", *config.methods}
    assert set(asked.task) <= set(config.tasks)
    train(config)
    scored = {(row.removal, row.task) for row in read_results(tmp_path)}
    assert {("learned", "held_out"), ("none", "liang_words"), ("conceptor", "liang_words")} <= scored


def test_every_task_says_what_it_stands_for():
    tasks = composed("evaluate", "output_dir=x").tasks
    uses = {name: hydra.utils.instantiate(task).use for name, task in tasks.items()}
    assert set(uses.values()) <= set(USES)
    assert (uses["google"], uses["lee"], uses["polarity"]) == ("words", "sentences", "labels")
