"""Stored vectors: every format against `apply`, what stays as it is, the command, and memory."""

import os
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hydra import compose, initialize_config_dir
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from uncone import removal as removals
from uncone.commands.export import export
from uncone.commands.schema import register
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

from .conftest import DIMENSION, ROWS, hugging_face, run

CONF = Path(__file__).parents[3] / "conf"


def expected(removal, X: np.ndarray, dtype) -> np.ndarray:
    return removal.apply(X.astype(dtype))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_npy(X, removal, tmp_path, dtype):
    np.save(tmp_path / "raw.npy", X.astype(dtype))
    run(removal, tmp_path / "raw.npy", tmp_path / "out.npy")
    result = np.load(tmp_path / "out.npy")
    assert result.dtype == np.dtype(dtype)
    np.testing.assert_allclose(result, expected(removal, X, np.dtype(dtype).newbyteorder("=")), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_safetensors(X, removal, tmp_path, dtype):
    """One tensor is corrected; every other byte, and the metadata, stay."""
    tensors = {
        "ids": torch.arange(ROWS),
        "documents": torch.tensor(X).to(dtype),
        "also": torch.ones(3, 3, dtype=dtype),
        "last": torch.arange(5.0),
    }
    save_file(tensors, tmp_path / "raw.safetensors", metadata={"of": "mine"})
    run(removal, tmp_path / "raw.safetensors", tmp_path / "out.safetensors", "documents")
    result = load_file(tmp_path / "out.safetensors")
    torch.testing.assert_close(result.pop("documents"), removal.apply(tensors.pop("documents")))
    assert all(torch.equal(result[name], tensor) for name, tensor in tensors.items())
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert file.metadata() == {"of": "mine"}


LISTS = {
    "list": lambda number: pa.list_(number),
    "large_list": lambda number: pa.large_list(number),
    "fixed_size_list": lambda number: pa.list_(number, DIMENSION),
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("number", [pa.float16(), pa.float32(), pa.float64()], ids=str)
@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_parquet(X, removal, tmp_path, kind, number, codec):
    values = X.astype(number.to_pandas_dtype())
    table = pa.table(
        {
            "id": pa.array(range(ROWS)),
            "vector": pa.array(list(values), LISTS[kind](number)),
            "words": pa.array([["a", None], []] * (ROWS // 2)),
            "text": pa.array(["one", None] * (ROWS // 2)).dictionary_encode(),
        }
    ).replace_schema_metadata({"of": "mine"})
    pq.write_table(table, tmp_path / "raw.parquet", row_group_size=100, compression=codec)
    run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet")
    table, result = (pq.read_table(tmp_path / name) for name in ("raw.parquet", "out.parquet"))
    assert result.schema.equals(table.schema, check_metadata=True)
    assert result.drop(["vector"]).equals(table.drop(["vector"]))
    corrected = np.stack(result["vector"].to_numpy())
    np.testing.assert_allclose(corrected, expected(removal, X, values.dtype), rtol=1e-6, atol=1e-6)
    stored = pq.read_metadata(tmp_path / "out.parquet").row_group(0).column(1)
    assert stored.compression == {"none": "UNCOMPRESSED", "zstd": "ZSTD"}[codec]


@pytest.mark.parametrize("shards", [1, 3])
def test_data_set(X, removal, tmp_path, shards):
    raw = hugging_face(X).with_format("numpy")
    raw.save_to_disk(tmp_path / "raw", num_shards=shards)
    run(removal, tmp_path / "raw", tmp_path / "out")
    result = datasets.load_from_disk(tmp_path / "out")
    assert result.features == raw.features
    assert result.format == raw.format
    assert list(result["label"]) == list(raw["label"])
    np.testing.assert_allclose(result["vector"][:], expected(removal, X, np.float32), rtol=1e-5, atol=1e-5)
    assert result._fingerprint != datasets.load_from_disk(tmp_path / "raw")._fingerprint


def test_data_set_with_splits(X, removal, tmp_path):
    splits = datasets.DatasetDict(train=hugging_face(X[:200]), test=hugging_face(X[200:]))
    splits.save_to_disk(tmp_path / "raw")
    assert "Corrected 250 vectors" in run(removal, tmp_path / "raw", tmp_path / "out", "vector")
    result = datasets.load_from_disk(tmp_path / "out")
    assert {name: len(part) for name, part in result.items()} == {"train": 200, "test": 50}
    whole = np.concatenate([np.array(result[name]["vector"][:]) for name in ("train", "test")])
    np.testing.assert_allclose(whole, expected(removal, X, np.float32), rtol=1e-5, atol=1e-5)


def test_fewer_dimensions(X, removal, tmp_path):
    """Every format of rows of three numbers, with what it says of their length, and all else as it was."""
    short = removals.reduced(removal, 3, Spectrum.fit(X))
    X = X.astype(np.float32)
    np.save(tmp_path / "raw.npy", X)
    tensors = {"a": torch.arange(3), "vectors": torch.tensor(X), "z": torch.arange(5.0)}
    save_file(tensors, tmp_path / "raw.safetensors", metadata={"of": "mine"})
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), DIMENSION)
    pq.write_table(pa.table({"id": range(ROWS), "vector": lists}), tmp_path / "raw.parquet")
    fixed = datasets.Features({"vector": datasets.List(datasets.Value("float32"), length=DIMENSION)})
    hugging_face(X).remove_columns("label").cast(fixed).save_to_disk(tmp_path / "raw")
    for ending in (".npy", ".safetensors", ".parquet", ""):
        said = run(short, tmp_path / f"raw{ending}", tmp_path / f"out{ending}")
        assert "250 vectors of 6 dimensions (float32) to 3" in said
    found = load_file(tmp_path / "out.safetensors")
    assert torch.equal(found["a"], tensors["a"])
    assert torch.equal(found["z"], tensors["z"])
    table, made = pq.read_table(tmp_path / "out.parquet"), datasets.load_from_disk(tmp_path / "out")
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 3)
    assert made.features["vector"].length == 3
    columns = (np.stack(table["vector"].to_numpy(zero_copy_only=False)), np.array(made["vector"][:]))
    for Y in (np.load(tmp_path / "out.npy"), found["vectors"].numpy(), *columns):
        np.testing.assert_allclose(Y, short.apply(X), rtol=1e-5, atol=1e-5)


def test_a_clustered_removal(X, tmp_path):
    made = removals.clustered(Clustering.fit(X, 3), D=1)
    np.save(tmp_path / "raw.npy", X)
    said = run(made, tmp_path / "raw.npy", tmp_path / "out.npy")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), made.apply(X))
    assert "Its clusters are of tokens" in said


def test_command(X, removal, tmp_path, capsys):
    """As a user calls it; documents and queries, corrected one by one, are corrected alike."""
    owned = removals.Removal(
        removal.centre,
        removal.components,
        removal.gains,
        "mine",
        encoder={"name": "my-model", "hash": "a" * 32, "layers": "3"},
    )
    owned.save(tmp_path / "removal")
    np.save(tmp_path / "raw.npy", X.astype(np.float32))
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "export",
            [
                "format=vectors",
                f"removal={tmp_path}/removal",
                f"input={tmp_path}/raw.npy",
                f"output={tmp_path}/deep/out.npy",
            ],
        )
    assert export(config) == []
    said = capsys.readouterr().out
    assert "Corrected 250 vectors of 6 dimensions (float32)" in said
    assert "It belongs to my-model, layers 3. Correct queries with the same removal." in said
    query = removals.load(tmp_path / "removal").apply(X[7].astype(np.float32))
    np.testing.assert_allclose(np.load(tmp_path / "deep" / "out.npy")[7], query, atol=1e-6)


def test_says_when_no_encoder_is_named(X, removal, tmp_path):
    np.save(tmp_path / "raw.npy", X)
    assert "It names no encoder" in run(removal, tmp_path / "raw.npy", tmp_path / "out.npy")


MEASURE = """
import re, sys
from pathlib import Path
from rich.console import Console
import uncone
from uncone.export.vectors import StoredVectors

def megabytes(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

removal, console = uncone.removal.load(sys.argv[1]), Console(quiet=True)
for path in sys.argv[2:]:
    Path("/proc/self/clear_refs").write_text("5")  # the kernel's high-water mark, mapped files included, starts anew
    before = megabytes("VmRSS")
    StoredVectors(path, path.replace("raw", "out")).run(removal, False, console)
    print(path, megabytes("VmHWM") - before)
"""


# An allocator that keeps what was freed would be measured in its place: this one gives back at once.
GIVING_BACK = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path):
    """16 MB more to correct, in parquet 32 MB, take no 8 MB more at the peak."""
    d = 256
    block = np.random.default_rng(0).normal(size=(4096, d)).astype(np.float32)
    removals.all_but_the_top(Spectrum.fit(block), D=2).save(tmp_path / "removal")
    paths = []
    for sizes in ((8, 8, 8), (16, 16, 64), (32, 32, 96)):  # what libraries take once, they take for the small files
        for kind, size in zip((".npy", "", ".parquet"), sizes, strict=True):
            X = np.resize(block, (size * 2**20 // (4 * d), d))
            table = pa.table({"vector": pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), d)})
            paths.append(tmp_path / f"raw_{size}{kind}")
            if kind == ".npy":
                np.save(paths[-1], X)
            elif kind == ".parquet":
                pq.write_table(table, paths[-1], use_dictionary=False, compression="none")
            else:
                datasets.Dataset(table).save_to_disk(paths[-1])
    command = [sys.executable, "-c", MEASURE, tmp_path / "removal", *paths]
    result = subprocess.run(command, env=os.environ | GIVING_BACK, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    print(result.stdout)
    peaks = np.array([int(line.split()[-1]) for line in result.stdout.splitlines()]).reshape(3, 3)
    assert (peaks[2] - peaks[1] < 8).all()
    assert (peaks[2] < (32, 32, 80)).all()
    assert np.load(tmp_path / "out_32.npy", mmap_mode="r").nbytes == 32 * 2**20
