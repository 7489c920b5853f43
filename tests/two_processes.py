"""What each of two processes does in tests/test_distributed.py: `torchrun --nproc-per-node=2 two_processes.py FOLDER`."""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from uncone import distributed
from uncone.encoder import Encoder
from uncone.features import FeatureStore
from uncone.spectrum import Spectrum
from uncone.vectors import Vectors

TEXTS = tuple(
    f"the {'cat ' * (i % 7)}sat on {'abcdefgh'[i % 8]} mat {i % 3 * 'dog '}at {chr(97 + i % 26)}" for i in range(90)
)
WORDS = ("cat", "dog", "mat", "sat")


def points(n=1000, d=24):
    """Vectors far from the origin, and weights, many of them 0."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, d, generator=generator) * torch.linspace(3, 0.1, d) + 7
    weights = torch.rand(n, generator=generator) * (torch.arange(n) < 0.4 * n)  # none in the second half
    return X, weights


def vectors_of(encoder, store):
    return Vectors(encoder, store, word_vectors="corpus", corpus=TEXTS)


def features(vectors):
    """All that a reader takes from a store and an encoder."""
    tokens = vectors.raw_tokens(TEXTS)
    return {
        "texts": vectors.raw_sentences(TEXTS),
        "tokens": tokens.vectors,
        "types": tokens.types,
        "of": tokens.texts,
        "words": vectors.raw_words(WORDS),
    }


def spectra():
    X, weights = points()
    return {
        "uniform": Spectrum.fit_divided(X),
        "weighted": Spectrum.fit_divided(X, weights),
        "few": Spectrum.fit_divided(X[:3]),
    }


class Counting:
    """Counts the texts that pass through the model of an encoder."""

    def __init__(self, encoder):
        self.texts, self._forward = 0, encoder._forward
        encoder._forward = self

    def __call__(self, ids, wanted):
        self.texts += len(ids)
        return self._forward(ids, wanted)


def main(folder):
    encoder = Encoder.from_pretrained(str(folder / "model"), layers=2, token_budget=64)
    counting = Counting(encoder)
    apart = FeatureStore(folder / f"store_{distributed.rank()}")  # as on two machines
    found = features(vectors_of(encoder, apart))
    report = {"encoded": counting.texts, "built": apart.built}
    again = FeatureStore(folder / f"store_{distributed.rank()}")
    features(vectors_of(encoder, again))
    report |= {"encoded_again": counting.texts - report["encoded"], "built_again": again.built}
    shared = FeatureStore(folder / "shared")  # as on one
    features(vectors_of(encoder, shared))
    np.savez(folder / f"features_{distributed.rank()}.npz", **found)
    made = spectra()
    torch.save(
        {name: (s.weight, s.rows, s.mean, s.scatter) for name, s in made.items()},
        folder / f"spectra_{distributed.rank()}.pt",
    )
    report["gathered"] = distributed.gather(
        {"rank": distributed.rank(), "value": 0.1 + distributed.rank(), "ä": "é" * distributed.rank()}
    )
    report["from_first"] = distributed.from_first(f"said by {distributed.rank()}")
    (folder / f"report_{distributed.rank()}.json").write_text(json.dumps(report))


if __name__ == "__main__":
    with distributed.join():
        main(Path(sys.argv[1]))
