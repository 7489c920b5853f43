"""What removals are fitted on."""

import numpy as np
import pytest
import torch

from uncone.encoder import Encoder
from uncone.encoder.pooling import USIF_LENGTH, token_weights
from uncone.encoder.store import FeatureStore
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors

CORPUS = ("The cat sat on the mat.", "A cat and a dog: the dog barked.", "Nobody saw the cat leave.")


@pytest.fixture(scope="module")
def layer(wordy_model, tmp_path_factory) -> Vectors:
    return Vectors(Encoder.from_pretrained(str(wordy_model), layers=1), FeatureStore(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def table(wordy_model) -> Vectors:
    return Vectors(Encoder.from_pretrained(str(wordy_model), layers="static"))


def test_scatter_within_and_between_types_is_all_of_it(layer):
    spectra = Spectra.of(layer, "tokens", CORPUS)
    tokens = layer.raw_tokens(CORPUS)
    around = np.stack(
        [x - tokens.vectors[tokens.types == t].mean(0) for x, t in zip(tokens.vectors, tokens.types, strict=True)]
    )
    np.testing.assert_allclose(spectra.within.covariance, around.T @ around / len(around), atol=1e-5)
    np.testing.assert_allclose(spectra.within.mean, 0, atol=1e-6)
    np.testing.assert_allclose(
        spectra.within.covariance + spectra.between.covariance, spectra.uniform.covariance, atol=1e-5
    )


def test_without_types_or_context_there_is_no_scatter_within(layer, table):
    with pytest.raises(ValueError, match=r"needs occurrences of tokens: set fit.level=tokens"):
        _ = Spectra.of(layer, "texts", CORPUS).within
    with pytest.raises(ValueError, match="all occurrences of a token have the same vector"):
        _ = Spectra.of(table, "tokens", CORPUS).between


def test_the_input_table_is_that_of_the_model(layer, table):
    np.testing.assert_array_equal(Spectra.of(layer, "table").points, table.encoder.table.numpy())
    np.testing.assert_array_equal(Spectra.of(table, "table").points, Spectra.of(table, "vocabulary").points)


def test_another_pooling_is_that_of_an_encoder_loaded_with_it(layer, table, wordy_model):
    for vectors, layers in ((layer, 1), (table, "static")):
        loaded = Encoder.from_pretrained(str(wordy_model), layers=layers, pooling="usif")
        pooled = vectors.pooled("usif")
        np.testing.assert_array_equal(pooled.sentences(CORPUS), loaded.encode(CORPUS))
        assert pooled.encoder.settings == loaded.settings
        assert vectors.encoder.pooling == "mean"
        assert vectors.encoder.weights is None


def test_usif_weighs_as_its_author_does(table):
    """The formula of his code, on the types that occur."""
    p = table.type_probabilities()
    seen = p[p > 0]
    V = len(seen)
    alpha = np.mean(seen > 1 - (1 - 1 / V) ** USIF_LENGTH)
    a = (1 - alpha) / (alpha * 0.5 * V)
    np.testing.assert_allclose(token_weights("usif", torch.tensor(p))[p > 0], a / (0.5 * a + seen), rtol=1e-5)


def test_a_static_table_reads_texts_once_for_all_removals(table, monkeypatch):
    calls = []
    pooled = type(table.encoder).pooled
    monkeypatch.setattr(
        type(table.encoder), "pooled", lambda *given, **options: calls.append(1) or pooled(*given, **options)
    )
    fresh = Vectors(table.encoder)
    for _ in range(3):
        fresh.corrected(None).sentences(CORPUS)
    assert len(calls) == 1


def test_the_empty_text_is_its_special_tokens(layer, table):
    made = Spectra.of(layer, "empty").uniform
    tokenizer, model = layer.encoder.tokenizer, layer.encoder.states.model
    with torch.no_grad():
        states = model(**tokenizer([""], return_tensors="pt"), output_hidden_states=True).hidden_states[1][0]
    torch.testing.assert_close(made.mean.float(), states.mean(0))
    with pytest.raises(ValueError, match="at least 2 rows"):
        _ = made.components
    with pytest.raises(ValueError, match="pools no special tokens, and the empty text has no others"):
        _ = Spectra.of(table, "empty").uniform
