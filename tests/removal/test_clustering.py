"""Clusters and their moments, against scikit-learn and against the vectors themselves."""

import pytest
import torch
from sklearn.cluster import KMeans

from uncone.removal.clustering import BATCHED_FROM, Clustering, nearest
from uncone.removal.spectrum import Spectrum


def islands(k=4, rows=50, d=6, seed=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = 30 * torch.randn(k, d, generator=generator)
    return torch.cat([centre + torch.randn(rows, d, generator=generator) for centre in centres])


def test_finds_planted_islands_and_their_moments():
    X = islands()
    clustering = Clustering.fit(X, 4)
    labels = nearest(X, clustering.centroids)
    assert all(len(labels[50 * i : 50 * (i + 1)].unique()) == 1 for i in range(4))
    for c, spectrum in enumerate(clustering.spectra):
        expected = Spectrum.fit(X[labels == c])
        torch.testing.assert_close(spectrum.mean, expected.mean)
        torch.testing.assert_close(spectrum.covariance, expected.covariance)
    inertia = KMeans(4, n_init=10, random_state=1).fit(X.numpy()).inertia_
    assert clustering.spread * len(X) == pytest.approx(inertia, rel=1e-5)


def test_one_cluster_is_the_whole():
    X = islands()
    clustering = Clustering.fit(X, 1)
    torch.testing.assert_close(clustering.spectra[0].scatter, Spectrum.fit(X).scatter)
    torch.testing.assert_close(clustering.centroids[0].double(), X.double().mean(0), rtol=1e-6, atol=1e-5)


def test_is_the_same_for_the_same_seed():
    X = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    first, second, other = (Clustering.fit(X, 5, seed).centroids for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_small_clusters_join_their_nearest_neighbour():
    X = torch.tensor([[0.0, 0], [0, 1], [1, 0], [10, 0], [10, 1], [11, 0], [12, 0]])
    clustering = Clustering.fit(torch.cat([X, torch.tensor([[20.0, 0]])]), 3)
    assert sorted(spectrum.rows for spectrum in clustering.spectra) == [1, 3, 4]
    merged = clustering.with_at_least(2)
    assert sorted(spectrum.rows for spectrum in merged.spectra) == [3, 5]
    right = max(merged.spectra, key=lambda spectrum: spectrum.rows)
    expected = Spectrum.fit(torch.cat([X[3:], torch.tensor([[20.0, 0]])]))
    torch.testing.assert_close(right.covariance, expected.covariance)
    assert right.mean.float().tolist() in merged.centroids.tolist()
    assert len(clustering.with_at_least(100).spectra) == 1


def test_duplicates_leave_no_empty_cluster():
    X = torch.tensor([[0.0, 0], [5, 5]]).repeat(10, 1)
    clustering = Clustering.fit(X, 4)
    assert sorted(spectrum.rows for spectrum in clustering.spectra) == [10, 10]


def test_many_vectors_are_clustered_in_batches():
    X = islands(rows=BATCHED_FROM // 4)
    rows = sorted(spectrum.rows for spectrum in Clustering.fit(X, 4).spectra)
    assert rows == [BATCHED_FROM // 4] * 4


@pytest.mark.parametrize(("k", "message"), [(0, "must lie in 1..200"), (201, "got 201"), (2.5, "got 2.5")])
def test_refuses_impossible_numbers(k, message):
    with pytest.raises(ValueError, match=message):
        Clustering.fit(islands(), k)
