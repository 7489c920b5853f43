"""What messages say alike: a command as the user types it."""

from __future__ import annotations

import shlex
import sys
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
