"""Settings of a run: those that can change its results, flat, and named by a hash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uncone.support.files import digest_of

# Keys that say where, how fast and under whose eyes a run is made, not what comes out.
NEUTRAL = frozenset(
    {
        *("output_dir", "cache_dir", "threads", "encoder.token_budget", "logger", "resume", "overwrite", "sweep_name"),
        *("trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.log_every_n_steps"),
        *("trainer.strategy", "trainer.devices", "trainer.num_nodes"),  # processes share the work, and find the same
    }
)
HASH_DIGITS = 10


def telling(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Settings that can change results, by dotted key.

    Args:
        settings: nested, with values that JSON knows; lists stay whole.
        prefix: of the keys.

    Example:
        >>> telling({"seed": 0, "threads": 2, "encoder": {"path": "minilm", "layers": [3]}})
        {'seed': 0, 'encoder.path': 'minilm', 'encoder.layers': [3]}
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        key = f"{prefix}{name}"
        if key not in NEUTRAL:
            flat |= telling(value, f"{key}.") if isinstance(value, dict) and value else {key: value}
    return flat


def local_contents(settings: Mapping[str, Any]) -> dict[str, str]:
    """Of every setting that names a file here, the SHA-256 of its content; of a folder, that of names, sizes and times.

    Args:
        settings: by dotted key, see `telling`.
    """
    values = [each for value in settings.values() for each in (value if isinstance(value, list) else [value])]
    found = {}
    for text in sorted({each for each in values if isinstance(each, str)} - {".", ".."}):  # punctuation
        path = Path(text)
        if os.path.isfile(path):  # False, too, for what is too long to be a path
            found[text] = digest_of(path)
        elif os.path.isdir(path):
            stats = {str(each.relative_to(path)): each.stat() for each in sorted(path.rglob("[!.]*")) if each.is_file()}
            found[text] = digest([[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()])
    return found


def digest(value: Any) -> str:
    """The first hex digits of the SHA-256 of a value that JSON knows."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:HASH_DIGITS]
