"""What is installed: the command `uncone`, and wheel and sdist in an environment of their own."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from uncone.commands import cli
from uncone.commands.help import refuse_mistyped
from uncone.support.files import CONF
from uncone.support.wording import typed

ROOT = Path(__file__).parents[1]


def said_by(arguments: list[str], monkeypatch, capsys) -> str:
    monkeypatch.setattr(sys, "argv", ["/bin/uncone", *arguments])
    cli.main()
    return capsys.readouterr().out


def test_uncone_lists_its_commands(monkeypatch, capsys):
    said = said_by([], monkeypatch, capsys)
    assert said == said_by(["--help"], monkeypatch, capsys)
    assert set(re.findall(r"^  (\w+) ", said, re.MULTILINE)) == {path.stem for path in ROOT.glob("*.py")} - {"setup"}


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_says_what_to_type(command, monkeypatch, capsys):
    said = said_by([command, "--help"], monkeypatch, capsys)
    assert f"\n  uncone {command} " in said
    assert said == said_by([command, "encoder=glove", "-h"], monkeypatch, capsys)
    monkeypatch.setattr(sys, "argv", ["evaluate.py"])
    monkeypatch.chdir(ROOT)
    assert f"\n  python {command}.py " in cli.help_of(command)


def test_help_explains_groups_and_keys(monkeypatch, capsys, tmp_path):
    """Each with what it says beside it in conf/; choices of the user's own are there, too."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "few.yaml").write_text("sets: [ws353]")
    said = said_by(["train", f"--config-dir={tmp_path}", "--help"], monkeypatch, capsys)
    flowing = " ".join(said.split())  # a line ends where the screen does
    assert re.search(r" data=word_pairs pairs with human scores: [^.]*\. Others: few, ", flowing)
    assert re.search(r" encoder=minilm .*? Others: bert_base, [^.]*\bglove\b", flowing)
    assert re.search(r"^  probe.size=20000 +token occurrences$", said, re.MULTILINE)
    assert "all_but_the_top_uncentred" in said
    assert max(map(len, said.splitlines())) <= 140
    assert re.search(
        r"^  removal=\[.*\]\n +beside raw vectors; ", said_by(["advise", "-h"], monkeypatch, capsys), re.MULTILINE
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("experiment/*.yaml")))
def test_nothing_that_there_is_is_refused(name, monkeypatch):
    """The command line that each experiment gives, and keys that it brings."""
    script, *overrides = shlex.split(
        (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()[1].removeprefix("# python ")
    )
    refuse_mistyped(script.removesuffix(".py"), [*overrides, "hydra.verbose=true", "+trainer.max_time=60", "-m"])


def test_what_is_free_to_be_named_is_not_refused():
    free = [
        "recipe.objective.settings.temperature=2",
        "recipes.mine.D=3",
        "choose_by.kind=words",
        "encoder=[minilm,glove]",
    ]
    refuse_mistyped("evaluate", [*free, "seeds=[0,1]", "fit.level=[vocabulary,texts]", "methods.all_but_the_top.D=3"])


def test_a_folder_of_choices_that_is_not_there_is_named(tmp_path):
    for given in ([f"--config-dir={tmp_path}/no"], ["--config-dir", f"{tmp_path}/no"], ["-cd", f"{tmp_path}/no"]):
        with pytest.raises(ValueError, match="no: there is no such folder"):
            refuse_mistyped("train", given)


def test_commands_are_named_as_they_were_typed(monkeypatch):
    for argument, name in (
        ("/env/bin/uncone", "uncone train"),
        ("/env/lib/pytest.py", "uncone train"),
        (f"{ROOT}/export.py", f"python {ROOT}/train.py"),
        (f"{ROOT}/collect.py", f"python {ROOT}/train.py"),
    ):
        monkeypatch.setattr(sys, "argv", [argument])
        assert typed("train") == name


@pytest.mark.parametrize(
    ("arguments", "said"), [(["trian"], "unknown command 'trian'"), (["collect"], "takes one folder")]
)
def test_mistakes_end_in_one_line(arguments, said, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["uncone", *arguments])
    with pytest.raises(SystemExit, match=f"Error: .*{said}"):
        cli.main()


@pytest.mark.slow
def test_wheel_and_sdist_in_an_environment_of_their_own(tmp_path, wordy_model):
    """Both are built as pip builds them; the wheel trains in an empty folder, with groups of the user's own."""
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: object, cwd: Path = tmp_path) -> str:
        done = subprocess.run([*map(str, command)], cwd=cwd, env=alone, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("git", "clone", "--quiet", ROOT, "source")  # without what earlier builds have left
    build = "from setuptools import build_meta; build_meta.build_sdist({!r}); build_meta.build_wheel({!r})"
    run(sys.executable, "-c", build.format(str(tmp_path), str(tmp_path)), cwd=tmp_path / "source")
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path / "again", sdist)
    names = set(ZipFile(wheel).namelist())
    assert names == set(ZipFile(tmp_path / "again" / wheel.name).namelist())
    conf = {f"uncone/conf/{path.relative_to(CONF)}" for path in CONF.rglob("*.yaml")}
    assert {name for name in names if name.startswith("uncone/conf/")} == conf

    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    (site,) = environment.glob("lib/*/site-packages")
    run(*pip, f"--python={environment}/bin/python", "install", "--no-deps", "--no-index", wheel)
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))  # all but uncone itself, which comes first
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "few.yaml").write_text("defaults: [word_pairs]\nsets: [ws353]\n")
    folder = tmp_path / "empty"
    folder.mkdir()
    uncone = environment / "bin" / "uncone"
    assert "uncone train " in run(uncone, cwd=folder) + run(uncone, "train", "--help", cwd=folder)
    where = run(environment / "bin" / "python", "-c", "import uncone; print(uncone.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(environment)
    model = ("encoder=local", f"encoder.path={wordy_model}")
    run(
        *(uncone, "train", f"--config-dir={tmp_path}/mine", "debug=fast", "data=few", *model, "logger=csv"),
        *("removal=[none]", "task=[lee]", "recipe=pairs", "recipe.D=[2]", "output_dir=run"),
        cwd=folder,
    )
    assert (folder / "run" / "removal" / "removal.json").is_file()
    assert "run" in run(uncone, "collect", ".", cwd=folder)
    assert {path.name for path in folder.iterdir()} == {"run", "results.csv", "results.md", "results.html"}
