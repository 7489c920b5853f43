"""Vectors, computed once: a store of features named by what they are, and the reader that tasks and training share."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from uncone.support import distributed
from uncone.support.files import digest_of, remove, whole, writing

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
Arrays = dict[str, np.ndarray]


def default_cache() -> Path:
    """The cache folder: `UNCONE_CACHE`, or `~/.cache/uncone`."""
    return Path(os.environ.get("UNCONE_CACHE") or Path.home() / ".cache" / "uncone")


def text_hash(texts: Iterable[str]) -> str:
    """Hex digest of a sequence of strings; no two sequences share one by moving a boundary."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


class FeatureStore:
    """Arrays on disk, named by a key, computed once and memory-mapped ever after.

    An entry is a folder of `.npy` files and an `entry.json` with the key and a checksum per file. It is written aside
    and renamed into place, under a lock: a killed process leaves nothing half-written, and of two processes that want
    the same entry one computes while the other waits.

    Attributes:
        built: how many entries this store computed; `read`, how many it found.

    Example:
        >>> import tempfile
        >>> store = FeatureStore(tempfile.mkdtemp())
        >>> store.fetch({"what": "ones"}, lambda: {"vectors": np.ones((2, 3))})["vectors"].shape
        (2, 3)
        >>> store.built, store.read
        (1, 0)
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder) if folder is not None else default_cache()
        self.built = self.read = 0
        self._opened: dict[Path, Arrays] = {}  # checked once a process

    def fetch(self, key: Mapping[str, Any], build: Callable[[], Arrays]) -> Arrays:
        """Return the arrays named by `key`, computing them with `build` if they are not stored intact.

        They are read-only and memory-mapped; the key is of plain JSON values.
        """
        text = json.dumps({**key, "format_version": FORMAT_VERSION}, sort_keys=True)
        entry = self.folder / hashlib.sha256(text.encode()).hexdigest()[:32]
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(self.folder, os.W_OK)
        lock = FileLock(f"{entry}.lock") if writable else nullcontext()
        if entry not in self._opened:
            with lock:
                self._open(entry, text)
        asked, stored = zip(*distributed.gather([text, entry in self._opened]), strict=True)
        if len(set(asked)) > 1:
            raise RuntimeError(f"processes that share their work ask for different features: {', '.join(asked)}")
        if all(stored):
            self.read += 1
            return self._opened[entry]
        # Processes that build together do so before the lock: its holder would wait for those that wait for the lock.
        together = build() if distributed.processes() > 1 else None
        with lock:
            computed = not self._open(entry, text)
            if computed and not writable:
                logger.warning("%s cannot be written to: features are kept for this process alone", self.folder)
                self._opened[entry] = build() if together is None else together
            elif computed:
                self._write(entry, text, build() if together is None else together)
                if not self._open(entry, text):
                    raise OSError(f"features written to {entry} cannot be read back: is the disk full or failing?")
        computed = computed or together is not None
        self.built += computed
        self.read += not computed
        return self._opened[entry]

    def _open(self, entry: Path, key: str) -> bool:
        """Whether an entry is intact and the one asked for, and now opened; a damaged one goes, with a warning."""
        if not entry.exists():
            return False
        try:
            told = json.loads((entry / "entry.json").read_text())
            if told["key"] != json.loads(key):
                raise ValueError("it holds others than its name says")
            files = told["files"]
            if {path.name for path in entry.glob("*.npy")} != set(files):
                raise ValueError("it holds other arrays than it says")
            for name, checksum in files.items():
                if digest_of(entry / name) != checksum:
                    raise ValueError(f"checksum of {name} differs")
            loaded = {Path(name).stem: np.load(entry / name, mmap_mode="r", allow_pickle=False) for name in files}
        except Exception as error:
            logger.warning("damaged features in %s (%s): computing them again", entry, error)
            if os.access(self.folder, os.W_OK):
                remove(entry)
            return False
        self._opened[entry] = loaded
        return True

    def _write(self, entry: Path, key: str, arrays: Arrays) -> None:
        with whole(entry) as aside:
            aside.mkdir()
            files = {}
            for name, array in arrays.items():
                np.save(aside / f"{name}.npy", array, allow_pickle=False)
                files[f"{name}.npy"] = digest_of(aside / f"{name}.npy")
            (aside / "entry.json").write_text(json.dumps({"key": json.loads(key), "files": files}, indent=1))


class Recent:
    """What was made last, in memory, for another removal to be applied to it: no more than so many things."""

    def __init__(self, most: int = 8):  # the texts of one task under a few poolings, and which of them are known
        self._most, self._made = most, dict[Hashable, np.ndarray]()

    def fetch(self, key: Hashable, build: Callable[[], np.ndarray]) -> np.ndarray:
        """What was made under this key; if it is not there any more, what `build` makes."""
        found = self._made.pop(key) if key in self._made else build()
        self._made[key] = found
        while len(self._made) > self._most:
            del self._made[next(iter(self._made))]
        return found
