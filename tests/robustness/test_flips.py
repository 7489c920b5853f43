"""A single flipped bit in what is saved: seen, or without effect; never other numbers without a word."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from uncone import removal as removals
from uncone.encoder.store import FeatureStore
from uncone.learning.checkpoints import WholeFiles, read_checkpoint
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

FLIPS = 400
X = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)


def flipped(whole: bytes, generator: np.random.Generator) -> bytes:
    """The same bytes with one random bit turned."""
    place, bit = int(generator.integers(len(whole))), 1 << int(generator.integers(8))
    return whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]


@pytest.mark.parametrize("file", ["removal.safetensors", "removal.json"])
@pytest.mark.parametrize(
    "made",
    [
        removals.all_but_the_top(Spectrum.fit(X), D=3),
        removals.clustered(Clustering.fit(torch.tensor(X), k=3), D=2),
    ],
    ids=["affine", "clustered"],
)
def test_removal(made, file, tmp_path):
    path = made.save(tmp_path) / file
    whole, generator = path.read_bytes(), np.random.default_rng(1)
    for _ in range(FLIPS):
        path.write_bytes(flipped(whole, generator))
        with pytest.raises(ValueError, match=str(tmp_path)):
            removals.load(tmp_path)
    path.write_bytes(whole)
    np.testing.assert_array_equal(removals.load(tmp_path).apply(X), made.apply(X))


def test_checkpoint(tmp_path):
    state = {"weights": torch.arange(200.0), "epoch": 3, "rates": {"adam": [0.1, 0.2]}}
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint(state, path)
    whole, generator = path.read_bytes(), np.random.default_rng(2)
    for _ in range(FLIPS):
        path.write_bytes(flipped(whole, generator))
        with pytest.raises(ValueError, match=f"{path} is no undamaged checkpoint"):
            read_checkpoint(path)
    path.write_bytes(whole)
    assert str(read_checkpoint(path)) == str(state) == str(torch.load(path, weights_only=True))


@pytest.mark.parametrize("file", ["vectors.npy", "entry.json"])
def test_feature_store(file, tmp_path, caplog):
    """Damage is computed anew, with one line."""
    key, arrays = {"what": "vectors"}, {"vectors": X}
    FeatureStore(tmp_path).fetch(key, lambda: arrays)
    (entry,) = (path for path in tmp_path.iterdir() if path.is_dir())
    whole, generator = (entry / file).read_bytes(), np.random.default_rng(3)
    caplog.set_level(logging.WARNING)
    built = 0
    for _ in range(FLIPS):
        (entry / file).write_bytes(flipped(whole, generator))
        caplog.clear()
        store = FeatureStore(tmp_path)
        np.testing.assert_array_equal(store.fetch(key, lambda: arrays)["vectors"], X)
        assert len(caplog.records) == store.built
        built += store.built
    assert built > FLIPS / 2


def test_an_entry_in_the_place_of_another(tmp_path):
    """It is not handed out."""
    for value in (1.0, 2.0):
        FeatureStore(tmp_path).fetch({"value": value}, lambda value=value: {"vectors": np.full(3, value)})
    one, two = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    shutil.move(one, tmp_path / "aside")
    shutil.move(two, one)
    shutil.move(tmp_path / "aside", two)
    for value in (1.0, 2.0):
        found = FeatureStore(tmp_path).fetch({"value": value}, lambda value=value: {"vectors": np.full(3, value)})
        assert (found["vectors"] == value).all()


def test_a_removal_in_a_pipe_is_not_waited_for(tmp_path):
    import os

    made = removals.all_but_the_top(Spectrum.fit(X), D=3).save(tmp_path)
    Path(made / "removal.json").unlink()
    os.mkfifo(made / "removal.json")
    with pytest.raises(ValueError, match="no removal in"):
        removals.load(made)
