"""Streamed sums against brute force over pairs."""

import itertools

import numpy as np
import pytest
import torch

from uncone.geometry import mean_cosine, s_intra
from uncone.geometry.atlas.sums import LayerSums

V, D = 12, 6


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(80, D, generator=generator) + 1
    types = torch.randint(0, V - 2, (80,), generator=generator)
    types[types == 3] = 11  # a gap, and
    types[0] = 10  # a type that occurs once
    return X, types


def brute_force_inter(X, types):
    """Mean over all choices of one occurrence per type of the mean cosine over pairs of types, pair by pair."""
    units = torch.nn.functional.normalize(X.double(), dim=1)
    pairs = [
        (units[types == a] @ units[types == b].T).mean() for a, b in itertools.permutations(types.unique().tolist(), 2)
    ]
    return float(torch.stack(pairs).mean())


def streamed(X, types):
    sums = LayerSums(V, X)
    for rows in torch.arange(len(X)).split(7):
        sums.update(X[rows], types[rows])
    return sums


def test_similarities_equal_brute_force(data):
    X, types = data
    sums = streamed(X, types)
    assert sums.raw.s_inter() == pytest.approx(brute_force_inter(X, types), abs=1e-6)
    assert sums.raw.s_intra() == pytest.approx(s_intra(X, types), abs=1e-6)
    assert sums.raw.mean_cosine() == pytest.approx(mean_cosine(X), abs=1e-6)
    centred = X - X.mean(0)
    assert sums.centred.s_inter() == pytest.approx(brute_force_inter(centred, types), abs=1e-6)
    assert sums.centred.s_intra() == pytest.approx(s_intra(centred, types), abs=1e-6)


def test_contributions_of_coordinates_sum_to_the_mean_cosine_and_find_a_rogue_one(data):
    X, types = data
    X = X - X.mean(0)
    X[:, 4] += 9
    contributions = streamed(X, types).raw.contributions()
    assert float(contributions.sum()) == pytest.approx(mean_cosine(X), abs=1e-6)
    assert int(contributions.argmax()) == 4
    units = torch.nn.functional.normalize(X.double(), dim=1)
    pairs = torch.outer(units[:, 4], units[:, 4])
    brute = (pairs.sum() - pairs.trace()) / (len(X) * (len(X) - 1))
    assert float(contributions[4]) == pytest.approx(float(brute), abs=1e-6)


def test_part_of_the_types(data):
    X, types = data
    sums = streamed(X, types)
    chosen = torch.zeros(V, dtype=torch.bool)
    chosen[:4] = True
    rows = types < 4
    assert sums.raw.mean_cosine(chosen) == pytest.approx(mean_cosine(X[rows]), abs=1e-6)
    mean, std = sums.norm_mean_std(chosen)
    norms = X[rows].norm(dim=1)
    assert (mean, std) == pytest.approx((float(norms.mean()), float(norms.std(correction=0))), rel=1e-5)


def test_centred_vectors_keep_one_set_of_sums(data):
    X, types = data
    sums, off = streamed(X - X.mean(0), types), streamed(X, types)
    assert sums.centred is sums.raw
    assert off.centred is not off.raw


def test_bands_part_the_known_types(data):
    X, types = data
    log10 = np.full(V, -2.5)
    log10[:5] = -7.0, -6.0, -1.5, np.nan, 0.0  # nothing has a probability of 1
    found = {(band["low"], band["high"]): band["count"] for band in streamed(X, types).curves(log10)["bands"]}
    counts = np.bincount(types, minlength=V)
    assert found == {(-12, -6): counts[0], (-6, -5): counts[1], (-3, -2): counts[5:].sum(), (-2, 0): counts[2]}
