"""The streamed spectrum against numpy, whole against parts, and its errors."""

import numpy as np
import pytest
import torch

from uncone.removal.spectrum import Spectrum


@pytest.fixture
def vectors() -> torch.Tensor:
    """(3000, 24) correlated vectors far from the origin."""
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(24, 24, generator=generator)
    return torch.randn(3000, 24, generator=generator) @ mix + 100 * torch.randn(24, generator=generator)


def test_equals_numpy(vectors):
    spectrum = Spectrum.fit(vectors)
    covariance = np.cov(vectors.double().numpy().T, bias=True)
    np.testing.assert_allclose(spectrum.covariance, covariance, rtol=1e-9, atol=1e-9 * covariance.max())
    np.testing.assert_allclose(spectrum.eigenvalues, np.linalg.eigvalsh(covariance)[::-1], rtol=1e-9)
    np.testing.assert_allclose(spectrum.second_moment, vectors.double().T @ vectors.double() / len(vectors), rtol=1e-9)
    rebuilt = spectrum.components * spectrum.eigenvalues @ spectrum.components.T
    np.testing.assert_allclose(rebuilt, covariance, atol=1e-9 * covariance.max())


def test_streamed_and_merged_equal_whole(vectors):
    whole = Spectrum.fit(vectors)
    streamed = Spectrum(24)
    for chunk in vectors.split(137):
        streamed.update(chunk)
    merged = Spectrum.fit(vectors[:1000]).merge(Spectrum.fit(vectors[1000:]))
    for other in (streamed, merged):
        assert other.rows == whole.rows
        torch.testing.assert_close(other.mean, whole.mean, rtol=1e-12, atol=0)
        torch.testing.assert_close(other.scatter, whole.scatter, rtol=1e-9, atol=1e-6)


def test_survives_a_large_mean():
    """Two-pass precision where the textbook formula E[x²] − E[x]² would lose all digits."""
    X = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(Spectrum.fit(X + 1e8).covariance, Spectrum.fit(X).covariance, rtol=1e-6, atol=1e-6)


def test_weights_count_as_repetition(vectors):
    repeats = torch.arange(50) % 4
    repeated = Spectrum.fit(vectors[:50].repeat_interleave(repeats, 0))
    weighted = Spectrum.fit(vectors[:50], weights=repeats)
    torch.testing.assert_close(weighted.mean, repeated.mean)
    torch.testing.assert_close(weighted.covariance, repeated.covariance)


def test_blend_is_the_mixture(vectors):
    a, b = Spectrum.fit(vectors[:1000]), Spectrum.fit(vectors[1000:])
    whole = Spectrum.fit(vectors)
    torch.testing.assert_close(Spectrum.blend(a, b, 1 / 3).covariance, whole.covariance)
    torch.testing.assert_close(Spectrum.blend(a, b, 1.0).covariance, a.covariance)


def test_finds_a_planted_subspace():
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(30, 2, generator=generator))[0]
    X = torch.randn(5000, 2, generator=generator) * torch.tensor([10.0, 5.0]) @ axes.T + 0.1 * torch.randn(
        5000, 30, generator=generator
    )
    found = Spectrum.fit(X).components[:, :2].float()
    assert torch.linalg.svdvals(found.T @ axes).min() > 0.999


def test_signs_do_not_depend_on_the_order_of_rows(vectors):
    torch.testing.assert_close(
        Spectrum.fit(vectors).components, Spectrum.fit(vectors.flip(0)).components, rtol=1e-5, atol=1e-5
    )


def test_rank_is_bounded_by_rows():
    X = torch.randn(5, 20, generator=torch.Generator().manual_seed(0))
    assert Spectrum.fit(X).rank == 4


def test_numpy_and_torch_agree(vectors):
    torch.testing.assert_close(Spectrum.fit(vectors.numpy()).scatter, Spectrum.fit(vectors).scatter)


@pytest.mark.parametrize(
    ("rows", "weights", "message"),
    [
        (torch.ones(1, 3), None, "at least 2 rows, got 1"),
        (torch.tensor([[1.0, 2.0], [float("nan"), 0.0]]), None, "NaN or infinity, first in row 1"),
        (torch.ones(3, 2), torch.ones(2), "weights must be 3"),
        (torch.ones(3, 2), -torch.ones(3), "non-negative"),
        (torch.ones(3, 2), torch.zeros(3), "all weights are 0"),
        (torch.ones(3), None, "must be a matrix"),
    ],
)
def test_refuses(rows, weights, message):
    with pytest.raises(ValueError, match=message):
        Spectrum.fit(rows, weights)


def test_refuses_other_dimensions(vectors):
    with pytest.raises(ValueError, match="24 dimensions, the chunk has 3"):
        Spectrum.fit(vectors).update(torch.ones(2, 3))
    with pytest.raises(ValueError, match="24 and 3 dimensions"):
        Spectrum.fit(vectors).merge(Spectrum(3))


def test_mapped_moments_are_those_of_mapped_vectors():
    generator = torch.Generator().manual_seed(0)
    X, W, b = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((50, 4), (4, 4), (4,)))
    mapped, again = Spectrum.fit(X).mapped(W, b), Spectrum.fit(X @ W.T + b)
    torch.testing.assert_close(mapped.mean, again.mean)
    torch.testing.assert_close(mapped.scatter, again.scatter)
