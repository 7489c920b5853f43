"""What messages say alike: a command as the user types it, and what a mistyped word may mean."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def typed(command: str) -> str:
    """A command as the user types it: `uncone train`, or in a checkout `python train.py`, with the path it was given.

    Example:
        >>> typed("train").endswith("train") or typed("train").endswith("train.py")
        True
    """
    script = Path(sys.argv[0] if sys.argv else "")
    if (script.parent / "conf" / f"{script.stem}.yaml").is_file() or script.name == "collect.py":
        return f"python {shlex.quote(str(script.with_name(f'{command}.py')))}"
    return f"uncone {command}"


def enumerated(parts: Sequence[str]) -> str:
    """Parts in a row, as a sentence names them; empty if there is none.

    Example:
        >>> enumerated(["one", "two", "three"])
        'one, two and three'
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def command_line(command: str, *arguments: str) -> str:
    """A command with its arguments, quoted for a shell, zsh among them.

    Example:
        >>> command_line("train", "encoder.layers=[3]").endswith(" 'encoder.layers=[3]'")
        True
    """
    return " ".join([typed(command), *map(shlex.quote, arguments)])


def meant(word: str, choices: Iterable[str]) -> str:
    """What a word that is none of the choices may mean, to end a message with; empty if it is like none of them.

    Example:
        >>> meant("whitenning", ["centre", "whitening"]), meant("x", ["centre"])
        ("; did you mean 'whitening'?", '')
    """
    close = difflib.get_close_matches(str(word), list(map(str, choices)), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(what: str, word: str, choices: Iterable[str]) -> ValueError:
    """The error for a word that is none of the choices."""
    listed = list(choices)
    return ValueError(f"unknown {what} {word!r}: choose one of {', '.join(listed)}{meant(word, listed)}")
