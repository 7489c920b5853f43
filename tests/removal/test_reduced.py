"""Fewer dimensions: a rotation at the rank, principal directions below it."""

import numpy as np
import pytest
import torch

from uncone import removal as removals
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

D, N = 12, 400


@pytest.fixture(scope="module")
def X():
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(D, D, generator=generator))[0]
    return torch.randn(N, D, generator=generator) * torch.linspace(6, 1, D) @ turn + 2


def made(X, method):
    spectrum = Spectrum.fit(X)
    make = {
        "whitening": lambda: removals.whitening(spectrum, 5),
        "all_but_the_top": lambda: removals.all_but_the_top(spectrum, 3),
        "uncentred": lambda: removals.all_but_the_top(spectrum, 3, centred=False),
        "middle": lambda: removals.middle(spectrum, 4),
        "none": lambda: removals.none(D),
    }
    return make[method](), spectrum


def gram(vectors):
    return vectors @ vectors.T


@pytest.mark.parametrize(
    ("method", "rank"), [("whitening", 5), ("all_but_the_top", 9), ("uncentred", 9), ("middle", 4), ("none", D)]
)
def test_at_the_rank_it_is_a_rotation_of_any_vector(X, method, rank):
    removal, spectrum = made(X, method)
    assert removal.rank == rank
    strangers = torch.randn(20, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for given in (spectrum, None):
        short = removals.reduced(removal, rank, given)
        assert short.apply(strangers).shape == (20, rank)
        torch.testing.assert_close(gram(short.apply(strangers)), gram(removal.apply(strangers)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("method", ["all_but_the_top", "uncentred", "none"])
@pytest.mark.parametrize("k", [1, 4])
def test_below_the_rank_it_keeps_inner_products_as_well_as_any_k_numbers_can(X, method, k):
    """Against the truncated singular value decomposition of the corrected vectors themselves."""
    removal, spectrum = made(X, method)
    whole = removal.apply(X).double()
    U, s, _ = torch.linalg.svd(whole, full_matrices=False)
    best = (U[:, :k] * s[:k] ** 2) @ U[:, :k].T
    lost = (gram(removals.reduced(removal, k, spectrum).apply(X).double()) - gram(whole)).norm()
    assert lost == pytest.approx(float((best - gram(whole)).norm()), rel=1e-3)


def test_white_directions_come_in_the_order_of_the_raw_vectors(X):
    spectrum = Spectrum.fit(X)
    short = removals.reduced(removals.whitening(spectrum), 5, spectrum).apply(X)
    asked = removals.whitening(spectrum, 5).apply(X)  # in other units, as the eigenvalues are relative to their mean
    torch.testing.assert_close(gram(short) / gram(short).norm(), gram(asked) / gram(asked).norm(), rtol=0, atol=1e-5)


def test_the_first_numbers_are_the_shorter_vector(X):
    removal, spectrum = made(X, "all_but_the_top")
    long, short = (removals.reduced(removal, k, spectrum).apply(X) for k in (7, 3))
    torch.testing.assert_close(long[:, :3], short)


def test_folded_saved_and_one_vector(X, tmp_path):
    removal, spectrum = made(X, "whitening")
    short = removals.reduced(removal, 3, spectrum)
    W, b = short.fold()
    assert W.shape == (3, D)
    torch.testing.assert_close(X @ W.T + b, short.apply(X), rtol=1e-4, atol=1e-4)
    loaded = removals.load(short.save(tmp_path))
    assert loaded.settings == {**removal.settings, "dimensions": 3}
    assert "12 dimensions to 3" in loaded.describe()
    np.testing.assert_array_equal(loaded.apply(X.numpy()[0]), loaded.apply(X[0]).numpy())
    assert loaded.apply(X[:0]).shape == (0, 3)


def test_refuses_what_has_no_answer(X):
    removal, spectrum = made(X, "whitening")
    with pytest.raises(ValueError, match="dimensions must be a whole number from 1 to 5"):
        removals.reduced(removal, 6, spectrum)
    with pytest.raises(ValueError, match="dimensions=2 of the 5 that this removal leaves: give a spectrum"):
        removals.reduced(removal, 2)
    with pytest.raises(ValueError, match="one affine map, and this removal is clustered"):
        removals.reduced(removals.clustered(Clustering.fit(X, 2), D=1), 2, spectrum)
    with pytest.raises(ValueError, match="do not fit"):
        removals.ReducedRemoval(torch.zeros(3), torch.zeros(4, 2), "mine")
