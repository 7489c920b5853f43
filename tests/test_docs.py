"""Every command, snippet, link and name of the README and of docs/ is one that there is, and the site is built.

tests/test_docs_commands.py runs the commands of the pages that show what there is to run.
"""

import ast
import doctest
import inspect
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from test_docs_commands import PAGES, ROOT, RUN_HERE, blocks, commands, composed

import uncone
from uncone.commands.build import check
from uncone.tasks.row import COVERAGE
from uncone.tasks.statistics import STATISTICS

OTHERS = [text for page, text in PAGES.items() if page not in RUN_HERE]
COMMANDS = list(dict.fromkeys(command for text in OTHERS for command in commands(text)))
OURS = re.compile(r"uncone(\.\w+)+")
SNIPPETS = [(page, block) for page, text in PAGES.items() for block in blocks("python", text) if ">>>" not in block]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """In place of the folder of a run."""
    return uncone.removal.none(4).save(tmp_path_factory.mktemp("removal"))


@pytest.mark.parametrize("command", COMMANDS)
def test_command_names_what_there_is(command, saved, tmp_path):
    program, script, *overrides = shlex.split(re.sub(r"\boutputs/train/\w+", str(saved), command))
    if program == "make":
        done = subprocess.run([program, script, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return
    name = script.removesuffix(".py")
    assert (program, script) == ("python", f"{name}.py")
    check(composed(name, [*overrides, f"output_dir={tmp_path}/run"]))


def run_examples(examples: list[str], page: str) -> int:
    """Run the >>> lines as one session, and fail with what they said instead; returns how many there are."""
    parser, runner, session, said = doctest.DocTestParser(), doctest.DocTestRunner(), {}, []
    for number, block in enumerate(examples):
        example = parser.get_doctest(block, session, f"{page}, example {number + 1}", page, 0)
        runner.run(example, out=said.append, clear_globs=False)
        session = example.globs
    assert not runner.failures, "".join(said)
    return runner.tries


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if ">>>" in text])
def test_examples(page):
    import sentence_transformers  # noqa: F401  # says at its first import that W&B is offline

    assert run_examples([block for block in blocks("python", PAGES[page]) if ">>>" in block], page)


@pytest.mark.parametrize(("page", "snippet"), SNIPPETS)
def test_snippet_calls_what_there_is(page, snippet):
    """What takes long, or needs files: names of uncone, and the arguments that they take."""
    for node in ast.walk(ast.parse(snippet)):
        if isinstance(node, ast.Attribute) and OURS.fullmatch(dotted := ast.unparse(node)):
            found(dotted)
        if isinstance(node, ast.Call) and OURS.fullmatch(dotted := ast.unparse(node.func)):
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            inspect.signature(found(dotted)).bind(*node.args, **keywords)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page):
    """So that none escapes the tests above."""
    opened = re.findall(r"^```(.*)$", PAGES[page], re.MULTILINE)[::2]
    assert set(opened) <= {"bash", "python", "tsv", "text"}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = ROOT if page == "README.md" else ROOT / "docs"
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[page]):
        assert (folder / link).is_file(), link


@pytest.mark.parametrize("page", PAGES)
def test_paths_lead_somewhere(page):
    for path in re.findall(
        r"`((?:conf|docs|notebooks|src|tests|examples|benchmarks)/[\w./]*|[\w]+\.cff)`", PAGES[page]
    ):
        assert (ROOT / path).exists(), path


def test_rooms_are_those_that_there_are():
    rooms = PAGES["extend.md"].split("| in `src/uncone/` |")[1].split("\n\n")[0]
    there = {path.parent.name for path in (ROOT / "src" / "uncone").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/`", rooms, re.MULTILINE)) == there


def test_table_of_methods_is_that_of_the_config():
    table = PAGES["methods.md"].split("| `removal=` |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == {"none", *composed("train", []).methods}


def test_every_number_is_defined(monkeypatch):
    """docs/numbers.md has the measures as their registry defines them, and every metric."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import numbers_table

    assert numbers_table.table() in PAGES["numbers.md"]
    assert {*STATISTICS, COVERAGE} - {"mean"} <= set(re.findall(r"`([\w@]+)`", PAGES["numbers.md"]))


def test_readme_is_short_and_pictures_are_small():
    assert len(PAGES["README.md"].splitlines()) <= 150
    assert all(path.stat().st_size < 200_000 for path in (ROOT / "docs").glob("*.png"))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="no mkdocs: make docs installs it")
def test_site_is_built_and_fetches_nothing(tmp_path):
    """Strictly, links to headings included; no font, style or script is that of another site."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", f"--site-dir={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in tmp_path.glob("*.html")} == {*(Path(page).stem for page in PAGES), "404"} - {"README"}
    for path in (*tmp_path.glob("*.html"), *tmp_path.rglob("*.css")):
        text = path.read_text()
        assert not re.search(r"<(?:script|img|iframe)[^>]*\bsrc=\"?(?:https?:)?//", text), path
        assert not re.search(r"<link[^>]*\bhref=\"?(?:https?:)?//|url\(\"?(?:https?:)?//", text), path


def test_reference_has_every_public_name():
    listed = re.findall(r"^::: uncone\.(\S+)$", PAGES["api.md"], re.MULTILINE)
    for name in listed:
        found(f"uncone.{name}")
    public = {name for name in uncone.__all__ if not isinstance(getattr(uncone, name), (ModuleType, str))}
    for room in (uncone.geometry, uncone.removal, uncone.runs):
        prefix = room.__name__.removeprefix("uncone.")
        names = [
            name for name, each in vars(room).items() if not (name.startswith("_") or isinstance(each, ModuleType))
        ]
        public |= {f"{prefix}.{name}" for name in names if name not in public}
    assert set(listed) == public


def found(dotted: str):
    """What a dotted name stands for."""
    target = uncone
    for part in dotted.split(".")[1:]:
        target = getattr(target, part)
    return target
