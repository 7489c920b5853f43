"""The sample on disk comes back as it was drawn."""

import pytest
import torch

from uncone.geometry.atlas.occurrences import Batch
from uncone.geometry.atlas.spool import Spool


def test_vectors_come_back_in_their_slots_and_files_go(tmp_path):
    drawn = torch.randperm(50)[:20]  # of 50 vectors
    X = {"0": torch.randn(50, 3), "1": torch.randn(50, 5)}
    slots = torch.full((50,), -1)
    slots[drawn] = torch.arange(20)
    with Spool(["0", "1"], tmp_path) as spool:
        for rows in torch.arange(50).split(7):
            spool.add(Batch({layer: x[rows] for layer, x in X.items()}, rows, slots[rows]))
        for layer in ("1", "0", "1"):  # as often as asked
            assert torch.equal(spool.read(layer), X[layer][drawn])
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_files_go_after_a_mistake_too(tmp_path):
    with pytest.raises(RuntimeError, match="broken"), Spool(["0"], tmp_path):
        raise RuntimeError("broken")
    assert not list(tmp_path.iterdir())
