"""Stored vectors: every format against `apply`, what stays as it is, memory, and what is refused."""

import json
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
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from uncone import removal as removals
from uncone.commands.export import export
from uncone.commands.schema import register
from uncone.export import corrector
from uncone.export.vectors import StoredVectors
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

ROWS, DIMENSION = 250, 6
CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Thirty-two rows a chunk, so that every file is read in several, the last one partly full."""
    monkeypatch.setattr(corrector, "CHUNK", 32 * 4 * DIMENSION)


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, DIMENSION)) * np.arange(6, 0, -1) + 3


@pytest.fixture(scope="module")
def removal(X):
    return removals.all_but_the_top(Spectrum.fit(X), D=2)


def run(removal, source: Path, target: Path, column=None, overwrite=False) -> str:
    console = Console(record=True, width=200, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        StoredVectors(str(source), str(target), column).run(removal, overwrite, console)
        return console.export_text()


def expected(removal, X: np.ndarray, dtype) -> np.ndarray:
    return removal.apply(X.astype(dtype))


# ------------------------------------------------------------------------------------------------ the formats


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


def hugging_face(X: np.ndarray, features: dict | None = None) -> datasets.Dataset:
    columns = {"vector": X.astype(np.float32), "label": ["a", "b"] * (len(X) // 2)}
    made = datasets.Dataset.from_dict(columns)
    return made.cast_column("label", datasets.ClassLabel(names=["a", "b"]))


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


def test_a_clustered_removal(X, tmp_path):
    made = removals.clustered(Clustering.fit(X, 3), D=1)
    np.save(tmp_path / "raw.npy", X)
    said = run(made, tmp_path / "raw.npy", tmp_path / "out.npy")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), made.apply(X))
    assert "Its clusters are of tokens" in said


# ------------------------------------------------------------------------------------------------ the command


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


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path):
    """Files of 100 MB take less than 60 MB at the peak; one of 200 MB in parquet, with its encoded pages, 140 MB."""
    d = 256
    block = np.random.default_rng(0).normal(size=(4096, d)).astype(np.float32)
    removals.whitening(Spectrum.fit(block)).save(tmp_path / "removal")
    paths = []
    for sizes in ((8, 8, 8), (100, 100, 200)):  # what libraries take once, they take for the small files
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
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path / "removal", *paths], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    print(result.stdout)
    *_, npy, dataset, parquet = (int(line.split()[-1]) for line in result.stdout.splitlines())
    assert max(npy, dataset) < 60
    assert parquet < 140
    assert np.load(tmp_path / "out_100.npy", mmap_mode="r").nbytes == 100 * 2**20


# ------------------------------------------------------------------------------------------------ what is refused


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


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f, X: f / "missing.npy", "there is no .*missing.npy"),
        (lambda f, X: (f / "raw.txt").write_text("1 2") and f / "raw.txt", "of no known kind"),
        (lambda f, X: (f / "raw").mkdir() or f / "raw", "is not a folder written by a data set"),
        (lambda f, X: saved(f / "raw.npy", X[:, :5]), "of 6 dimensions, these have 5"),
        (lambda f, X: saved(f / "raw.npy", X.astype(int)), r"holds int64 of shape \(250, 6\)"),
        (lambda f, X: saved(f / "raw.npy", X[0]), r"holds float64 of shape \(6,\)"),
        (lambda f, X: saved(f / "raw.npy", np.asfortranarray(X)), "stored column by column"),
        (lambda f, X: cut(saved(f / "raw.npy", X)), "no readable .npy file"),
        (lambda f, X: (f / "raw.npy").write_text("nonsense") and f / "raw.npy", "no readable .npy file"),
        (lambda f, X: (f / "raw.parquet").write_text("nonsense") and f / "raw.parquet", "no readable .parquet file"),
        (lambda f, X: (f / "a.safetensors").write_text("nonsense") and f / "a.safetensors", "no readable .safetensors"),
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


def test_empty(removal, tmp_path):
    pq.write_table(pa.table({"v": pa.array([], pa.list_(pa.float32()))}), tmp_path / "raw.parquet")
    with pytest.raises(ValueError, match="holds no vectors"):
        run(removal, tmp_path / "raw.parquet", tmp_path / "out.parquet")
    assert left(tmp_path) == ["raw.parquet"]
