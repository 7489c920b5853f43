"""The reader between encoder and tasks."""

import numpy as np
import pytest
import torch

from uncone.encoder import Encoder, TokenVectors
from uncone.encoder.pooling import pool
from uncone.encoder.store import FeatureStore
from uncone.removal import all_but_the_top, clustered
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors

CORPUS = ("The cat sat on the mat.", "A cat and a dog: the dog barked.", "Nobody saw the CAT leave.")


@pytest.fixture(scope="module")
def table(wordy_model) -> Encoder:
    return Encoder.from_pretrained(str(wordy_model), layers="static")


@pytest.fixture(scope="module")
def layer(wordy_model) -> Encoder:
    return Encoder.from_pretrained(str(wordy_model), layers=1)


@pytest.fixture
def store(tmp_path) -> FeatureStore:
    return FeatureStore(tmp_path)


def test_words_sentences_and_tokens_are_the_encoders(layer, store):
    vectors = Vectors(layer, store)
    np.testing.assert_array_equal(vectors.words(["cat", "dog"]), layer.encode_words(["cat", "dog"]))
    np.testing.assert_array_equal(vectors.sentences(CORPUS), layer.encode(CORPUS))
    np.testing.assert_array_equal(vectors.tokens(CORPUS).types, layer.encode_tokens(CORPUS).types)
    assert (store.built, store.read) == (3, 0)
    vectors.sentences(CORPUS)
    assert (store.built, store.read) == (3, 1)


def test_a_removal_is_applied_to_everything_but_raw_vectors(table, store):
    raw = Vectors(table, store)
    removal = all_but_the_top(Spectrum.fit(table.table), D=2).for_encoder(table)
    corrected = raw.corrected(removal)
    for read in (lambda v: v.words(["cat"]), lambda v: v.sentences(CORPUS), lambda v: v.tokens(CORPUS).vectors):
        np.testing.assert_allclose(read(corrected), removal.apply(read(raw)), atol=1e-6)
    np.testing.assert_allclose(corrected.vocabulary()[1][:50], removal.apply(raw.vocabulary()[1][:50]), atol=1e-6)
    np.testing.assert_array_equal(corrected.raw_words(["cat"]), raw.words(["cat"]))


def test_a_removal_of_another_encoder_is_refused(table, layer, store):
    removal = all_but_the_top(Spectrum.fit(table.table), D=2).for_encoder(table)
    with pytest.raises(ValueError, match="belongs to tiny layers static"):
        Vectors(layer, store).corrected(removal)


def test_queries_and_documents_get_their_prompts_also_where_layers_are_read_together(wordy_model, tmp_path):
    layer, both = (Encoder.from_pretrained(str(wordy_model), layers=layers) for layers in (1, [1, 2]))
    prompts = {"query": "who sat: ", "passage": "a text: "}
    layer.prompts = both.prompts = prompts
    for i, vectors in enumerate((Vectors(layer), Vectors(layer, FeatureStore(tmp_path), together=both))):
        for role, prompt in zip(("query", "document"), prompts.values(), strict=True):
            expected = layer.encode([prompt + text for text in CORPUS])
            np.testing.assert_allclose(vectors.with_prompt(role).sentences(CORPUS), expected, atol=1e-5, err_msg=str(i))
        np.testing.assert_allclose(vectors.sentences(CORPUS), layer.encode(CORPUS), atol=1e-5)


def test_corpus_words_are_means_over_occurrences(layer, store):
    vectors = Vectors(layer, store, word_vectors="corpus", corpus=CORPUS)
    assert vectors.known(["cat", "Dog", "zebra"]).tolist() == [True, True, False]
    tokens = layer.encode_tokens(CORPUS)
    cat = layer.tokenize(["cat"])[0][0]
    np.testing.assert_allclose(vectors.words(["cat"])[0], tokens.vectors[tokens.types == cat].mean(0), atol=1e-5)
    with pytest.raises(ValueError, match="'zebra' does not occur in the corpus"):
        vectors.words(["cat", "zebra"])


def test_vocabulary_of_a_layer_is_frequent_words(layer, store):
    vectors = Vectors(layer, store, vocabulary_size=50)
    (names, matrix), probabilities = vectors.raw_vocabulary(), vectors.vocabulary_probabilities()
    assert len(names) == len(matrix) == len(probabilities) == 50
    assert names[0] == "the"
    assert np.all(np.diff(probabilities) <= 0)
    np.testing.assert_allclose(matrix[:2], layer.encode_words(list(names[:2])), atol=1e-5)


def test_vocabulary_of_a_table_is_its_rows(table, store):
    (names, matrix), probabilities = Vectors(table, store).raw_vocabulary(), Vectors(table, store).type_probabilities()
    assert matrix.shape == (30522, 16)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[names.index("the")] == probabilities.max()


def test_frequencies_counted_in_the_corpus(table, store):
    probabilities = Vectors(table, store, corpus=CORPUS, frequencies="corpus").type_probabilities()
    types = np.array([i for row in table.tokenize(CORPUS) for i in row])
    np.testing.assert_allclose(probabilities[types[0]], np.mean(types == types[0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"word_vectors": "dreamt"}, "unknown word_vectors 'dreamt'"),
        ({"frequencies": "guessed"}, "unknown frequencies 'guessed'"),
        ({"word_vectors": "corpus"}, "set corpus to texts"),
        ({"frequencies": "corpus"}, "set corpus to texts"),
    ],
)
def test_refuses(table, store, options, message):
    with pytest.raises(ValueError, match=message):
        Vectors(table, store, **options)


@pytest.mark.parametrize("pooling", ["mean", "max", "sif", "last"])
@pytest.mark.parametrize("layers", ["static", 1])
def test_a_removal_of_tokens_is_applied_before_pooling(layers, pooling, wordy_model, store):
    encoder = Encoder.from_pretrained(str(wordy_model), layers=layers, pooling=pooling)
    raw = Vectors(encoder, store)
    tokens = raw.tokens(CORPUS, pooled=True)
    removal = clustered(Clustering.fit(tokens.vectors, 2), 1).for_encoder(encoder)
    vectors = raw.corrected(removal)
    expected = []
    for i in range(len(CORPUS)):
        rows = tokens.texts == i
        corrected = torch.tensor(removal.apply(tokens.vectors[rows]))
        weights = None if encoder.weights is None else encoder.weights[tokens.types[rows]]
        expected.append(pool(corrected, torch.tensor([rows.sum()]), pooling, weights)[0].numpy())
    np.testing.assert_allclose(vectors.sentences(CORPUS), np.stack(expected), atol=1e-5)
    np.testing.assert_allclose(vectors.tokens(CORPUS, pooled=True).vectors, removal.apply(tokens.vectors), atol=1e-6)
    pieces = raw.tokens(encoder.as_words(["barked"]), pooled=pooling == "last")  # more than one
    corrected = TokenVectors(removal.apply(pieces.vectors), pieces.types, pieces.texts)
    np.testing.assert_allclose(vectors.words(["barked"]), encoder.pool_tokens(corrected), atol=1e-6)


def test_words_of_a_corpus_are_corrected_token_by_token(layer, store):
    raw = Vectors(layer, store, word_vectors="corpus", corpus=CORPUS)
    tokens = raw.tokens(CORPUS)
    removal = clustered(Clustering.fit(tokens.vectors, 2), 1).for_encoder(layer)
    cat = layer.tokenize(["cat"])[0][0]
    expected = removal.apply(tokens.vectors)[tokens.types == cat].mean(0)
    np.testing.assert_allclose(raw.corrected(removal).words(["cat"])[0], expected, atol=1e-5)


def test_the_classification_token_is_corrected_as_it_stands(wordy_model, store):
    encoder = Encoder.from_pretrained(str(wordy_model), layers=1, pooling="cls")
    raw = Vectors(encoder, store, keep_tokens=True)
    removal = clustered(Clustering.fit(raw.tokens(CORPUS).vectors, 2), 1).for_encoder(encoder)
    np.testing.assert_allclose(
        raw.corrected(removal).sentences(CORPUS), removal.apply(raw.sentences(CORPUS)), atol=1e-6
    )
    with pytest.raises(ValueError, match="correct it after pooling"):
        encoder.pool_tokens(raw.tokens(CORPUS))


def test_tokens_and_texts_share_one_encode(layer, store, monkeypatch):
    raw = Vectors(layer, store, keep_tokens=True)
    removal = clustered(Clustering.fit(layer.encode_tokens(CORPUS).vectors, 2), 1).for_encoder(layer)
    expected = layer.encode(CORPUS)
    raw.corrected(removal).sentences(CORPUS)
    monkeypatch.setattr(type(layer), "_forward", lambda *_: pytest.fail("encoded twice"))
    np.testing.assert_allclose(raw.sentences(CORPUS), expected, atol=1e-6)


def test_sampled_tokens_are_some_of_all_block_by_block(table, layer, store, monkeypatch):
    monkeypatch.setattr("uncone.encoder.texts.CHARACTERS_PER_BLOCK", 40)
    for encoder in (table, layer):
        whole = encoder.encode_tokens(CORPUS)
        for size in (12, 1000):
            vectors, types = Vectors(encoder, store).sampled_tokens(CORPUS, size, seed=1)
            rows = np.sort(np.random.default_rng(1).permutation(len(whole.types))[:size])
            np.testing.assert_array_equal(types, whole.types[rows])
            np.testing.assert_allclose(vectors, whole.vectors[rows], atol=1e-5)
    with pytest.raises(ValueError, match="nothing to encode"):
        Vectors(table, store).sampled_tokens([], 10, seed=0)
