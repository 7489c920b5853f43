"""Every fixed method against its own definition, and what all removals have in common."""

import numpy as np
import pytest
import torch

from uncone import removal as removals
from uncone.removal import Removal
from uncone.removal.spectrum import Spectrum

DIMENSION = 16


@pytest.fixture(scope="module")
def vectors() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    scales = torch.logspace(1, -1, DIMENSION)
    rotation = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION, generator=generator))[0]
    return (torch.randn(2000, DIMENSION, generator=generator) * scales) @ rotation + 3


@pytest.fixture(scope="module")
def spectrum(vectors) -> Spectrum:
    return Spectrum.fit(vectors)


METHODS = {
    "none": lambda s: removals.none(len(s.mean)),
    "centre": removals.centre,
    "all_but_the_top": lambda s: removals.all_but_the_top(s, D=3),
    "uncentred": lambda s: removals.all_but_the_top(s, D=3, centred=False),
    "conceptor": lambda s: removals.conceptor(s, alpha=2),
    "whitening": removals.whitening,
    "whitening_8": lambda s: removals.whitening(s, D=8),
    "soft_zca": lambda s: removals.soft_zca(s, eps=0.1),
    "R1": lambda s: removals.renormalize(s, "R1"),
    "R2": lambda s: removals.renormalize(s, "R2"),
}


@pytest.fixture(params=METHODS)
def removal(request, spectrum) -> Removal:
    return METHODS[request.param](spectrum)


def cosines(X: torch.Tensor) -> np.ndarray:
    X = torch.nn.functional.normalize(X.double(), dim=1)
    return (X[:100] @ X[:100].T).numpy()


def test_folded_equals_applied(removal, vectors):
    W, b = removal.fold()
    torch.testing.assert_close(vectors @ W.T + b, removal.apply(vectors), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(W, W.T)


def test_commutes_with_the_mean(removal, vectors):
    torch.testing.assert_close(removal.apply(vectors).mean(0), removal.apply(vectors.mean(0)), rtol=1e-3, atol=1e-3)


def test_saved_equals_loaded(removal, vectors, tmp_path):
    loaded = Removal.load(removal.save(tmp_path / "removal"))
    torch.testing.assert_close(loaded.apply(vectors), removal.apply(vectors), rtol=0, atol=0)
    assert (loaded.method, dict(loaded.settings)) == (removal.method, dict(removal.settings))


def test_keeps_kind_and_dtype(removal, vectors):
    as_numpy = removal.apply(vectors.numpy())
    assert isinstance(as_numpy, np.ndarray)
    assert as_numpy.dtype == np.float32
    assert removal.apply(vectors.double()).dtype == torch.float64
    assert removal.apply(vectors.bfloat16()).dtype == torch.bfloat16
    np.testing.assert_allclose(as_numpy, removal.apply(vectors), atol=1e-6)


def test_none_is_the_identity(vectors):
    torch.testing.assert_close(removals.none(DIMENSION).apply(vectors), vectors, rtol=0, atol=0)


def test_all_but_the_top_is_mu_and_viswanath(spectrum, vectors):
    X = vectors.double().numpy() - vectors.double().numpy().mean(0)
    top = np.linalg.svd(X, full_matrices=False)[2][:3]
    np.testing.assert_allclose(removals.all_but_the_top(spectrum, D=3).apply(vectors), X - X @ top.T @ top, atol=1e-4)


def test_uncentred_is_liang(spectrum, vectors):
    X = vectors.double().numpy()
    top = np.linalg.svd(X - X.mean(0), full_matrices=False)[2][:3]
    np.testing.assert_allclose(
        removals.all_but_the_top(spectrum, D=3, centred=False).apply(vectors), X - X @ top.T @ top, atol=1e-4
    )


@pytest.mark.parametrize("alpha", [0.5, 2, 8])
def test_conceptor_is_its_matrix_formula(spectrum, vectors, alpha):
    X = vectors.double().numpy()
    R = X.T @ X / len(X)
    negation = np.eye(DIMENSION) - R @ np.linalg.inv(R + alpha**-2 * np.eye(DIMENSION))
    np.testing.assert_allclose(removals.conceptor(spectrum, alpha).apply(vectors), X @ negation, atol=1e-4)


def test_whitening_gives_equal_variances(spectrum, vectors):
    covariance = torch.cov(removals.whitening(spectrum).apply(vectors.double()).T)
    torch.testing.assert_close(
        covariance / covariance[0, 0], torch.eye(DIMENSION, dtype=torch.float64), atol=1e-3, rtol=0
    )


def test_truncated_whitening_keeps_the_cosines_of_the_projection(spectrum, vectors):
    """Su et al. project to D coordinates; rotating them back into d dimensions changes no cosine."""
    projected = (vectors.double() - spectrum.mean) @ spectrum.components[:, :8] * spectrum.eigenvalues[:8] ** -0.5
    np.testing.assert_allclose(cosines(removals.whitening(spectrum, D=8).apply(vectors)), cosines(projected), atol=1e-4)


def test_soft_zca_is_its_matrix_formula(spectrum, vectors):
    eps = 0.1 * spectrum.eigenvalues.mean()
    values, U = torch.linalg.eigh(spectrum.covariance + eps * torch.eye(DIMENSION))
    expected = (vectors.double() - spectrum.mean) @ (U * values**-0.5) @ U.T
    np.testing.assert_allclose(
        cosines(removals.soft_zca(spectrum, eps=0.1).apply(vectors)), cosines(expected), atol=1e-4
    )


def test_renormalize_removes_the_direction_of_the_mean(spectrum, vectors):
    corrected = removals.renormalize(spectrum, "R2").apply(vectors)
    assert (corrected.double() @ spectrum.mean).abs().max() < 1e-3
    torch.testing.assert_close(
        removals.renormalize(spectrum, "R1").apply(vectors), removals.centre(spectrum).apply(vectors)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: removals.all_but_the_top(s, D=17), "D must be a whole number from 1 to 16"),
        (lambda s: removals.all_but_the_top(s, D=0), "got 0"),
        (lambda s: removals.whitening(s, D=17), "D must be"),
        (lambda s: removals.conceptor(s, alpha=0), "alpha must be above 0"),
        (lambda s: removals.soft_zca(s, eps=-1), "eps must be above 0, got -1"),
        (lambda s: removals.renormalize(s, "R3"), "choose 'R1' or 'R2'"),
    ],
)
def test_refuses_impossible_settings(spectrum, make, message):
    with pytest.raises(ValueError, match=message):
        make(spectrum)


def test_D_beyond_the_rank_is_refused():
    flat = Spectrum.fit(torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) @ torch.eye(3, 10))
    with pytest.raises(ValueError, match="from 1 to 3 \\(the rank"):
        removals.all_but_the_top(flat, D=4)
