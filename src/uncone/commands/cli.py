"""The command line, `uncone COMMAND …` or a script of the repository's root, up to where a command takes over.

It answers `--help` at once: it loads Hydra for a command alone, and torch when the command runs.
"""

from __future__ import annotations

import atexit
import gc
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from uncone.support.files import CONF
from uncone.support.terminal import loading, step
from uncone.support.wording import typed, unknown

COLLECT = """\
Gather every run below a folder into one table: results.csv, results.md and results.html, written there.

  collect outputs/sweeps/layers                    a multirun does this itself when it ends
  collect outputs                                  all runs, also unfinished ones and offline W&B runs"""
COMMANDS = {
    "train": "learn how much of each dominant component to remove, and compare it with every fixed method",
    "evaluate": "score removals, constructed or saved, on tasks",
    "analyze": "map the geometry of every layer over a corpus, before and after removals",
    "advise": "does removal help this encoder, on which layers, and which one?",
    "export": "turn an encoder and its removal into files that work without uncone",
    "collect": "gather every run below a folder into one table",
}


def main() -> None:
    """The installed command `uncone`: its first argument names a command, the others are for that one."""
    name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    if name in COMMANDS:
        sys.argv[1:] = arguments
        start(name)
    elif name in ("--help", "-h", "help"):
        lines = [f"  {command:<10} {purpose}" for command, purpose in COMMANDS.items()]
        print("uncone COMMAND …: learned post-processing of frozen text encoders\n", *lines, sep="\n")
        print("\nuncone COMMAND --help says what each takes.")
    elif name == "--version":
        print(import_module("uncone").__version__)
    else:
        sys.exit(f"Error: {unknown('command', name, COMMANDS)}")


def start(command: str) -> None:
    """Run a command with the arguments of this process; mistakes end it in one line and exit code 1."""
    arguments = sys.argv[1:]
    if {"--help", "-h"} & set(arguments):
        print(help_of(command, arguments))
    elif command == "collect":
        _collect(arguments)
    elif {"-m", "--multirun"} & set(arguments):
        _compose(command)
    else:
        sys.argv[1:] = ["--help" if argument == "--help=all" else argument for argument in arguments]
        atexit.register(gc.freeze)  # or seconds pass in which all that was imported is looked through for garbage
        with step(typed(command)):  # until all is done, so that something moves whatever it does
            loading("Loading PyTorch")
            _compose(command)


def help_of(command: str, arguments: Sequence[str] = ()) -> str:
    """What a command is for and what it takes, the command written as the user types it."""
    if command != "collect":
        from uncone.commands.help import help_text

        return help_text(command, arguments)
    return re.sub(rf"^  {command}\b", f"  {typed(command)}", COLLECT, flags=re.MULTILINE)


def _compose(command: str) -> None:
    """Let Hydra make a config of the command line and hand it to the command."""
    import hydra

    from uncone.commands.help import refuse_mistyped
    from uncone.commands.schema import refuse_experiments_of_others, register

    def task(config: Any) -> float | None:
        from uncone.commands.main import run

        return run(getattr(import_module(f"uncone.commands.{command}"), command), config)

    register()
    refuse_experiments_of_others(command)
    try:
        refuse_mistyped(command, sys.argv[1:])
    except ValueError as error:
        sys.exit(f"Error: {error}")
    with _refused_in_one_line():
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=command)(task)()


@contextmanager
def _refused_in_one_line() -> Iterator[None]:
    """Inside, what Hydra refuses ends the process in one line; in a traceback where HYDRA_FULL_ERROR=1 asks for it."""
    from hydra.errors import HydraException, InstantiationException

    asked = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its errors itself, on many lines
    try:
        yield
    except HydraException as error:
        if asked or isinstance(error, InstantiationException):
            raise
        lines = [*str(error).splitlines()[:1], *str(error.__cause__ or "").splitlines()[:1]]
        sys.exit(f"Error: {': '.join(line.removeprefix('Error merging override ') for line in lines)}")
    finally:
        if asked is None:
            del os.environ["HYDRA_FULL_ERROR"]


def _collect(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit(f"Error: {typed('collect')} takes one folder, got {' '.join(arguments) or 'none'}")
    from uncone.commands.collect import collect

    try:
        collect(arguments[0])
    except ValueError as error:
        sys.exit(f"Error: {error}")
