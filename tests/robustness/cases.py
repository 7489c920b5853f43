"""A sound file of each kind, what reads it, and what a reader as simple as can be makes of it."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tiny_models
import torch
from gensim.models.fasttext import FastText, save_facebook_model
from rich.console import Console
from safetensors.numpy import load_file, save_file

from robustness import simple_readers as simple
from robustness.mutations import BYTES, TEXT, of_json
from robustness.samples import (
    CORPUS,
    CURVE,
    ENTRY,
    GLOVE,
    GROUPS,
    LABELLED,
    LINES,
    MARKED,
    PAIRS,
    QUESTIONS,
    ROWS,
    SECTIONS,
    SETTINGS,
    STS,
    VERBS,
    WIC,
    WORDS,
    X,
)
from uncone import removal as removals
from uncone.data import load_analogies, load_classification, load_sts, load_word_pairs
from uncone.data.context import load_groups, load_verbs, load_words_in_context
from uncone.data.corpora import Corpus
from uncone.encoder.loading import load_pretrained
from uncone.encoder.store import FeatureStore
from uncone.encoder.word_vectors import read_word_vectors
from uncone.export.vectors import StoredVectors
from uncone.geometry.calibration import Calibration, read_calibrations, write_calibrations
from uncone.learning.checkpoints import WholeFiles, read_checkpoint
from uncone.removal.base import _checksum
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum
from uncone.runs.collection import collect
from uncone.runs.folder import write_results
from uncone.runs.reading import read_curve, read_results, read_settings

SOUND = "as if nothing had happened"
REMOVAL = removals.all_but_the_top(Spectrum.fit(X), D=1)
JSON = (*TEXT, *(of_json,) * 6)
CONSOLE = Console(quiet=True)


@dataclass(frozen=True)
class Case:
    """A kind of file.

    Attributes:
        file: its path below a folder.
        content: of a sound one, or what writes it.
        read: what the reader makes of it.
        expect: what a simple reader makes of it; SOUND for what the sound one holds, None for anything.
        count: how many mutations.
        mutations: what can become of it.
        refuses: whether the reader may refuse a file, naming its folder.
    """

    file: str
    content: str | Callable[[Path], Any]
    read: Callable[[Path], Any]
    expect: Callable[[Path], Any] | str | None
    count: int
    mutations: tuple = TEXT
    refuses: bool = True


def pairs(load: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        found = load(path)
        return [list(found.text1), list(found.text2), found.score.tolist()]

    return read


def vectors(path: Path) -> Any:
    words, table = read_word_vectors(path)
    return dict(zip(words, table.tolist(), strict=True))


def analogies(path: Path) -> Any:
    found = load_analogies(path)
    return [list(column) for column in (found.category, found.a, found.b, found.c, found.d)]


def binary(path: Path) -> None:
    rows = (b"%s %s\n" % (word.encode(), row.tobytes()) for word, row in zip(WORDS, X, strict=False))
    path.write_bytes(b"5 4\n" + b"".join(rows))


def packed(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(gzip.compress(text.encode(), mtime=0)) and None


def corrected(path: Path) -> Any:
    target = path.with_name(f"out{path.suffix}")
    StoredVectors(str(path), str(target), None).run(REMOVAL, overwrite=True, console=CONSOLE)
    return STORED[path.suffix](target)


def simply_corrected(path: Path) -> Any:
    return REMOVAL.apply(STORED[path.suffix](path))


STORED: dict[str, Callable[[Path], np.ndarray]] = {
    ".npy": np.load,
    ".safetensors": lambda path: load_file(path)["v"],
    ".parquet": lambda path: np.stack(pq.read_table(path)["v"].to_numpy()),
}


def signed(path: Path) -> Any:
    """A removal whose description is odd, and whose checksum says that this is meant."""
    with suppress(ValueError, RecursionError, AttributeError, TypeError):
        told = json.loads(path.read_text())
        told.pop("sha256", None)
        told["sha256"] = _checksum(path.with_name("removal.safetensors"), told)
        path.write_text(json.dumps(told))
    found = removals.load(path.parent)
    return found.describe(), found.apply(X)


def entry(path: Path) -> Any:
    store = FeatureStore(path.parents[1])
    return np.array(store.fetch({"what": "X"}, lambda: {"vectors": X})["vectors"])


def stored_entry(path: Path) -> None:
    store = FeatureStore(path.parents[1])
    store.fetch({"what": "X"}, lambda: {"vectors": X})
    assert path.is_file(), f"the key has changed, and with it the name: {sorted(path.parents[1].iterdir())}"


def results_of_run(path: Path) -> None:
    write_results(path.parent, ROWS)


def results(path: Path) -> Any:
    rows = [row.to_json() for row in read_results(path.parent)]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def run(path: Path) -> None:
    for name in ("a", "b"):
        folder = path.parents[1] / name
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(SETTINGS.replace("seed: 0", f"seed: {ord(name)}"))
        (folder / "environment.json").write_text("{}")
        (folder / "job.json").write_text('{"status": "finished", "error": null}')
        write_results(folder, ROWS)
        (folder / "metrics/version_0").mkdir(parents=True, exist_ok=True)
        (folder / "metrics/version_0/metrics.csv").write_text(CURVE)


def collected(path: Path) -> Any:
    """Whatever becomes of one run, the other is there."""
    found = collect(path.parents[1])
    found.rows(), found.figures()
    (other,) = (each for each in found.runs if each.name == "b")
    return other.status, [row.to_json() for row in other.rows]


def checkpoint(path: Path) -> None:
    WholeFiles().save_checkpoint({"weights": torch.arange(20.0), "epoch": 3}, path)


def model(path: Path) -> None:
    tiny_models.build("bert", path.parent)


def limited_model(path: Path) -> None:
    model(path)
    path.write_text('{"max_seq_length": 32}')


def encoded(path: Path) -> Any:
    return load_pretrained(str(path.parent), layers=[1]).encode(["the cat sat"], progress=False).shape


def parquet(path: Path) -> None:
    pq.write_table(pa.table({"v": list(X), "text": ["some text"] * len(X)}), path)


def data_set(path: Path) -> None:
    datasets.Dataset.from_dict({"v": X.tolist(), "text": ["some text"] * len(X)}).save_to_disk(path.parent)


def corrected_set(path: Path) -> Any:
    target = path.parents[1] / "out"
    StoredVectors(str(path.parent), str(target), None).run(REMOVAL, overwrite=True, console=CONSOLE)


def calibrations(path: Path) -> None:
    write_calibrations(path.parent, {"none": Calibration.of(np.random.default_rng(0).standard_normal((120, 4)))})


def removal(path: Path) -> None:
    REMOVAL.save(path.parent)


def clustered(path: Path) -> None:
    removals.clustered(Clustering.fit(torch.tensor(X), k=2), D=1).save(path.parent)


def fasttext(path: Path) -> None:
    text = [["the", "cat", "sat"], ["a", "dog", "ran"]]
    save_facebook_model(FastText(text, vector_size=4, min_count=1, bucket=20, epochs=1, workers=1, seed=0), str(path))


def classes(path: Path) -> Any:
    found = load_classification(path)
    return [list(found.split), list(found.label), list(found.text1)]


def verbs(path: Path) -> Any:
    return [list(column) for column in load_verbs(path)[2:]]


def groups(path: Path) -> Any:
    return [list(column) for column in load_groups(path)]


def in_context(path: Path) -> Any:
    return len(load_words_in_context(path))


def corpus(path: Path) -> Any:
    return list(Corpus(str(path)))


def settings(path: Path) -> Any:
    return read_settings(path.parent)


def curve(path: Path) -> Any:
    return read_curve(path.parents[2])


CASES = {
    "vectors": Case("words.txt", GLOVE, vectors, simple.vectors, 1500),
    "vectors with a header": Case("words.vec", f"5 4\n{GLOVE}", vectors, simple.vectors, 1000),
    "gzipped vectors": Case("words.txt.gz", packed(GLOVE), vectors, simple.vectors, 300, BYTES),
    "binary vectors": Case("words.bin", binary, vectors, simple.binary_vectors, 600, BYTES),
    "fasttext": Case("words.bin", fasttext, vectors, None, 200, BYTES),
    "pairs": Case("p.tsv", PAIRS, pairs(load_word_pairs), simple.scored("word1", "word2"), 1500),
    "csv": Case("p.csv", PAIRS.replace("\t", ","), pairs(load_word_pairs), None, 300),
    "gzipped pairs": Case("p.tsv.gz", packed(PAIRS), pairs(load_word_pairs), simple.scored("word1", "word2"), 200),
    "sentences": Case("s.tsv", STS, pairs(load_sts), simple.scored("sentence1", "sentence2"), 400),
    "questions": Case("q.tsv", QUESTIONS, analogies, simple.columns("category", "a", "b", "c", "d"), 400),
    "questions-words": Case("q.txt", SECTIONS, analogies, simple.sections, 400),
    "classes": Case("c.tsv", LABELLED, classes, simple.labelled, 400),
    "marked words": Case("w.tsv", WIC, classes, None, 200),
    "words in context": Case("m.tsv", MARKED, in_context, None, 300),
    "verbs": Case("v.tsv", VERBS, verbs, simple.columns("lemma", "meaning", "tense"), 200),
    "groups": Case("g.tsv", GROUPS, groups, simple.columns("text", "group"), 200),
    "corpus": Case("c.txt", LINES, corpus, simple.texts, 400),
    "gzipped corpus": Case("c.txt.gz", packed(LINES), corpus, simple.texts, 200, BYTES),
    "corpus in a table": Case("c.tsv", CORPUS, corpus, lambda p: [t for t in simple.columns("text")(p)[0] if t], 300),
    "corpus in csv": Case("c.csv", CORPUS.replace("\t", ","), corpus, None, 200),
    "results": Case("results.json", results_of_run, results, simple.results, 800, JSON),
    "settings": Case("config.yaml", SETTINGS, settings, simple.settings, 400),
    "curve": Case("metrics/version_0/metrics.csv", CURVE, curve, simple.curve, 400),
    "run: results": Case("runs/a/results.json", run, collected, SOUND, 60, JSON, refuses=False),
    "run: settings": Case("runs/a/config.yaml", run, collected, SOUND, 60, refuses=False),
    "run: job": Case("runs/a/job.json", run, collected, SOUND, 60, JSON, refuses=False),
    "calibrations": Case(
        "calibration.json", calibrations, lambda path: read_calibrations(path.parent), None, 200, JSON
    ),
    "removal.json": Case("removal.json", removal, lambda path: removals.load(path.parent).apply(X), SOUND, 300, JSON),
    "removal.safetensors": Case(
        "removal.safetensors", removal, lambda path: removals.load(path.parent).apply(X), SOUND, 300, BYTES
    ),
    "signed removal": Case("removal.json", removal, signed, None, 300, JSON),
    "clustered removal": Case("removal.json", clustered, signed, None, 300, JSON),
    "checkpoint": Case("last.ckpt", checkpoint, lambda path: read_checkpoint(path)["weights"], SOUND, 300, BYTES),
    "entry": Case(f"{ENTRY}/entry.json", stored_entry, entry, SOUND, 300, JSON, refuses=False),
    "entry's vectors": Case(f"{ENTRY}/vectors.npy", stored_entry, entry, SOUND, 300, BYTES, refuses=False),
    "npy": Case("x.npy", lambda path: np.save(path, X), corrected, simply_corrected, 400, BYTES),
    "safetensors": Case("x.safetensors", lambda p: save_file({"v": X}, p), corrected, simply_corrected, 400, BYTES),
    "parquet": Case("x.parquet", parquet, corrected, simply_corrected, 300, BYTES),
    "data set": Case("set/state.json", data_set, corrected_set, None, 100, JSON),
    "stream": Case("set/data-00000-of-00001.arrow", data_set, corrected_set, None, 200, BYTES),
    "model": Case("m/model.safetensors", model, encoded, None, 30, BYTES),
    "config": Case("m/config.json", model, encoded, None, 40, JSON),
    "tokenizer": Case("m/tokenizer.json", model, encoded, None, 40, JSON),
    "limit": Case("m/sentence_bert_config.json", limited_model, encoded, None, 20, JSON),
    "tokenizer's config": Case("m/tokenizer_config.json", model, encoded, None, 30, JSON),
}
