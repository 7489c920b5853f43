"""One measure, one number: of the same tokens, the probe, the atlas and the functions say the same under one name."""

import numpy as np
import pytest

from uncone import geometry
from uncone.encoder import Encoder
from uncone.encoder.store import FeatureStore
from uncone.geometry.atlas.occurrences import CorpusOccurrences, kept_types
from uncone.geometry.atlas.sampled import SampledSettings
from uncone.geometry.atlas.survey import survey
from uncone.geometry.probe import GeometryProbe
from uncone.removal import none
from uncone.removal.vectors import Vectors

TEXTS = tuple(
    f"Number {i % 7} was seen by {('Anna', 'Bob', 'Carl')[i % 3]}, who said {i} of {i % 11}." for i in range(90)
)


@pytest.fixture(scope="module")
def numbers(wordy_model, tmp_path_factory):
    """Measures of one layer, by name, from each of the three."""
    encoder = Encoder.from_pretrained(str(wordy_model), layers=[1])
    kept = kept_types(encoder, special_tokens=True, punctuation=True, pieces=True)
    occurrences = CorpusOccurrences(encoder, TEXTS, kept, size=10_000, pilot_windows=10, seed=0)
    frequencies = occurrences.counts / occurrences.counts.sum()
    with np.errstate(divide="ignore"):
        log10 = np.log10(frequencies)
    shown = np.arange(10)
    settings = SampledSettings(queries=10_000, clusters=(2,), cluster_points=100, resamples=2)
    identity = none(encoder.dimension)
    [atlas] = survey(occurrences, lambda *_: {"none": identity}, log10, shown, settings, lambda batches, _: batches)
    vectors = Vectors(encoder, FeatureStore(tmp_path_factory.mktemp("store")), corpus=TEXTS, frequencies="corpus")
    probe = GeometryProbe.sample(vectors, TEXTS, queries=10_000)
    X, types = probe.occurrences, probe.types
    r = np.abs(geometry.frequency_correlation(X, np.log(frequencies[types]), components=3))
    functions = {
        "mean_cosine": geometry.mean_cosine(X),
        "s_inter": geometry.s_inter(X, types),
        "s_intra": geometry.s_intra(X, types),
        "isotropy": geometry.isotropy(X),
        "log10_isotropy": geometry.log10_isotropy(X),
        "isoscore": geometry.isoscore(X),
        "lid": geometry.lid(X),
        **{f"frequency_pc{i + 1}": float(value) for i, value in enumerate(r)},
    }
    return functions, probe.measure(identity), {name: estimate.value for name, estimate in atlas.measures.items()}


def test_probe_and_functions_are_equal(numbers):
    functions, probe, _ = numbers
    assert probe.keys() == functions.keys()
    assert probe == pytest.approx(functions, rel=1e-9)


def test_atlas_and_functions_are_equal(numbers):
    """To single precision: tokens reach the encoder in other batches, and sums by type are kept in float32."""
    functions, _, atlas = numbers
    assert functions.keys() <= atlas.keys()
    assert {name: atlas[name] for name in functions} == pytest.approx(functions, rel=2e-4, abs=2e-6)
