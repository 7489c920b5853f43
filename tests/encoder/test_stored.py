"""Stored vectors as an encoder: every format, what rows are called, queries, and what belongs together."""

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from uncone.data import vectors as files
from uncone.data.vectors import open_vectors
from uncone.encoder import Encoder, StoredEncoder

ROWS, DIMENSION = 40, 6


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, DIMENSION)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(files, "ROWS_PER_BLOCK", 7)


def in_parquet(X, path):
    pq.write_table(pa.table({"id": range(len(X)), "vector": list(X)}), path, row_group_size=15)


def in_dataset(X, path):
    parts = {"train": X[:25], "test": X[25:]}
    datasets.DatasetDict({k: datasets.Dataset.from_dict({"v": rows}) for k, rows in parts.items()}).save_to_disk(path)


WRITE = {
    "half.npy": lambda X, path: np.save(path, X.astype(np.float16)),
    "single.npy": lambda X, path: np.save(path, X),
    "foreign.npy": lambda X, path: np.save(path, X.astype(">f8")),
    "two.safetensors": lambda X, path: save_file({"ids": torch.arange(3), "x": torch.tensor(X)}, path),
    "brain.safetensors": lambda X, path: save_file({"x": torch.tensor(X).bfloat16()}, path),
    "lists.parquet": in_parquet,
    "dataset": in_dataset,
}


@pytest.mark.parametrize("name", WRITE)
def test_every_format(X, tmp_path, name):
    WRITE[name](X, tmp_path / name)
    kept = {"half.npy": 1e-3, "brain.safetensors": 1e-2}.get(name, 1e-7)
    encoder = Encoder.from_vectors(tmp_path / name)
    assert isinstance(open_vectors(tmp_path / name), np.memmap)
    np.testing.assert_allclose(encoder.rows, X, rtol=kept, atol=kept)
    np.testing.assert_allclose(encoder.encode(["3", "39", "3"]), X[[3, 39, 3]], rtol=kept, atol=kept)
    assert encoder.name == name.partition(".")[0]


def test_brain_floats_are_exact(X, tmp_path):
    WRITE["brain.safetensors"](X, tmp_path / "x.safetensors")
    np.testing.assert_array_equal(open_vectors(tmp_path / "x.safetensors"), torch.tensor(X).bfloat16().float().numpy())


def test_rows_are_called_by_numbers_or_texts(X, tmp_path):
    encoder = StoredEncoder(X)
    assert list(encoder.pieces[:3]) == ["0", "1", "2"]
    assert encoder.pieces[-1] == "39"
    assert encoder.known(["0", "39", "40", "-1", "03", "cat"]).tolist() == [True, True, False, False, False, False]
    (tmp_path / "docs.txt").write_text("\n".join(f"document {i}" for i in range(ROWS)))
    named = Encoder.from_vectors(torch.tensor(X), texts=tmp_path / "docs.txt")
    np.testing.assert_array_equal(named.encode(["document 7"])[0], X[7])
    with pytest.raises(ValueError, match="no vector of '7': its 40 rows are called 'document 0' to 'document 39'"):
        named.encode(["7"])
    with pytest.raises(ValueError, match="texts must name 40 rows, got 2"):
        StoredEncoder(X, ["a", "b"])


def test_queries_have_rows_of_their_own(X):
    encoder = StoredEncoder(X, queries=-X[:5], query_texts=list("abcde"))
    np.testing.assert_array_equal(encoder.with_prompt("query").encode(["b"])[0], -X[1])
    np.testing.assert_array_equal(encoder.with_prompt("document").encode(["1"])[0], X[1])
    assert encoder.name_of(ROWS + 1) == "query: b"
    assert not encoder.known(["b"])[0]
    with pytest.raises(ValueError, match="queries of 3 numbers cannot be compared with vectors of 6"):
        StoredEncoder(X, queries=X[:5, :3])


def test_tells_how_far_queries_lie_from_documents(X):
    queries = X[:7] * 2 + 5
    encoder = StoredEncoder(X, queries=queries)
    np.testing.assert_allclose(encoder.query_shift(), queries.mean(0) - X.mean(0), atol=1e-5)
    with pytest.raises(ValueError, match="has no vectors of queries to centre"):
        StoredEncoder(X).query_shift()


def test_what_belongs_together(X, tmp_path):
    assert StoredEncoder(X).pairs.tolist()[-1] == [ROWS - 2, ROWS - 1]
    (tmp_path / "pairs.tsv").write_text("query\tdocument\nb\t7\na\t0\n")
    made = Encoder.from_vectors(X, queries=X[:2], query_texts=["a", "b"], pairs=tmp_path / "pairs.tsv")
    assert made.pairs.tolist() == [[ROWS + 1, 7], [ROWS, 0]]
    with pytest.raises(ValueError, match="no vector of '77'"):
        Encoder.from_vectors(X, pairs=(["1"], ["77"]))


def test_a_removal_belongs_to_the_vectors_whatever_they_are_called(X, tmp_path):
    np.save(tmp_path / "x.npy", X)
    same = [StoredEncoder(torch.tensor(X)), StoredEncoder(X, list("ab") * 20), StoredEncoder(X, queries=X + 1)]
    assert {Encoder.from_vectors(tmp_path / "x.npy").hash} == {other.hash for other in same}
    assert StoredEncoder(X + 1).hash != same[0].hash


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.npy", "there are no vectors at"),
        ("words.txt", "is read"),
        ("empty.npy", "holds no vectors"),
        ("folder", "read"),
    ],
)
def test_refuses_what_holds_no_vectors(name, message, tmp_path):
    (tmp_path / "words.txt").write_text("a")
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "empty.npy", np.zeros((0, 3)))
    with pytest.raises(ValueError, match=message.replace("is read", "no vectors that are read")):
        open_vectors(tmp_path / name)


def test_vectors_that_hold_nan_are_named(tmp_path):
    """When they are opened, whatever they are then used for."""
    X = np.eye(8)
    X[5, 2] = np.nan
    np.save(tmp_path / "docs.npy", X)
    with pytest.raises(ValueError, match="vectors of docs holds NaN or infinity, first in row 5: leave such rows out"):
        Encoder.from_vectors(tmp_path / "docs.npy")
