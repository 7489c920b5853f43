"""Removal fitted on the very vectors that it corrects."""

import pytest
import torch

from uncone.removal import all_but_the_top, clustered, transductive
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

X = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)) * torch.arange(6, 0, -1)
OTHER = torch.randn(50, 6, generator=torch.Generator().manual_seed(1)) + 5


def test_is_the_inductive_method_fitted_on_what_it_is_given():
    made = transductive(Spectrum.fit(X), k=3, D=2, seed=1)
    for scored in (X, OTHER):
        expected = clustered(Clustering.fit(scored, 3, seed=1), 2).apply(scored)
        torch.testing.assert_close(made.apply(scored), expected)


def test_one_cluster_is_the_global_method():
    made = transductive(Spectrum.fit(X), k=1, D=2)
    torch.testing.assert_close(made.apply(OTHER), all_but_the_top(Spectrum.fit(OTHER), 2).apply(OTHER))


def test_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="cannot be saved"):
        transductive(Spectrum.fit(X), k=3, D=2).save(tmp_path)


def test_says_what_it_is():
    described = transductive(Spectrum.fit(X), k=3, D=2).describe()
    assert described == "transductive(k=3, D=2): 3 clusters of tokens, fitted anew on whatever is scored"
