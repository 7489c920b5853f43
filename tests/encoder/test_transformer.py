"""Contextual layers: batches, poolings, special tokens, duplicates, bad input, dtypes, devices."""

import logging
from functools import partial

import numpy as np
import pytest
import torch
from tiny_models import CORPUS, POSITIONS, word_piece_tokenizer
from transformers import BloomConfig, BloomModel

from uncone.encoder import Encoder, TransformerEncoder
from uncone.encoder.frequency import piece_probabilities
from uncone.encoder.pooling import POOLINGS, token_weights

TEXTS = ["the cat", "dog", "the dog barked at the mat", "a cat sat on the unbelievable mat, the dog barked!", "on"]


FEW = partial(piece_probabilities, words=2000)


@pytest.fixture
def load(folder_of):
    def encoder(kind="bert", **options) -> TransformerEncoder:
        return Encoder.from_pretrained(str(folder_of(kind)), **options)

    return encoder


@pytest.fixture
def count_tokens(monkeypatch):
    """Record the shape of every batch that reaches the model."""
    shapes = []
    original = TransformerEncoder._forward

    def forward(self, types, lengths, wanted):
        shapes.append(lengths.tolist())
        return original(self, types, lengths, wanted)

    monkeypatch.setattr(TransformerEncoder, "_forward", forward)
    return shapes


def test_ragged_batches_equal_one_text_at_a_time(kind, load):
    encoder = load(kind, layers="first_last")
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-5)
    encoder.batching.token_budget = 20
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-5)


def by_hand(states, pooling, weights):
    if pooling == "weightedmean":
        weights = torch.arange(1.0, len(states) + 1)
    w = torch.ones(len(states)) if weights is None else weights
    return {
        "sum": lambda: states.sum(0),
        "max": lambda: states.max(0).values,
        "first": lambda: states[0],
        "cls": lambda: states[0],
        "last": lambda: states[-1],
    }.get(pooling, lambda: (w[:, None] * states).sum(0) / w.sum())()


@pytest.mark.parametrize("special_tokens", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings_against_the_definition(pooling, special_tokens, load, reference):
    encoder = load(pooling=pooling, special_tokens=special_tokens)
    vectors = encoder.encode(CORPUS)
    for vector, text in zip(vectors, CORPUS, strict=True):
        hidden, special, ids = reference("bert", text)
        kept = torch.ones_like(special) if special_tokens or pooling == "cls" else ~special
        weights = None if encoder.weights is None else encoder.weights[ids[kept]]
        np.testing.assert_allclose(vector, by_hand(hidden[-1][kept], pooling, weights), atol=1e-5)


@pytest.fixture(autouse=True)
def few_words(monkeypatch):
    """Take piece probabilities from few words: cutting 100 000 takes seconds."""
    monkeypatch.setattr("uncone.encoder.frequency.piece_probabilities", FEW)


@pytest.mark.parametrize("pooling", ["idf", "sif"])
def test_weights_are_those_of_english_pieces(pooling, load):
    encoder = load(pooling=pooling)
    np.testing.assert_array_equal(encoder.weights, token_weights(pooling, FEW(encoder)))
    assert encoder.weights[encoder.pieces.index("the")] < encoder.weights[encoder.pieces.index("cat")]


def test_cls_needs_a_classification_token(load):
    with pytest.raises(ValueError, match=r"gpt2\S* has no classification token for pooling 'cls': choose 'last'"):
        load("gpt2", pooling="cls")


def test_duplicates_are_encoded_once_and_order_is_kept(load, count_tokens):
    encoder = load()
    repeated = ["dog", *TEXTS, "dog", *reversed(TEXTS)]
    vectors = encoder.encode(repeated)
    assert sorted(n for shape in count_tokens for n in shape) == sorted(len(i) + 2 for i in encoder.tokenize(TEXTS))
    np.testing.assert_allclose(vectors, np.concatenate([encoder.encode([text]) for text in repeated]), atol=1e-5)


def test_batches_of_one_length_see_no_attention_mask(load):
    encoder = load()
    masks = []
    encoder.states.register_forward_hook(lambda _, inputs, __: masks.append(inputs[1]))
    encoder.encode(["cat", "dog"])
    encoder.encode(["cat", "the dog"])
    assert masks[0] is None
    assert masks[1].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_special_tokens_come_only_when_asked_for(load):
    ids = load().encode_tokens(["the cat"]).types
    with_special = load(special_tokens=True).encode_tokens(["the cat"]).types
    np.testing.assert_array_equal(with_special[1:-1], ids)
    assert with_special[[0, -1]].tolist() == [2, 3]
    np.testing.assert_array_equal(load(pooling="cls").encode_tokens(["the cat"]).types, ids)


def test_long_texts_are_truncated_with_a_warning(kind, load, caplog):
    encoder = load(kind, special_tokens=True)
    assert encoder.max_length == POSITIONS
    exact = " the" * (POSITIONS - len(encoder.encode_tokens([" the"]).types) + 1)
    with caplog.at_level(logging.WARNING):
        assert len(encoder.encode_tokens([exact]).types) == POSITIONS
        assert not caplog.records
        assert len(encoder.encode_tokens([exact + " the", "cat"]).types) > POSITIONS
    assert caplog.messages == [f"1 of 2 texts were truncated to {POSITIONS} tokens"]
    assert load(kind, max_length=7).max_length == 7


@pytest.mark.parametrize("stated", [None, -1, 10**30])
def test_a_limit_that_is_none_cuts_nothing_off(stated):
    model, tokenizer = (
        BloomModel(BloomConfig(vocab_size=200, hidden_size=16, n_layer=1, n_head=2)),
        word_piece_tokenizer(),
    )
    model.config.max_position_embeddings, tokenizer.model_max_length = stated, stated or 10**30
    encoder = TransformerEncoder(model, tokenizer, "bloom", "")
    assert len(encoder.encode_tokens(["the cat " * 1000], progress=False).types) == 2000


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "the list of texts is empty"),
        ("the cat", "expected a list of texts, got the one text 'the cat'"),
        (["the cat", ""], "no known token in ''"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"special_tokens": True}, {"layers": "static"}], ids=str)
def test_texts_without_content_are_named(options, texts, message, load):
    encoder = load(**options)
    with pytest.raises(ValueError, match=message):
        encoder.encode(texts)
    with pytest.raises(ValueError, match=message):
        encoder.encode_tokens(texts)


def test_texts_of_unknown_pieces_are_read_by_a_model_and_refused_by_a_table(load, reference, caplog):
    (vector,) = load(special_tokens=False).encode(["日本 語"])
    hidden, special, _ = reference("bert", "日本 語")
    np.testing.assert_allclose(vector, hidden[-1][~special].mean(0), atol=1e-5)
    assert caplog.messages == ["1 of 1 texts are made of unknown pieces only"]
    with pytest.raises(ValueError, match="no known token in '日本 語'"):
        load(layers="static").encode(["the cat", "日本 語"])
    for layers in ("last", "static"):
        encoder = load(layers=layers)
        assert encoder.pieces.index("[UNK]") in encoder.encode_tokens(["日本 語"]).types


@pytest.mark.parametrize("layers", ["last", "static"])
def test_known_words(layers, load):
    assert load(layers=layers).known(["cat", "日本", "cat日"]).tolist() == [True, False, True]
    assert load("gpt2", layers=layers).known(["cat", "日本"]).tolist() == [True, True]
    assert load(layers=layers).known([]).shape == (0,)


def test_words_alone_are_cut_as_inside_a_sentence(load):
    encoder = load("gpt2")
    assert encoder.tokenize(encoder.as_words(["cat"]))[0] == encoder.tokenize(["the cat"])[0][1:]
    assert load("bert").as_words(["cat"]) == ["cat"]


def test_a_frozen_encoder_stays_frozen(kind, load):
    encoder = torch.nn.Sequential(load(kind)).train()[0]
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("layers", ["last", "static"])
def test_half_precision_gives_float32_vectors_nearby(layers, dtype, load):
    half, full = load(layers=layers, dtype=dtype), load(layers=layers)
    assert half.settings != full.settings
    assert half.identity == full.identity
    for a, b in (
        (half.encode(TEXTS), full.encode(TEXTS)),
        (half.encode_tokens(TEXTS).vectors, full.encode_tokens(TEXTS).vectors),
    ):
        assert a.dtype == b.dtype == np.float32
        assert 0 < np.abs(a - b).max() < 0.1


def test_settings_name_all_that_changes_vectors(load):
    choices = [
        {},
        {"layers": 1},
        {"pooling": "sum"},
        {"special_tokens": True},
        {"max_length": 9},
        {"dtype": "bfloat16"},
    ]
    assert len({str(load(**options).settings) for options in choices}) == len(choices)
    assert load(token_budget=7).settings == load().settings


@pytest.mark.parametrize("kind", ["bert", "distilbert", "electra", "roberta", "mpnet"])  # GPT-2 itself looks at values
def test_all_tensors_of_a_batch_reach_the_device(kind, load):
    """On the meta device only shapes are known: a tensor left behind, or a look at a value, is an error."""
    encoder = load(kind).to("meta")
    types, wanted = torch.tensor([5, 6, 7, 5, 6, 8]), torch.tensor([False, True, True, True, False, False])
    states, ids, lengths = encoder._forward(types, torch.tensor([3, 3]), wanted)
    assert {x.shape for x in states.values()} == {(3, encoder.dimension)}
    assert {x.device.type for x in (*states.values(), ids, lengths)} == {"meta"}


def test_a_device_without_memory_gets_smaller_batches(load, monkeypatch, caplog):
    encoder = load(layers="first_last", token_budget=64)
    expected, tokens = encoder.encode(TEXTS), encoder.encode_tokens(TEXTS)
    forward = TransformerEncoder._forward

    def short_of_memory(self, types, lengths, wanted):
        if len(lengths) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, types, lengths, wanted)

    monkeypatch.setattr(TransformerEncoder, "_forward", short_of_memory)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
    assert "goes on with" in caplog.text
    np.testing.assert_allclose(encoder.encode_tokens(TEXTS).vectors, tokens.vectors, atol=1e-5)


def test_precision_tells_numbers_and_device(load):
    assert load().precision == "float32 on cpu"
    assert load(dtype="bfloat16").to("meta").precision == "bfloat16 on meta"
    assert load(layers="static", dtype="float16").precision == "float16 on cpu"
    assert Encoder.from_vectors(np.eye(3, dtype=np.float32)).precision == "float32 on cpu"
