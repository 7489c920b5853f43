"""Stored vectors that cannot be corrected: the message says why, and nothing is left."""

import json
import os
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from uncone import removal as removals
from uncone.export.vectors import StoredVectors

from .conftest import DIMENSION, ROWS, hugging_face, run


@pytest.fixture
def npy(X, tmp_path) -> Path:
    np.save(tmp_path / "raw.npy", X.astype(np.float32))
    return tmp_path / "raw.npy"


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_overwrites_only_when_told(removal, npy):
    target = npy.with_name("out.npy")
    target.write_text("precious")
    with pytest.raises(ValueError, match="exists already: set overwrite=true"):
        run(removal, npy, target)
    assert target.read_text() == "precious"
    run(removal, npy, target, overwrite=True)
    assert np.load(target).shape == (ROWS, DIMENSION)


def test_overwrites_a_data_set_but_no_other_folder(X, removal, tmp_path):
    hugging_face(X).save_to_disk(tmp_path / "raw")
    for target in ("out", "other"):
        (tmp_path / target).mkdir()
        (tmp_path / target / "precious").touch()
    (tmp_path / "out" / "state.json").write_text("{}")
    with pytest.raises(ValueError, match="not of the kind"):
        run(removal, tmp_path / "raw", tmp_path / "other", overwrite=True)
    run(removal, tmp_path / "raw", tmp_path / "out", overwrite=True)
    assert len(datasets.load_from_disk(tmp_path / "out")) == ROWS
    assert left(tmp_path) == ["other", "out", "raw"]
    assert left(tmp_path / "other") == ["precious"]


@pytest.mark.parametrize("way", ["same", "dots", "symlink", "hardlink"])
def test_never_writes_onto_the_input(removal, npy, way):
    target = npy if way == "same" else npy.parent / "x" / ".." / "raw.npy" if way == "dots" else npy.with_name("l.npy")
    if way == "symlink":
        target.symlink_to(npy)
    if way == "hardlink":
        target.hardlink_to(npy)
    before = npy.read_bytes()
    with pytest.raises(ValueError, match="the raw vectors are never overwritten"):
        run(removal, npy, target, overwrite=True)
    assert npy.read_bytes() == before


def test_never_writes_into_the_input(X, removal, tmp_path):
    hugging_face(X).save_to_disk(tmp_path / "raw")
    with pytest.raises(ValueError, match="never overwritten"):
        run(removal, tmp_path / "raw", tmp_path / "raw" / "out")


@pytest.mark.parametrize("kind", ["npy", "parquet", "dataset"])
def test_names_the_row_that_is_no_vector_and_leaves_nothing(X, removal, tmp_path, kind):
    spoilt = X.astype(np.float32)
    spoilt[123, 2] = np.nan
    if kind == "npy":
        np.save(tmp_path / "raw.npy", spoilt)
    elif kind == "parquet":
        pq.write_table(pa.table({"v": list(spoilt)}), tmp_path / "raw.parquet", row_group_size=100)
    else:
        hugging_face(spoilt).save_to_disk(tmp_path / "raw", num_shards=2)
    (source,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="row 123 holds NaN or infinity"):
        run(removal, source, tmp_path / f"out{source.suffix}")
    assert left(tmp_path) == [source.name]


def test_names_the_row_that_overflows(X, tmp_path):
    """Whitening by a large gain: what fits into float32 may not fit into float16."""
    grown = removals.Removal(torch.zeros(6), torch.eye(6), torch.full((6,), 1e4), "growing")
    vectors = np.ones((ROWS, 6), np.float16)
    vectors[40] = 60
    np.save(tmp_path / "raw.npy", vectors)
    with pytest.raises(ValueError, match="row 40 does not fit into float16 after the correction"):
        run(grown, tmp_path / "raw.npy", tmp_path / "out.npy")


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[1.0] * 6] * 40 + [[1.0] * 5], "row 40 of column 'v' has 5 numbers where others have 6"),
        ([[1.0] * 6] * 40 + [None], "row 40 of column 'v' has no vector"),
        ([[1.0] * 6] * 40 + [[1.0, None] * 3], "row 40 of column 'v' lacks a number"),
    ],
)
def test_names_the_list_that_does_not_fit(removal, tmp_path, lists, message):
    pq.write_table(pa.table({"v": pa.array(lists, pa.list_(pa.float32()))}), tmp_path / "raw.parquet")
    with pytest.raises(ValueError, match=message):
        run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet")


def test_which_column(X, removal, tmp_path):
    pq.write_table(pa.table({"a": list(X), "b": list(X), "n": range(ROWS)}), tmp_path / "raw.parquet")
    with pytest.raises(ValueError, match="It has a, b: set column=NAME"):
        run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet")
    with pytest.raises(ValueError, match="no vectors of float numbers called 'n'; it has a, b"):
        run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet", "n")
    run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet", "b")
    result = pq.read_table(tmp_path / "out.parquet")
    np.testing.assert_array_equal(np.stack(result["a"].to_numpy()), X)
    np.testing.assert_allclose(np.stack(result["b"].to_numpy()), removal.apply(X))


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def lengthened(path: Path) -> Path:
    path.write_bytes(path.read_bytes() + b"x")
    return path


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f, X: f / "missing.npy", "there is no .*missing.npy"),
        (lambda f, X: (f / "raw.txt").write_text("1 2") and f / "raw.txt", "of no known kind"),
        (lambda f, X: (f / "raw").mkdir() or f / "raw", "is not a folder written by a data set"),
        (lambda f, X: saved(f / "raw.npy", X[:, :5]), r"corrects 6 dimensions, got shape \(\d+, 5\)"),
        (lambda f, X: saved(f / "raw.npy", X.astype(int)), r"holds int64 \(250, 6\)"),
        (lambda f, X: saved(f / "raw.npy", X[0]), r"holds float64 \(6,\)"),
        (lambda f, X: saved(f / "raw.npy", np.asfortranarray(X)), "stored column by column"),
        (lambda f, X: cut(saved(f / "raw.npy", X)), "raw.npy cannot be read as an .npy file"),
        (lambda f, X: lengthened(saved(f / "raw.npy", X)), "is less than it holds"),
        (
            lambda f, X: (f / "raw.npy").write_text("nonsense") and f / "raw.npy",
            "raw.npy cannot be read as an .npy file",
        ),
        (
            lambda f, X: (f / "raw.parquet").write_text("nonsense") and f / "raw.parquet",
            "raw.parquet cannot be read as a .parquet file",
        ),
        (
            lambda f, X: (f / "a.safetensors").write_text("nonsense") and f / "a.safetensors",
            "a.safetensors cannot be read as a .safetensors file",
        ),
    ],
)
def test_refuses(X, removal, tmp_path, make, message):
    source = make(tmp_path, X)
    with pytest.raises(ValueError, match=message):
        run(removal, source, tmp_path / f"out{source.suffix}")
    assert not [name for name in left(tmp_path) if name.startswith((".", "out"))]


def test_refuses_to_convert(removal, npy):
    with pytest.raises(ValueError, match=r"must end in \.npy, as the input does"):
        run(removal, npy, npy.with_suffix(".parquet"))


def test_refuses_a_column_of_an_npy_file(removal, npy):
    with pytest.raises(ValueError, match="holds one matrix: leave out column=x"):
        run(removal, npy, npy.with_name("out.npy"), "x")


@pytest.mark.parametrize("missing", ["input", "output"])
def test_asks_for_both_paths(missing):
    with pytest.raises(ValueError, match=f"set {missing}=PATH"):
        StoredVectors(**({"input": "a", "output": "b"} | {missing: None}))


def test_a_data_set_cannot_lead_out_of_its_folder(X, removal, tmp_path):
    hugging_face(X).save_to_disk(tmp_path / "raw")
    state = json.loads((tmp_path / "raw" / "state.json").read_text())
    state["_data_files"][0]["filename"] = "../escaped.arrow"
    (tmp_path / "raw" / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match="leads out of its folder"):
        run(removal, tmp_path / "raw", tmp_path / "out")
    assert left(tmp_path) == ["raw"]
    os.mkfifo(tmp_path / "raw" / "pipe.arrow")
    state["_data_files"][0]["filename"] = "pipe.arrow"
    (tmp_path / "raw" / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match="is no plain file"):
        run(removal, tmp_path / "raw", tmp_path / "out")
    (tmp_path / "raw" / "dataset_dict.json").write_text('{"splits": [".."]}')
    with pytest.raises(ValueError, match="leads out of its folder"):
        run(removal, tmp_path / "raw", tmp_path / "out")


def test_empty(removal, tmp_path):
    pq.write_table(pa.table({"v": pa.array([], pa.list_(pa.float32()))}), tmp_path / "raw.parquet")
    with pytest.raises(ValueError, match="holds no vectors"):
        run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet")
    assert left(tmp_path) == ["raw.parquet"]
