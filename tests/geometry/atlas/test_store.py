"""The store reads back what it wrote."""

import json

import numpy as np
import pytest

from uncone.geometry.atlas.store import AtlasStore, Sample


def sample(**changes):
    entries = {
        "token": ["cat", "."],
        "type": [5, 1],
        "log10_frequency": [-3.25, float("nan")],
        "group": [0, None],
        "sentence": [0, 0],
        "span": [[2, 5], [5, 6]],
        "sentences": ["A cat."],
        "groups": [["cat"]],
    }
    return Sample(**entries | changes)


def test_round_trip(tmp_path):
    store = AtlasStore(tmp_path)
    store.write_sample("minilm", sample())
    store.write_map("minilm", "3", "none", np.eye(2, 3), {"eigenvalues": [2.0, 1.0], "weights": None})
    store.write_index({"name": "lee"}, {"minilm": {"layers": ["3", "4"], "removals": ["none"]}})
    read = AtlasStore(tmp_path)
    assert list(read.maps()) == [("minilm", "3", "none")]
    np.testing.assert_array_equal(read.points("minilm", "3", "none"), np.eye(2, 3))
    assert read.curves("minilm", "3", "none") == {"eigenvalues": [2.0, 1.0], "weights": None}
    assert read.sample("minilm") == sample(log10_frequency=[-3.25, None])
    assert "NaN" not in (tmp_path / "atlas/minilm/sample.json").read_text()
    json.loads((tmp_path / "atlas/index.json").read_text())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no index.json in .*no finished run of uncone analyze"):
        AtlasStore(tmp_path).index()
