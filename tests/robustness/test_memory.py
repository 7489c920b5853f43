"""The memory of training does not grow with the corpus."""

import tracemalloc

import pytest

from uncone.encoder import Encoder
from uncone.encoder.store import FeatureStore
from uncone.geometry.probe import GeometryProbe
from uncone.learning.neighbours import neighbouring_sentences
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors

FEW, MANY = 200, 2000


class Texts:
    """A stream of so many texts, none of them held."""

    def __init__(self, count: int):
        self.count = count

    def __iter__(self):
        return (f"The dog number {i} sat on the mat. The cat number {i} barked at the dog." for i in range(self.count))


READERS = {
    "the probe": lambda vectors: GeometryProbe.sample(vectors, vectors.corpus, size=200),
    "frequencies": lambda vectors: vectors.type_probabilities(),
    "tokens": lambda vectors: Spectra.of(vectors, "tokens").points,
    "texts": lambda vectors: Spectra.of(vectors, "texts").points,
    "neighbours": lambda vectors: neighbouring_sentences(vectors.corpus),
}


@pytest.fixture
def small_shares(monkeypatch):
    """What is held at most is held by few texts too."""
    for name, most in {
        "uncone.encoder.texts.CHARACTERS_PER_BLOCK": 2000,
        "uncone.learning.neighbours.MOST_PAIRS": 50,
        "uncone.removal.spectra.MOST_TOKENS": 200,
        "uncone.removal.spectra.MOST_TEXTS": 50,
    }.items():
        monkeypatch.setattr(name, most)


@pytest.mark.parametrize(
    ("layers", "reader"), [*(("static", reader) for reader in READERS), (1, "the probe"), (1, "tokens"), (1, "texts")]
)
def test_ten_times_the_texts_take_the_same_memory(reader, layers, wordy_model, small_shares, tmp_path, monkeypatch):
    encoder = Encoder.from_pretrained(str(wordy_model), layers=layers)

    def peak(count: int) -> int:
        store = FeatureStore(tmp_path / str(count))
        vectors = Vectors(encoder, store, corpus=Texts(count), frequencies="corpus")
        tracemalloc.start()
        try:
            READERS[reader](vectors)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20)  # what is made once, whatever the corpus
    assert peak(MANY) < 1.3 * peak(FEW)
