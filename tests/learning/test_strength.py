"""How much of a removal is taken: all of one that helps, none of one that does not."""

import numpy as np
import pytest
import torch

from uncone.learning.strength import at_strength, choose_strength, reciprocal_ranks
from uncone.removal import Removal

COUNT, DIMENSION = 400, 12
STRENGTHS = (0, 0.25, 0.5, 0.75, 1)


def sentences(offset: float, noise: float) -> dict[str, np.ndarray]:
    """Vectors of sentences and their neighbours: a shared meaning, and along the first axis what says nothing."""
    rng = np.random.default_rng(0)
    meaning = rng.standard_normal((COUNT, DIMENSION))
    sides = [meaning + 0.8 * rng.standard_normal((COUNT, DIMENSION)) for _ in range(2)]
    for side in sides:
        side[:, 0] = offset + noise * rng.standard_normal(COUNT)
    return {f"{name}{i}": row for name, side in zip("ab", sides, strict=True) for i, row in enumerate(side)}


def chosen(vectors: dict[str, np.ndarray], removal: Removal, strengths=STRENGTHS, count: int = COUNT) -> Removal:
    first, second = (np.array([vectors[f"{side}{i}"] for i in range(count)]) for side in "ab")
    return choose_strength(removal, strengths, first, second)


def along(axis: int, gain: float, centre: float = 0.0) -> Removal:
    axes = torch.eye(DIMENSION)
    return Removal(centre * axes[0], axes[:, [axis]], torch.tensor([gain]), method="learned")


def test_equals_counting():
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 30, 4))
    cosine = np.array([[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in second] for a in first])
    expected = [
        (1 / (1 + sum(cosine[i] > cosine[i, i])) + 1 / (1 + sum(cosine[:, i] > cosine[i, i]))) / 2 for i in range(30)
    ]
    np.testing.assert_allclose(reciprocal_ranks(first, second), expected)


def test_takes_all_of_what_helps():
    """A direction that says nothing, removed the more the better; the whole is the removal itself."""
    removal = along(0, 0.05, centre=9.0)
    taken = chosen(sentences(offset=9.0, noise=30.0), removal)
    assert taken.settings["strength"] == STRENGTHS[-1]
    torch.testing.assert_close(taken.fold(), removal.fold())


@pytest.mark.parametrize("gain", [0.02, 8.0])
def test_takes_nothing_of_what_does_harm(gain):
    """In an isotropic space; nothing is the identity to the bit, centre and all."""
    vectors = sentences(offset=0.0, noise=1.0)
    taken = chosen(vectors, along(3, gain, centre=5.0))
    assert taken.settings["strength"] == 0
    rows = np.array(list(vectors.values()))
    np.testing.assert_array_equal(taken.apply(rows), rows)


def test_takes_part_of_what_goes_too_far():
    """Along an axis ten times too long, whose gain should be 0.1, the square root of 0.01; and half the centre."""
    vectors = {name: row * np.where(np.arange(DIMENSION) == 1, 10, 1) for name, row in sentences(0.0, 0.1).items()}
    taken = chosen(vectors, along(1, 0.01, centre=0.2), strengths=(1, 0.5, 0))
    assert taken.settings["strength"] == 0.5
    torch.testing.assert_close(taken.gains, torch.tensor([0.1]))
    torch.testing.assert_close(taken.centre[0], torch.tensor(0.1))


def test_few_sentences_cannot_justify_much():
    """What many sentences show to be better, few leave to chance, and the weaker version is taken."""
    vectors = sentences(offset=0.0, noise=1.5)
    few, many = (chosen(vectors, along(0, 0.01), count=count).settings["strength"] for count in (5, COUNT))
    assert few < many


def test_strength_is_a_power_of_the_map():
    """Half the strength, applied twice, is the whole."""
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION, generator=generator))[0]
    gains = torch.rand(5, generator=generator) + 0.1
    whole = Removal(torch.zeros(DIMENSION), axes[:, :5], gains, method="learned")
    W, V = (at_strength(whole, strength).fold()[0] for strength in (0.5, 1.0))
    torch.testing.assert_close(W @ W, V, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("strengths", "gain", "count", "message"),
    [
        ((0, 1.5), 0.5, COUNT, r"strength must be in \[0, 1\], got 1.5"),
        ((-0.1, 1), 0.5, COUNT, r"strength must be in \[0, 1\], got -0.1"),
        ((0, 1), 0.5, 1, "at least 2 neighbouring sentences, got 1"),
        ((0.5, 1), -0.5, COUNT, "negative gains .* must be 1, got 0.5"),
    ],
)
def test_refuses(strengths, gain, count, message):
    with pytest.raises(ValueError, match=message):
        chosen(sentences(0.0, 1.0), along(0, gain), strengths, count)
