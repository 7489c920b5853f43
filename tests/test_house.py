"""Twelve rooms, each of which knows only the rooms before it, and a front door that loads nothing heavy."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "uncone"
ROOMS = (
    *("support", "data", "encoder", "removal", "geometry", "tasks"),
    *("runs", "learning", "report", "advice", "export", "commands"),
)
COMMANDS = ("train", "evaluate", "analyze", "advise", "export", "collect")
HEAVY = ("torch", "transformers", "torchmetrics", "pytorch_lightning", "wandb", "scipy", "sklearn", "pandas")


def name_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py"}


@cache
def imports(module: str) -> set[str]:
    """All that a module imports, inside functions too: `from a import b` is a.b where that is a module, else a."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by relative name"
            whole = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole[name] if whole[name] in MODULES else str(node.module) for name in whole}
    return found


def room(module: str) -> str:
    return module.split(".")[1]


def test_nothing_is_loose_on_the_ground_floor():
    expected = {*ROOMS, "__init__.py", "py.typed"}
    assert {path.name for path in HOUSE.iterdir() if path.name != "__pycache__"} == expected


def test_no_module_is_known_to_what_it_knows():
    try:
        TopologicalSorter({module: imports(module) & MODULES.keys() for module in MODULES}).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' <- '.join(error.args[1])}") from None


def test_no_room_knows_a_later_one():
    later = {
        f"{module} imports {other}"
        for module in MODULES
        for other in imports(module) & MODULES.keys()
        if ROOMS.index(room(other)) > ROOMS.index(room(module))
    }
    assert not later


def test_no_config_of_hydra_below_the_commands():
    taken = {
        module
        for module in MODULES
        if room(module) != "commands" and {name.split(".")[0] for name in imports(module)} & {"hydra", "omegaconf"}
    }
    assert not taken


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh Python has loaded when it ends some code."""
    told = f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    code = f"import atexit, runpy, sys\natexit.register(lambda: {told})\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stderr.split())


def test_help_loads_nothing_heavy():
    """Of one command as a user asks for all keys; the other root scripts as far as they load before Hydra is asked."""
    others = f"for name in {COMMANDS}: runpy.run_path(f'{{name}}.py', run_name='root')"
    asked = "sys.argv = ['train.py', '--help=all']\nrunpy.run_path('train.py', run_name='__main__')"
    assert loaded_by(f"{others}\n{asked}") == set()


def test_importing_uncone_loads_nothing_heavy():
    assert loaded_by("import uncone") == set()
