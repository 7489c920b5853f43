"""Removals that change everything, texts of all lengths, and a Python that lacks packages."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from uncone.encoder import Encoder
from uncone.removal import ClusteredRemoval, Removal

KINDS = ("bert", "distilbert", "roberta", "mpnet", "gpt2")
TEXTS = [
    "cat",
    "The cat sat on the mat.",
    "A dog barked at the cat, and the cat was unbelievable about it!",
    "the " * 60,  # more than the models read
    "un believable dog?",
    "The cat sat on the mat.",
]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def encoder_of(folder_of):
    """An encoder of a tiny model; its pieces are as frequent as their order in the vocabulary says."""

    def load(kind, layers=2, **options):
        with pytest.MonkeyPatch.context() as patch:  # counting pieces in the list of word frequencies takes seconds
            patch.setattr("uncone.encoder.frequency.piece_probabilities", zipf)
            return Encoder.from_pretrained(str(folder_of(kind)), layers=layers, device="cpu", name=kind, **options)

    return load


def zipf(encoder):
    weights = 1 / torch.arange(1, len(encoder.pieces) + 1)
    return weights / weights.sum()


def removal_for(encoder, k=4):
    """A centre off the origin and k random components, some removed, some amplified."""
    generator = torch.Generator().manual_seed(0)
    U = torch.linalg.qr(torch.randn(encoder.dimension, k, generator=generator))[0]
    centre = torch.randn(encoder.dimension, generator=generator)
    return Removal(centre, U, torch.linspace(0, 1.5, k), "random").for_encoder(encoder)


def clusters_for(encoder, level, temperature=None):
    """Three clusters of random components."""
    generator = torch.Generator().manual_seed(0)
    d = encoder.dimension
    U = torch.linalg.qr(torch.randn(3, d, 2, generator=generator))[0]
    places = torch.randn(2, 3, d, generator=generator)
    return ClusteredRemoval(places[0], places[1], U, torch.rand(3, 2), level, temperature).for_encoder(encoder)


def python_without(packages, code):
    """Run code in a Python in which importing some packages fails; returns what it printed."""
    block = f"import sys\nfor name in {list(packages)}: sys.modules[name] = None\n"
    done = subprocess.run([sys.executable, "-c", block + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def assert_same(found, expected, tolerance=1e-5):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1, np.abs(expected).max())
