"""The commands of the README and of the pages that show what there is to run work, in a debug-sized form.

All are composed and checked; the first of each script is run, the others are slow. tests/test_docs.py checks all pages.
"""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_class
from tiny_runs import CONF, train_undrawn

from uncone.commands.advise import advise
from uncone.commands.analyze import analyze
from uncone.commands.build import check
from uncone.commands.collect import collect
from uncone.commands.evaluate import evaluate
from uncone.commands.export import export
from uncone.commands.schema import register
from uncone.commands.train import train
from uncone.encoder import Encoder
from uncone.runs.reading import read_results

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
RUN_HERE = ("README.md", "commands.md", "help.md", "geometry.md", "export.md", "recipe.md", "sweeps.md")
RUN = "outputs/train/RUN"


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """The lines of all bash blocks, without what is said of them."""
    return [
        line.split("  #")[0].split("    ")[0].strip() for block in blocks("bash", text) for line in block.splitlines()
    ]


COMMANDS = list(dict.fromkeys(command for page in RUN_HERE for command in commands(PAGES[page])))
PYTHON_COMMANDS = [command for command in COMMANDS if command.startswith("python ")]
SWEEPS = [command for command in PYTHON_COMMANDS if " -m " in command]
COLLECTS = [command for command in PYTHON_COMMANDS if "collect.py" in command]
SINGLE = [command for command in PYTHON_COMMANDS if command not in (*SWEEPS, *COLLECTS)]
FIRST = list({command.split()[1]: command for command in reversed(SINGLE)}.values())  # of each script
REST = [command for command in SINGLE if command not in FIRST]

# What makes a run small, in the order of the command line: what a command says itself comes later and wins.
SMALL = {
    "train": ["debug=fast", "removal=[none,centre]", "task=[lee]", "trainer.accelerator=cpu"],
    "evaluate": ["resamples=50", "corpus_limit=20", "vocabulary_size=600"],
    "analyze": [
        "sample=300",
        "resamples=20",
        "measures.neighbours=10",
        "measures.queries=50",
        "measures.clusters=[2,3]",
        "measures.cluster_points=200",
    ],
    "advise": [
        "folds=3",
        "divisions=1",
        "layers=[static,1]",
        "removal=[all_but_the_top,learned]",
        "vocabulary_size=600",
        "recipe.D=2",
        "recipe.optimizer.max_steps=1",
        "recipe.strength=1",
        "recipe.contrast.limit=5",
        "probe={texts:5,size:400,queries:20}",
        "task=[]",
        "words=[ws353]",
        "resamples=50",
    ],
    "export": ["resamples=50"],
}
RECORD = ("config.yaml", "environment.json", "results.json")
LEAVES = {
    "train": (*RECORD, "removal/removal.json", "run.html"),
    "evaluate": RECORD,
    "analyze": (*RECORD, "report.html", "figures/depth.png"),
    "advise": (*RECORD, "advice.html", "advice.json"),
    "export": ("README.md",),
}
COMMAND = {"train": train, "evaluate": evaluate, "analyze": analyze, "advise": advise, "export": export}
STAND_INS = {
    "MODEL": "wordy_model",
    "VECTORS.txt": "word_vectors",
    "examples/my_pairs.tsv": "pairs",
    "my_sentences.txt": "corpus",
    RUN: "finished_run",
    "DATA": "data_dir",
}


@pytest.fixture(scope="module")
def word_vectors(tmp_path_factory) -> Path:
    """The head of the packaged GloVe vectors, as text."""
    glove = Encoder.from_word_vectors("glove", limit=3000)
    lines = (f"{word} {' '.join(f'{x:.4f}' for x in row)}" for word, row in zip(glove.pieces, glove.table, strict=True))
    path = tmp_path_factory.mktemp("word_vectors") / "VECTORS.txt"
    path.write_text(f"3000 {glove.dimension}\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def pairs() -> Path:
    """The example of a pair file, wherever commands are run."""
    path = ROOT / "examples" / "my_pairs.tsv"
    assert path.read_text().startswith(blocks("tsv", PAGES["commands.md"])[0])
    return path


def composed(name: str, overrides: list[str], **options: bool):
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(name, overrides, **options)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    days = ("Monday", "Tuesday", "Friday")
    path.write_text("\n".join(f"On {days[i % 3]} {i} people met. They saw {i % 9} ships." for i in range(60)))
    return path


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "RUN"
    quick = [*SMALL["train"], "logger=csv", "recipe.contrast.limit=20"]
    train_undrawn(composed("train", [*quick, f"output_dir={folder}"]))
    return folder


def test_starts_with_the_two_commands():
    assert COMMANDS[:2] == ["make train", "make test"]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in PYTHON_COMMANDS])
def test_make_command(command):
    assert command.startswith("make ")
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", SWEEPS)
def test_sweep_command(command, wordy_model, undrawn, tmp_path):
    """The first job of a sweep, on a tiny model; tests/commands/test_multirun.py runs whole sweeps."""
    _, script, _, *overrides = shlex.split(command)
    config = composed(Path(script).stem, [each for each in overrides if "," not in each], return_hydra_config=True)
    assert get_class(config.hydra.launcher._target_)
    assert get_class(config.hydra.sweeper._target_)
    parser = OverridesParser.create()
    swept = [each for each in overrides if "," in each]
    swept += [f"{key}={values}" for key, values in (config.hydra.sweeper.params or {}).items()]
    firsts = []
    for override in parser.parse_overrides(swept):
        value = override.value()
        first = next(override.sweep_string_iterator()) if override.is_discrete_sweep() else value.start
        firsts.append(f"{override.get_key_element()}={first}")
    small = [*SMALL["train"], "encoder=local", f"encoder.path={wordy_model}", "data.sets=[ws353]"]
    small += ["recipe.contrast={weight: 0, corpus: lee_background}", "frequencies=corpus"]
    train(composed("train", [*small, "logger=csv", f"output_dir={tmp_path}", *firsts]))
    assert read_results(tmp_path)


def test_collect_command(finished_run):
    """Every run below the folder's parent, in three files."""
    assert COLLECTS == ["python collect.py outputs"]
    assert collect(finished_run.parent).finished
    for ending in ("csv", "md", "html"):
        assert (finished_run.parent / f"results.{ending}").is_file()


def in_small(command: str, request) -> tuple[str, list[str]]:
    """The command's name and its overrides, with small files of ours for the user's and a tiny model for the hub's."""
    _, script, *overrides = shlex.split(command)
    name = Path(script).stem
    for placeholder, fixture in STAND_INS.items():
        if any(placeholder in override for override in overrides):
            value = str(request.getfixturevalue(fixture))
            overrides = [override.replace(placeholder, value) for override in overrides]
    if "encoder=bert_base" in overrides:
        overrides.append(f"encoder.path={request.getfixturevalue('wordy_model')}")
    if name == "evaluate" and "experiment=benchmark_static" in overrides:
        overrides += ["seeds=[0,1]", "removal=[none,learned]", "task=[liang_words]"]
        overrides += ["recipe.optimizer.max_steps=5", "recipe.contrast.limit=100"]
    if name == "train" and any(override.startswith("experiment=") for override in overrides):
        overrides += ["recipe.D=[1,2]", "task=[liang_words]"]
    if name == "train" and not any(override.startswith("logger") for override in overrides):
        overrides.append("logger=csv")
    if name == "analyze":
        overrides.append(f"corpus={request.getfixturevalue('corpus')}")
    return name, [*SMALL[name], *overrides]


@pytest.mark.parametrize("command", SINGLE)
def test_python_command_names_what_there_is(command, request, tmp_path):
    """Every key, choice, removal and task of it."""
    name, overrides = in_small(command, request)
    config = composed(name, [f"output_dir={tmp_path}/run", *overrides])
    if not ("format" in config and "input" in config and config.input):  # stored vectors have no encoder
        check(config)


@pytest.mark.parametrize("command", [*FIRST, *(pytest.param(each, marks=pytest.mark.slow) for each in REST)])
def test_python_command_runs(command, request, tmp_path):
    """In this process: the first of each script always, the others where there is time."""
    name, overrides = in_small(command, request)
    config = composed(name, [f"output_dir={tmp_path}/run", *overrides])
    assert COMMAND[name](config)
    folder = Path(config.output_dir)
    for path in LEAVES[name]:
        assert (folder / path).is_file(), path
    if name == "export":
        return
    rows = read_results(folder)
    headline = "accuracy" if "task=[polarity]" in overrides else "spearman"
    assert {row.metric for row in rows} >= ({"s_inter", "lid"} if name == "analyze" else {headline})
    assert name == "analyze" or any(row.gain is not None for row in rows)


def test_commands_say_what_they_take():
    """Of one script as a process of its own; that all others answer the same way is composed above."""
    done = subprocess.run(
        [sys.executable, "train.py", "--help=all"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"encoder: .*minilm", done.stdout)


def test_results_and_figure_are_made_from_a_run(finished_run, tmp_path, monkeypatch):
    """docs/default_run.py fills the marked part of its page, and a second time leaves it as it is."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    monkeypatch.syspath_prepend(str(tmp_path / "docs"))
    import default_run

    monkeypatch.setattr(sys, "argv", ["default_run.py", str(finished_run)])
    default_run.main()
    first = (tmp_path / "docs" / "default_run.md").read_text()
    default_run.main()
    assert (tmp_path / "docs" / "default_run.md").read_text() == first
    assert "| none |" in first
    assert (tmp_path / "docs" / "raw_and_learned.png").stat().st_size < 200_000


BARE = re.compile(r"(?<![\w'./\"(])(?<!, )\+*[a-z_][\w.]*=\[[^\s\]`]*\]")


def test_what_has_brackets_is_quoted_as_zsh_needs_it():
    """In documentation, in configs, and in the words of messages."""
    texts = [*PAGES.values(), *(path.read_text() for path in sorted(CONF.rglob("*.yaml")))]
    found = [bare for text in texts for bare in BARE.findall(text) if not bare.startswith("callbacks")]
    for path in sorted((ROOT / "src").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        said = [part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values]
        said += [argument for node in nodes if isinstance(node, ast.Call) for argument in node.args]
        texts = [part.value for part in said if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        found += [bare for text in texts for bare in re.findall(r"(?<=\s)[a-z_][\w.]*=\[(?!\()", text)]
    assert found == []
