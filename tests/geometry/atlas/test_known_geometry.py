"""What two real encoders are known to look like, over the first of the Lee news."""

import os
from pathlib import Path

import numpy as np
import pytest

from uncone.data.corpora import Corpora, Corpus
from uncone.encoder import Encoder
from uncone.geometry import frequency_correlation, log10_isotropy
from uncone.geometry.atlas.occurrences import CorpusOccurrences, kept_types
from uncone.geometry.atlas.sums import LayerSums
from uncone.geometry.atlas.windows import Windows


def survey_exactly(path, documents):
    """The encoder, the type of every token, and of every layer its vectors and their sums."""
    encoder = Encoder.from_pretrained(str(path), layers="all")
    kept = kept_types(encoder, special_tokens=False, punctuation=True, pieces=True)
    windows = Windows(Corpora([Corpus("lee_background")], documents), 64)
    occurrences = CorpusOccurrences(encoder, windows, kept, size=10, pilot_windows=10, seed=0)
    batches = [*occurrences.pilot(), *occurrences.rest()]
    types = np.concatenate([batch.types for batch in batches])
    layers = {}
    for layer in occurrences.layers:
        X = np.concatenate([batch.states[layer] for batch in batches])
        sums = LayerSums(len(kept), batches[0].states[layer])
        for batch in batches:
            sums.update(batch.states[layer], batch.types)
        layers[layer] = X, sums
    return occurrences, types, layers


@pytest.fixture(scope="module")
def minilm():
    return survey_exactly("minilm", documents=25)


@pytest.fixture(scope="module")
def distilbert():
    folder = os.environ.get("UNCONE_TEST_MODEL")
    if not folder or not Path(folder).is_dir():
        pytest.skip("UNCONE_TEST_MODEL names no folder of a second BERT-like model")
    return survey_exactly(folder, documents=8)


def test_cone_of_minilm(minilm):
    _, _, layers = minilm
    measures = {layer: sums.measures() for layer, (_, sums) in layers.items()}
    s_inter = [measures[layer]["s_inter"] for layer in ("1", "4", "6")]
    assert s_inter == pytest.approx([0.14, 0.17, 0.03], abs=0.02)
    cosines = [measures[layer]["mean_cosine"] for layer in "12345"]
    assert (cosines[0], cosines[-1]) == pytest.approx((0.12, 0.25), abs=0.02)
    assert cosines == sorted(cosines)


def test_frequency_and_isotropy_of_the_inner_layers_of_minilm(minilm):
    occurrences, types, layers = minilm
    log_frequency = np.log(occurrences.counts[types])
    for layer in "123":
        r = frequency_correlation(layers[layer][0], log_frequency, components=3)
        assert np.abs(r).max() > 0.5
    assert all(log10_isotropy(layers[layer][0]) < -2 for layer in "12345")


def test_rogue_dimension_of_distilbert(distilbert):
    _, _, layers = distilbert
    measures = {layer: sums.measures() for layer, (_, sums) in layers.items()}
    cosines = [measures[layer]["mean_cosine"] for layer in layers]
    assert (cosines[0], cosines[-1]) == pytest.approx((0.03, 0.88), abs=0.03)
    assert [measures[layer]["rogue_dimension"] for layer in "12345"] == [557] * 5
    third = measures["3"]
    assert (third["rogue_contribution"], third["mean_cosine"]) == pytest.approx((0.32, 0.40), abs=0.03)
    [first, second, *_] = layers["3"][1].curves(np.full(len(layers["3"][1].raw.counts), np.nan))["rogue"]
    assert first["dimension"] == 557
    assert first["share"] > 10 * abs(second["share"])
