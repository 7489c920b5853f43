"""Clusters: scikit-learn as oracle, planted clusters."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.metrics import silhouette_samples, silhouette_score

from uncone.geometry.clusters import find_clusters, lloyd, silhouettes


@pytest.fixture
def gaussian():
    return torch.randn(300, 5, generator=torch.Generator().manual_seed(0))


def planted(gaussian, K, distance=8.0):
    centres = torch.zeros(K, 5)
    centres[range(K), range(K)] = distance
    return gaussian + centres[torch.arange(300) % K]


def test_silhouettes_equal_scikit_learn(gaussian):
    generator = np.random.default_rng(0)
    labels = np.stack([generator.integers(0, K, 300) for K in (2, 5)], axis=1)
    labels[0, 1] = 5  # a vector alone in its cluster
    result = silhouettes(gaussian, labels)
    for column in range(2):
        expected = silhouette_samples(gaussian.numpy(), labels[:, column])
        np.testing.assert_allclose(result[:, column], expected, atol=2e-6)


@pytest.mark.parametrize("K", [2, 3, 5])
def test_planted_clusters_are_counted(gaussian, K):
    X = planted(gaussian, K)
    clusters = find_clusters(X, range(2, 9))
    assert clusters.count == K
    assert clusters.mms > 0.5
    for label in range(K):
        assert len(np.unique(clusters.best[np.arange(300) % K == label])) == 1


def test_clusters_and_their_silhouette_are_those_of_scikit_learn(gaussian):
    X = planted(gaussian, 4, distance=4.0)
    clusters = find_clusters(X, (3, 4, 5), seed=7)
    expected = [
        silhouette_score(X.numpy(), KMeans(k, n_init=1, random_state=7).fit_predict(X.numpy())) for k in (3, 4, 5)
    ]
    np.testing.assert_allclose(clusters.silhouettes.mean(0), expected, atol=2e-6)
    assert clusters.mms == pytest.approx(max(expected), abs=2e-6)


def test_one_cloud_is_one_cluster():
    X = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
    clusters = find_clusters(X, range(2, 6))
    assert clusters.count == 1
    assert not clusters.best.any()


def test_is_seeded(gaussian):
    first, second = (find_clusters(gaussian, (4,), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)


def test_errors(gaussian):
    with pytest.raises(ValueError, match="K must list numbers of clusters"):
        find_clusters(gaussian, ())
    with pytest.raises(ValueError, match="at least 16 rows, got 10"):
        find_clusters(gaussian[:10])
    with pytest.raises(ValueError, match=r"labels must be of shape \(300, m\), got \(300,\)"):
        silhouettes(gaussian, np.zeros(300, dtype=int))
    with pytest.raises(ValueError, match="needs at least 2 of them"):
        silhouettes(gaussian, np.zeros((300, 1), dtype=int))


def test_lloyd_finds_what_scikit_learn_finds_from_the_same_centres(gaussian):
    X = planted(gaussian, 4, distance=2.0)
    centres, _ = kmeans_plusplus(X.numpy(), 5, random_state=0)
    expected = KMeans(5, n_init=1, init=centres, tol=0).fit_predict(X.numpy())
    np.testing.assert_array_equal(lloyd(X, torch.from_numpy(centres)), expected)


def test_lloyd_leaves_a_centre_without_points_where_it_is():
    X = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    assert lloyd(X, torch.tensor([[0.0], [10.0], [1000.0]])).tolist() == [0, 0, 1, 1]
