"""Every fixed method against its own definition, and what all removals have in common."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

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
    "truncation": lambda s: removals.whitening(s, D=8, power=0),
    "common": lambda s: removals.common_components(s, D=2),
    "common_weighted": lambda s: removals.common_components(s, D=5, weighted=True),
    "standardize": removals.standardize,
    "tempering": lambda s: removals.spectral_tempering(s, D=8),
    "middle": lambda s: removals.middle(s, D=8),
    "discriminants": lambda s: removals.discriminants(s, s, D=4),
    "random": lambda s: removals.random_directions(s, D=4, seed=0),
    "random_truncation": lambda s: removals.random_directions(s, D=4, seed=0, keep=True),
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


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("none", "discriminants")])
def test_takes_vectors_in_place_of_their_spectrum(name, vectors, spectrum):
    made, expected = METHODS[name](vectors), METHODS[name](spectrum)
    torch.testing.assert_close(made.fold(), expected.fold(), rtol=0, atol=0)
    assert made.settings == expected.settings


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


def test_truncation_is_pca(spectrum, vectors):
    expected = PCA(8).fit(vectors.double()).transform(vectors.double())
    kept = removals.whitening(spectrum, D=8, power=0).apply(vectors.double())
    np.testing.assert_allclose(cosines(kept), cosines(torch.from_numpy(expected)), atol=1e-6)


def test_common_components_are_singular_vectors_of_the_uncentred_vectors(spectrum, vectors):
    X = vectors.double().numpy()
    svd = TruncatedSVD(5, algorithm="arpack").fit(X)
    first = svd.components_[:1]
    np.testing.assert_allclose(removals.common_components(spectrum).apply(X), X - X @ first.T @ first, atol=1e-6)
    expected = X.copy()  # as uSIF does it: one after another
    for share, direction in zip(
        svd.singular_values_**2 / (svd.singular_values_**2).sum(), svd.components_, strict=True
    ):
        expected -= share * np.outer(expected @ direction, direction)
    weighted = removals.common_components(spectrum, D=5, weighted=True)
    np.testing.assert_allclose(weighted.apply(X), expected, atol=1e-6)


def test_standardize_is_the_scaler_of_scikit_learn(spectrum, vectors):
    X = vectors.double()
    expected = torch.from_numpy(StandardScaler().fit_transform(X))
    np.testing.assert_allclose(cosines(removals.standardize(spectrum).apply(X)), cosines(expected), atol=1e-6)


def test_standardize_drops_what_never_varies():
    X = torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert removals.standardize(Spectrum.fit(X)).apply(X)[:, 1].tolist() == [0, 0, 0]


def test_tempering_reads_its_power_from_the_spectrum():
    variances = torch.linspace(1, 0, 40, dtype=torch.float64) ** 2 * 50 + 1
    spectrum = Spectrum.fit(torch.cat([torch.diag(variances.sqrt()), -torch.diag(variances.sqrt())]))
    noise = variances[36:].mean()
    r = (variances[:36] / noise - 1).clamp_min(0).numpy()
    knee = r[np.argmax(1 - r / r[0] - np.linspace(0, 1, 36))]
    for D in (20, 25, 30):
        assert removals.spectral_tempering(spectrum, D).settings["power"] == pytest.approx(min(1, r[D - 1] / knee) / 2)


def test_middle_projects_on_the_middle_singular_vectors(spectrum, vectors):
    X = vectors.double().numpy()
    kept = np.linalg.svd(X, full_matrices=False)[2][4:12]
    np.testing.assert_allclose(removals.middle(spectrum, D=8).apply(X), X @ kept.T @ kept, atol=1e-5)


def test_discriminants_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    types = np.repeat(np.arange(12), 200)
    X = rng.normal(size=(12, 6))[types] + rng.normal(size=(2400, 6)) @ rng.normal(size=(6, 6))
    means = np.stack([X[types == t].mean(0) for t in range(12)])
    within, between = Spectrum.fit(X - means[types]), Spectrum.fit(means, np.full(12, 200))
    expected = (X - X.mean(0)) @ LinearDiscriminantAnalysis(solver="eigen").fit(X, types).scalings_[:, :3]
    found = removals.discriminants(within, between, D=3, shrinkage=1e-9).apply(X)
    np.testing.assert_allclose(cosines(torch.from_numpy(found)), cosines(torch.from_numpy(expected)), atol=1e-5)


def test_whitening_around_types_is_within_class_covariance_normalization():
    rng = np.random.default_rng(0)
    types = np.repeat(np.arange(5), 100)
    X = rng.normal(size=(5, 4))[types] + rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4))
    means = np.stack([X[types == t].mean(0) for t in range(5)])
    inverse = np.linalg.inv(np.cov((X - means[types]).T))
    found = removals.whitening(Spectrum.fit(X - means[types])).apply(X)
    expected = X @ np.linalg.cholesky(inverse)
    np.testing.assert_allclose(cosines(torch.from_numpy(found)), cosines(torch.from_numpy(expected)), atol=1e-5)


def test_random_directions_are_as_many_as_asked(spectrum, vectors):
    X = vectors.double()
    for keep, rank in ((False, DIMENSION - 4), (True, 4)):
        corrected = removals.random_directions(spectrum, D=4, seed=1, keep=keep).apply(X)
        assert torch.linalg.matrix_rank(corrected, tol=1e-3) == rank
    other = removals.random_directions(spectrum, D=4, seed=2).apply(X)
    assert not torch.allclose(removals.random_directions(spectrum, D=4, seed=1).apply(X), other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: removals.common_components(s, D=17), "D must be a whole number from 1 to 16"),
        (lambda s: removals.middle(s, D=0), "got 0"),
        (lambda s: removals.random_directions(s, D=16, seed=0), "from 1 to 15"),
        (lambda s: removals.discriminants(s, s, D=4, shrinkage=0), "shrinkage must be above 0"),
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
