"""Sampled measures: against the functions of `uncone.geometry`, planted truths, and their standard errors."""

import numpy as np
import pytest
import torch

from uncone.geometry import isotropy, lid, s_intra
from uncone.geometry.atlas.sampled import SampledMeasures, SampledSettings, text_weights
from uncone.geometry.clusters import clustered_similarities
from uncone.removal.spectrum import Spectrum

SETTINGS = SampledSettings(neighbours=10, queries=100, clusters=(2, 3, 4), cluster_points=300, resamples=50)
N, D = 400, 8


def make(X, log10_frequency=None, texts=None, **settings):
    n = len(X)
    texts = np.arange(n) if texts is None else texts
    chosen = SampledSettings(**{**SETTINGS.__dict__, **settings})
    return SampledMeasures(
        X,
        np.arange(n) % 20,
        texts,
        np.full(n, np.nan) if log10_frequency is None else log10_frequency,
        Spectrum.fit(X),
        chosen,
        text_weights(texts, chosen.resamples, chosen.seed),
    )


@pytest.fixture
def X():
    return torch.randn(N, D, generator=torch.Generator().manual_seed(0)) * torch.linspace(2, 0.5, D) + 0.2


@pytest.mark.parametrize("signs", ["both", "as_computed"])
def test_isotropy_is_that_of_geometry(X, signs):
    assert make(X, signs=signs).measures()["isotropy"].value == pytest.approx(isotropy(X, signs), rel=1e-9)


def test_isotropy_of_an_isotropic_gaussian_is_near_its_closed_form():
    n, d, sigma = 20_000, 8, 0.3
    X = torch.randn(n, d, generator=torch.Generator().manual_seed(0)) * sigma
    # F(u) / n → exp(σ²/2) for every u, so I(V) → 1
    assert make(X).measures()["isotropy"].value > 0.97


def test_isotropy_of_some_of_the_points(X):
    few = make(X, isotropy_points=150).measures()["isotropy"]
    rows = np.sort(np.random.default_rng(0).permutation(N)[:150])
    assert few.n == 150
    assert few.value == pytest.approx(isotropy(X[rows]), rel=1e-9)


@pytest.mark.parametrize("setting", ["signs", "cluster_weights"])
def test_a_mistyped_setting_is_refused(setting):
    with pytest.raises(ValueError, match=f"{setting} must be .* or .*, got 'whatever'"):
        SampledSettings(**{setting: "whatever"})


def test_local_dimension_is_that_of_geometry(X):
    measures = make(X).measures()
    generator = torch.Generator().manual_seed(0)
    assert measures["lid"].value == pytest.approx(lid(X, 10, queries=100, generator=generator))
    assert make(X, squared=True).measures()["lid"].value == pytest.approx(measures["lid"].value / 2)
    assert measures["lid_q10"].value < measures["lid_q50"].value < measures["lid_q90"].value


def test_local_dimension_of_a_ball():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(20_000, 10, generator=generator)
    ball = X / X.norm(dim=1, keepdim=True) * torch.rand(20_000, 1, generator=generator) ** 0.1
    inner = make(ball, neighbours=30, queries=2000)._dimensions["euclidean"]
    inside = ball[inner_rows(inner)].norm(dim=1) < 0.7  # near the border a ball looks flatter
    assert float(inner[inside].mean()) == pytest.approx(10, abs=0.5)


def inner_rows(values):
    return torch.randperm(20_000, generator=torch.Generator().manual_seed(0))[: len(values)]


def test_duplicates_are_counted(X):
    assert make(torch.cat([X, X[:5]])).measures()["lid_duplicates"].value == 5


def test_a_planted_frequency_direction_is_found(X):
    frequency = (X[:, 2] + 0.1 * torch.randn(N, generator=torch.Generator().manual_seed(1))).numpy() - 4
    measures = make(X, frequency.astype(np.float64)).measures()
    assert measures["frequency_component"].value == 3  # the third coordinate has the third largest variance
    assert measures["frequency_pearson"].value > 0.9
    assert measures["frequency_spearman"].value > 0.9
    curves = make(X, frequency.astype(np.float64)).curves(np.arange(5))["frequency_correlation"]
    assert np.abs(curves["pearson"]).argmax() == 2


def test_unknown_frequencies_give_no_correlation(X):
    measures = make(X).measures()
    assert "frequency_pearson" not in measures
    assert np.isnan(measures["norm_frequency_pearson"].value)


def test_every_estimate_has_an_error(X):
    """But for what is counted over the sample, and for a name of a component."""
    measures = make(X, (X[:, 0].double() - 4).numpy()).measures()
    without = {name for name, estimate in measures.items() if estimate.se is None}
    assert without == {"lid_duplicates", "frequency_component"}
    again = make(X, (X[:, 0].double() - 4).numpy()).measures()
    assert measures == again  # the seed decides
    assert make(X, seed=1).measures()["log10_isotropy"].se != measures["log10_isotropy"].se


def test_standard_errors_are_those_of_repeated_samples():
    """Over independent samples the local dimension scatters as its standard error says, within a factor of 1.5."""
    values, errors = [], []
    for seed in range(30):
        X = torch.randn(300, 4, generator=torch.Generator().manual_seed(seed))
        sampled = make(X, neighbours=10, queries=300, resamples=100)
        estimate = sampled._local()["lid"]
        values.append(estimate.value)
        errors.append(estimate.se)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.5)


def test_texts_are_resampled_whole(X):
    """Copies of points in one text add no information: the standard error stays."""
    once = make(X)._isotropy()["log10_isotropy"]
    thrice = make(X.repeat_interleave(3, 0), texts=np.repeat(np.arange(N), 3))._isotropy()["log10_isotropy"]
    assert thrice.value == pytest.approx(once.value, rel=1e-9)
    assert thrice.se == pytest.approx(once.se, rel=1e-9)


def test_similarities_inside_clusters_equal_brute_force(X):
    types, labels = np.arange(N) % 20, np.arange(N) % 2
    inter, intra = clustered_similarities(X, types, labels)
    expected = [s_intra(X[labels == c] - X[labels == c].mean(0), torch.from_numpy(types[labels == c])) for c in (0, 1)]
    assert intra == pytest.approx(np.mean(expected), abs=1e-6)
    assert -1 < inter < 1


def test_a_tiny_cluster_hardly_counts(X):
    """Two types on their own mean are opposite, whatever they are: −1 is no news of the other 390 vectors."""
    labels = np.zeros(N, dtype=int)
    labels[:2] = 1  # one vector of each of two types
    whole, _ = clustered_similarities(X[2:], np.arange(2, N) % 20, labels[2:])
    by_types, _ = clustered_similarities(X, np.arange(N) % 20, labels)
    equal, _ = clustered_similarities(X, np.arange(N) % 20, labels, "equal")
    assert by_types == pytest.approx((20 * whole + 2 * -1) / 22, abs=1e-6)
    assert equal == pytest.approx((whole - 1) / 2, abs=1e-6)  # as in the paper


def test_the_papers_mean_over_clusters_can_be_chosen(X):
    planted = X.clone()
    planted[:40] += 30
    equal = make(planted, cluster_weights="equal").measures()
    by_types = make(planted, cluster_weights="types").measures()
    assert equal["clusters"].value == by_types["clusters"].value == 2
    assert equal["s_intra_clustered"].value != by_types["s_intra_clustered"].value


def test_one_cluster_centres_once(X):
    _, intra = clustered_similarities(X, np.arange(N) % 20, np.zeros(N))
    assert intra == pytest.approx(s_intra(X - X.mean(0), torch.arange(N) % 20), abs=1e-6)
