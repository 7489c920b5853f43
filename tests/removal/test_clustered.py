"""Cluster-wise removal, against a loop over vectors, the global method, and a planted truth."""

import pytest
import torch

from uncone import removal as removals
from uncone.removal import ClusteredRemoval, all_but_the_top, clustered
from uncone.removal.clustering import Clustering, nearest
from uncone.removal.spectrum import Spectrum


def vectors(seed=0, k=3, rows=60, d=8) -> torch.Tensor:
    """Islands, each with a dominant direction of its own."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(k):
        direction = torch.nn.functional.normalize(torch.randn(d, generator=generator), dim=0)
        along = 5 * torch.randn(rows, 1, generator=generator)
        parts.append(
            40 * torch.randn(d, generator=generator) + along * direction + torch.randn(rows, d, generator=generator)
        )
    return torch.cat(parts)


def one_by_one(removal: ClusteredRemoval, X: torch.Tensor) -> torch.Tensor:
    """The definition, vector by vector and cluster by cluster."""
    rows = []
    for x in X.double():
        distances = (x - removal.centroids.double()).square().sum(1)
        shares = torch.zeros(len(distances)).double()
        shares[distances.argmin()] = 1
        if removal.temperature is not None:
            shares = (-distances / removal.temperature).softmax(0)
        total = torch.zeros_like(x)
        for share, centre, U, w in zip(shares, removal.centres, removal.components, removal.weights, strict=True):
            projector = torch.eye(len(x)).double() - U.double() @ torch.diag(w.double()) @ U.double().T
            total += share * (x - centre.double()) @ projector
        rows.append(total)
    return torch.stack(rows).float()


@pytest.mark.parametrize("temperature", [None, 0.3, 5.0])
@pytest.mark.parametrize("D", [1, 3])
def test_is_the_documented_map(temperature, D):
    X = vectors()
    made = clustered(Clustering.fit(X, 3), D, temperature=temperature)
    made = ClusteredRemoval(
        made.centroids, made.centres, made.components, made.gains + 0.3, temperature=made.temperature
    )
    fresh = vectors(seed=1)
    torch.testing.assert_close(made.apply(fresh), one_by_one(made, fresh), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(made.apply(fresh[0]), made.apply(fresh)[0])


@pytest.mark.parametrize("D", [1, 4, 8])
def test_one_cluster_is_the_global_method(D):
    X = vectors()
    ours, whole = clustered(Clustering.fit(X, 1), D), all_but_the_top(Spectrum.fit(X), D)
    scale = X.norm(dim=1).mean()
    assert (ours.apply(X) - whole.apply(X)).abs().max() / scale < 1e-6


def test_soft_clusters_become_hard_ones():
    X, clustering = vectors(), Clustering.fit(vectors(), 3)
    soft = clustered(clustering, 2, temperature=1e-4)
    torch.testing.assert_close(soft.apply(X), clustered(clustering, 2).apply(X), rtol=1e-4, atol=1e-3)


def test_removes_each_clusters_own_direction():
    """What is left of each island varies as the noise does, along every direction; the global method leaves it."""
    X = vectors(rows=400)
    by_cluster = clustered(Clustering.fit(X, 3), 1).apply(X)
    whole = all_but_the_top(Spectrum.fit(X), 1).apply(X)
    for island in range(3):
        rows = slice(400 * island, 400 * (island + 1))
        assert Spectrum.fit(by_cluster[rows]).eigenvalues[0] < 1.5
        assert Spectrum.fit(whole[rows]).eigenvalues[0] > 10
        assert by_cluster[rows].mean(0).norm() < 1e-3


def test_new_vectors_go_to_the_nearest_centroid():
    X = vectors()
    made = clustered(Clustering.fit(X, 3), 1)
    near = made.centroids[1] + 0.01
    U = made.components[1]
    centred = near - made.centres[1]
    torch.testing.assert_close(made.apply(near), centred - U @ (U.T @ centred))


def test_clusters_of_fewer_dimensions_lose_only_those():
    """A cluster on a line has one component, whatever D."""
    line = torch.linspace(-1, 1, 20)[:, None] * torch.tensor([[1.0, 1.0, 0.0]]) + 50
    cloud = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    made = clustered(Clustering.fit(torch.cat([line, cloud]), 2), 2)
    on_line = int(nearest(line, made.centroids)[0])
    assert made.gains[on_line].tolist() == [0.0, 1.0]
    assert made.apply(line).abs().max() < 1e-4
    assert made.apply(line + torch.tensor([0.0, 0.0, 0.5])).norm(dim=1).mean() == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_keeps_kind_and_dtype(dtype):
    X = vectors().to(dtype)
    made = clustered(Clustering.fit(vectors(), 3), 1)
    assert made.apply(X).dtype is dtype
    assert made.apply(X.numpy()).dtype == X.numpy().dtype
    assert made.apply(X[:0]).shape == (0, 8)


def test_saved_is_loaded(tmp_path):
    X = vectors()
    made = clustered(Clustering.fit(X, 3), 2, level="texts", temperature=0.5)
    made.save(tmp_path)
    for loaded in (ClusteredRemoval.load(tmp_path), removals.load(tmp_path)):
        assert isinstance(loaded, ClusteredRemoval)
        assert (loaded.level, loaded.temperature, loaded.settings) == ("texts", made.temperature, made.settings)
        assert torch.equal(loaded.apply(X), made.apply(X))
    with pytest.raises(ValueError, match="a removal 'clustered', not 'affine'"):
        removals.Removal.load(tmp_path)


def test_either_kind_is_read_by_load(tmp_path):
    made = all_but_the_top(Spectrum.fit(vectors()), 2)
    made.save(tmp_path)
    assert isinstance(removals.load(tmp_path), removals.Removal)


def test_says_what_it_is():
    made = clustered(Clustering.fit(vectors(), 3), 2)
    assert made.describe() == ("clustered(clusters=3, D=2): 3 clusters of tokens, 2 of 8 components in each, w 1.00")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gains": torch.ones(3, 2)}, "do not fit"),
        ({"centres": torch.ones(3, 7)}, "do not fit"),
        ({"components": torch.ones(3, 8, 1)}, "not orthonormal"),
        ({"centroids": torch.full((3, 8), float("nan"))}, "centroids of removal 'clustered' holds NaN"),
        ({"level": "words"}, "unknown level 'words'"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_refuses_what_is_no_removal(change, message):
    made = clustered(Clustering.fit(vectors(), 3), 1)
    with pytest.raises(ValueError, match=message):
        ClusteredRemoval(**{**{name: getattr(made, name) for name in made.tensors}, **change})


def test_refuses_more_components_than_dimensions():
    with pytest.raises(ValueError, match="from 1 to 8"):
        clustered(Clustering.fit(vectors(), 3), 9)
