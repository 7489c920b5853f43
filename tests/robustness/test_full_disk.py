"""A disk that is full or cannot be written to: one line with path and cause, and what was there stays."""

import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from uncone import removal as removals
from uncone.encoder.store import FeatureStore
from uncone.geometry.atlas.store import AtlasStore
from uncone.learning.checkpoints import WholeFiles
from uncone.removal.spectrum import Spectrum
from uncone.runs.folder import begin, release
from uncone.support.files import write

MOST = 1000  # bytes of a file
X = np.random.default_rng(0).normal(size=(100, 32)).astype(np.float32)


@contextmanager
def full_disk():
    """No file can grow beyond so many bytes."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


WRITERS = {
    "text": lambda folder: write(folder / "file", "x" * 5000),
    "removal": lambda folder: removals.all_but_the_top(Spectrum.fit(X), D=20).save(folder),
    "features": lambda folder: FeatureStore(folder).fetch({"what": "X"}, lambda: {"vectors": X}),
    "checkpoint": lambda folder: WholeFiles().save_checkpoint({"x": X.tolist()}, folder / "last.ckpt"),
    "atlas": lambda folder: AtlasStore(folder).write_map("tiny", "1", "none", X.tolist(), {}),
}


@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk_is_one_line_with_the_path(what, tmp_path):
    with full_disk(), pytest.raises(ValueError, match=rf"^{tmp_path}.* cannot be written: .+$") as error:
        WRITERS[what](tmp_path)
    assert "\n" not in str(error.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    """As on a read-only file system: the tests may run as a user whom permissions do not hold back."""

    def refuse(*given, **options):
        raise OSError(30, os.strerror(30), str(given[0]))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ValueError, match=rf"^{tmp_path}/run cannot be written: Read-only file system$"):
        begin(tmp_path / "run", "")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/cache cannot be written: Read-only file system$"):
        FeatureStore(tmp_path / "cache").fetch({"what": "X"}, lambda: {"vectors": X})


def test_a_warm_cache_that_is_read_only_is_read(tmp_path, monkeypatch):
    FeatureStore(tmp_path).fetch({"what": "X"}, lambda: {"vectors": X})
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    store = FeatureStore(tmp_path)
    np.testing.assert_array_equal(store.fetch({"what": "X"}, lambda: pytest.fail("computed again"))["vectors"], X)
    store.fetch({"what": "more"}, lambda: {"vectors": X})
    assert (store.read, store.built) == (1, 1)


def test_what_libraries_write_past_us_is_one_line_too():
    from omegaconf import OmegaConf

    from uncone.commands.main import run

    def command(config):
        raise OSError(28, os.strerror(28))

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        with pytest.raises(SystemExit, match=r"^Error: out: No space left on device$"):
            run(command, OmegaConf.create({"output_dir": "out"}))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        release()
