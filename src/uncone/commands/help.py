"""What a command takes, read from conf/ and the folders of --config-dir: for --help, and to name mistyped words."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from uncone.support.files import CONF
from uncone.support.wording import meant, typed, unknown

NAMES = {"removal": "methods", "task": "tasks"}  # keys whose values are the keys of another file
COLUMN = 34  # where comments begin


@dataclass
class Words:
    """What a command takes.

    Attributes:
        head: purpose and examples.
        groups: choice and comment of each.
        keys: value and comment of each, in order; those inside a key have its name before a dot.
        tree: all keys, nested, whichever choices bring them.
    """

    head: str = ""
    groups: dict[str, tuple[str, str]] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    tree: dict[str, Any] = field(default_factory=dict)


def words_of(command: str, folders: Sequence[Path] = ()) -> Words:
    """Groups and keys of a command: of its file, and of those that this one builds on."""
    words, files = Words(), [command]
    for name in files:
        text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
        head, _, rest = text.partition("\ndefaults:")
        words.head = words.head or re.sub(r"^# ?", "", head, flags=re.MULTILINE)
        _read_lines(rest, words)
        content = yaml.safe_load(text)
        for entry in content.pop("defaults"):
            if isinstance(entry, str) and "@" in entry:
                file, _, key = entry.partition("@")
                _merge(words.tree, {key: yaml.safe_load((CONF / f"{file}.yaml").read_text(encoding="utf-8"))})
            elif isinstance(entry, str) and (CONF / f"{entry}.yaml").is_file():
                files.append(entry)
        _merge(words.tree, content)
    for group in words.groups:
        for path in (each for root in (CONF, *folders) for each in sorted((root / group).glob("*.yaml"))):
            text = path.read_text(encoding="utf-8")
            content = yaml.safe_load(text) or {}
            content.pop("defaults", None)
            _merge(words.tree, content if "@package _global_" in text else {group: content})
    return words


def choices(group: str, folders: Sequence[Path] = ()) -> list[str]:
    """What a group can be."""
    from uncone.commands.schema import ENCODERS

    files = (path.stem for root in (CONF, *folders) for path in (root / group).glob("*.yaml"))
    return sorted({*files, *(ENCODERS if group == "encoder" else ())})


def help_text(command: str, arguments: Sequence[str] = ()) -> str:
    """Purpose, examples, groups and keys of a command, in lines as wide as the terminal."""
    folders = _folders(arguments)
    words = words_of(command, folders)
    lines = [re.sub(rf"^  {command}\b", f"  {typed(command)}", words.head.strip("\n"), flags=re.MULTILINE)]
    lines += ["", "Groups, GROUP=CHOICE:"]
    for group, (choice, comment) in words.groups.items():
        others = ", ".join(name for name in choices(group, folders) if name != choice)
        lines += _item(f"{group}={choice}", ". ".join(filter(None, [comment, f"Others: {others}" if others else ""])))
    lines += ["", "Keys, KEY=VALUE:"]
    for key, (value, comment) in words.keys.items():
        names = f"Names: {', '.join(words.tree[NAMES[key]])}" if NAMES.get(key, "") in words.tree else ""
        lines += _item(f"{key}={value}", ". ".join(filter(None, [comment, names])))
    lines += [
        "",
        "--help=all lists the keys inside groups, too; --cfg job shows what a command line comes to; --config-dir DIR",
        "adds choices of your own, in folders named as the groups; -m runs every combination of values between commas.",
    ]
    return "\n".join(lines)


def refuse_mistyped(command: str, arguments: Sequence[str]) -> None:
    """Raise a ValueError for what cannot be read, or a key or choice that there is not; it says what may be meant."""
    several = _several(arguments)
    folders = _folders(arguments)
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise ValueError(f"--config-dir={missing[0]}: there is no such folder")
    words = words_of(command, folders)
    for key, value in _assigned(arguments):
        if key in words.groups:
            for choice in filter(None, value.strip("[]").split(",")):
                if choice != "null" and choice not in (known := choices(key, folders)):
                    raise unknown(key, choice, known)
            continue
        node: Any = words.tree
        for depth, part in enumerate(key.split("."), start=1):
            if not isinstance(node, dict) or not node:
                break  # free to hold anything
            if part not in node:
                above = ".".join(key.split(".")[: depth - 1])
                listed = f"{above} has {', '.join(node)}" if above else f"{typed(command)} --help lists the keys"
                siblings = [f"{above}.{name}".lstrip(".") for name in node]
                wrong = f"{above}.{part}".lstrip(".")
                raise ValueError(f"unknown key {wrong!r}: {listed}{meant(wrong, siblings)}")
            node = node[part]
    for argument in several:
        key, _, value = argument.partition("=")
        raise ValueError(f"{argument!r} has several values: a list is '{key}=[{value}]', and -m runs each alone")


def _several(arguments: Sequence[str]) -> list[str]:
    """Settings of several values where no sweep is asked for; a ValueError for what is no option and no setting."""
    options, strange = get_args_parser().parse_known_args(list(arguments))
    if strange:
        name = strange[0].lstrip("-").partition("=")[0]
        raise ValueError(f"unknown option {strange[0]}: a setting has no dashes, {name}=VALUE")
    sweeps = options.multirun or any(each.startswith(("sweep=", "hydra.mode=")) for each in arguments)
    parser, found_several = OverridesParser.create(), []
    for argument in options.overrides:
        key, found, _ = argument.partition("=")
        if not found and not argument.startswith("~"):
            raise ValueError(f"{argument!r} is no setting: KEY=VALUE was expected, without spaces around =")
        try:
            if parser.parse_override(argument).is_sweep_override() and not sweeps:
                found_several.append(argument)
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{argument!r} cannot be read ({reason}): a list is '{key}=[A,B]', in quotes where it has spaces"
            ) from error
    return found_several


def _assigned(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys and values of a command line, but for what adds or deletes keys and what is Hydra's."""
    for argument in arguments:
        key, found, value = argument.partition("=")
        if found and re.fullmatch(r"[A-Za-z_][\w.]*", key) and key.partition(".")[0] != "hydra":
            yield key, value.strip("'\"")


def _folders(arguments: Sequence[str]) -> list[Path]:
    """What --config-dir names."""
    options = ("--config-dir", "-cd")
    apart = [value for option, value in pairwise(arguments) if option in options]
    joined = [argument.partition("=")[2] for argument in arguments if argument.startswith("--config-dir=")]
    return [Path(folder) for folder in (*apart, *joined)]


def _read_lines(text: str, words: Words) -> None:
    """Groups and keys, with the comments beside and above them, from the lines behind `defaults:`."""
    parent, above, in_defaults = "", "", True
    for line in text.splitlines():
        content, _, comment = (part.rstrip() for part in line.partition("# "))
        if group := re.fullmatch(r"  - (\w+): (\S+)", content):
            words.groups.setdefault(group[1], (group[2], comment))
        elif not content:
            above = f"{above} {comment}".strip()
        elif key := re.fullmatch(r"(  )?(\w+):(?: (.*))?", content):
            in_defaults = False
            parent = parent if key[1] else key[2]
            name, value = f"{parent}.{key[2]}" if key[1] else key[2], (key[3] or "").strip()
            if parent != "hydra" and (not key[1] or comment):
                words.keys.setdefault(name, (value, f"{above} {comment}".strip()))
            above = ""
        elif not in_defaults:
            above = ""


def _merge(tree: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            if tree[key]:  # else it is free to hold anything
                _merge(tree[key], value)
        elif not isinstance(tree.get(key), dict):
            tree[key] = value


def _item(name: str, comment: str) -> Iterable[str]:
    """A name, and beside or below it what it means."""
    width = min(shutil.get_terminal_size((120, 24)).columns, 140)
    lines = textwrap.wrap(comment, max(30, width - COLUMN), break_long_words=False, break_on_hyphens=False)
    head = f"  {name}"
    if not lines or len(head) < COLUMN - 1:
        first = f"{head:<{COLUMN}}{lines[0]}" if lines else head
        return [first, *(" " * COLUMN + line for line in lines[1:])]
    return [head, *(" " * COLUMN + line for line in lines)]
