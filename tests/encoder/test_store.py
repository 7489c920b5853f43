"""The feature store: computed once, intact or rebuilt, safe between processes."""

import json
import logging
import multiprocessing
import time

import numpy as np
import pytest

from uncone.encoder.store import FeatureStore, default_cache, text_hash

KEY = {"hash": "abc", "texts": text_hash(["a", "b"])}


def build():
    return {"vectors": np.arange(12, dtype=np.float32).reshape(4, 3), "types": np.arange(4)}


def entry_folder(store):
    return next(path for path in store.folder.iterdir() if path.is_dir())


def test_computes_once(tmp_path):
    first = FeatureStore(tmp_path).fetch(KEY, build)
    again = FeatureStore(tmp_path)
    second = again.fetch(KEY, lambda: pytest.fail("must not be computed again"))
    np.testing.assert_array_equal(first["vectors"], second["vectors"])
    assert isinstance(second["vectors"], np.memmap)
    assert (again.read, again.built) == (1, 0)


def test_another_key_is_another_entry(tmp_path):
    store = FeatureStore(tmp_path)
    store.fetch(KEY, build)
    store.fetch({**KEY, "hash": "other"}, build)
    assert store.built == 2


def test_entries_cannot_be_written_through(tmp_path):
    vectors = FeatureStore(tmp_path).fetch(KEY, build)["vectors"]
    with pytest.raises(ValueError, match="read-only"):
        vectors[0] = 1


def flip_a_byte(folder):
    data = bytearray((folder / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (folder / "vectors.npy").write_bytes(data)


def truncate(folder):
    (folder / "vectors.npy").write_bytes((folder / "vectors.npy").read_bytes()[:-5])


def lose_a_file(folder):
    (folder / "types.npy").unlink()


def spoil_the_description(folder):
    (folder / "entry.json").write_text(json.dumps({"key": 1}))


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, lose_a_file, spoil_the_description])
def test_damage_is_seen_and_mended_with_a_warning(tmp_path, caplog, damage):
    store = FeatureStore(tmp_path)
    store.fetch(KEY, build)
    damage(entry_folder(store))
    later = FeatureStore(tmp_path)  # a process checks an entry when it first opens it
    with caplog.at_level(logging.WARNING):
        arrays = later.fetch(KEY, build)
    assert "damaged features" in caplog.text
    np.testing.assert_array_equal(arrays["vectors"], build()["vectors"])
    assert (later.built, later.read) == (1, 0)


def test_a_failed_computation_leaves_nothing(tmp_path):
    def fail():
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        FeatureStore(tmp_path).fetch(KEY, fail)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def slow_build(counter):
    with counter.get_lock():
        counter.value += 1
    time.sleep(0.5)
    return build()


def fetch_in_process(folder, counter):
    FeatureStore(folder).fetch(KEY, lambda: slow_build(counter))


def test_two_processes_compute_once(tmp_path):
    context = multiprocessing.get_context("fork")  # with what takes seconds to import
    counter = context.Value("i", 0)
    processes = [context.Process(target=fetch_in_process, args=(tmp_path, counter)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert counter.value == 1


def test_cache_folder_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("UNCONE_CACHE", str(tmp_path))
    assert default_cache() == tmp_path


def test_text_hash_sees_boundaries_and_order():
    assert len({text_hash(texts) for texts in (["ab"], ["a", "b"], ["b", "a"], [], [""])}) == 5
