"""ONNX files: the vectors of the encoder under onnxruntime, at any batch size and length."""

import sys

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from uncone.encoder import Encoder
from uncone.encoder.pooling import POOLINGS
from uncone.export.onnx import Graph, OnnxExporter, feed_of, graph_tokenizer, open_session
from uncone.export.parts import unit
from uncone.removal import reduced

from .conftest import KINDS, TEXTS, assert_same, clusters_for, python_without, removal_for

SLOW = pytest.mark.slow  # tracing a graph takes seconds


@pytest.fixture(scope="module")
def exported(encoder_of, tmp_path_factory):
    """An exported folder, its encoder and removal, by architecture; each graph is traced once."""
    made = {}

    def find(kind):
        if kind not in made:
            encoder = encoder_of(kind, 1)  # tracing a block takes a second
            removal, folder = removal_for(encoder), tmp_path_factory.mktemp(kind)
            exporter = OnnxExporter(normalize=kind == "gpt2", int8=kind == "bert")
            exporter.check(encoder, removal)
            made[kind] = folder, encoder, removal, exporter.write(encoder, removal, folder)
        return made[kind]

    return find


@pytest.mark.parametrize(
    "kind", ["bert", "roberta", "gpt2", *(pytest.param(x, marks=SLOW) for x in ("distilbert", "mpnet"))]
)
def test_vectors_are_those_of_the_encoder(kind, exported):
    folder, encoder, removal, _ = exported(kind)
    tokenizer, session = Tokenizer.from_file(str(folder / "tokenizer.json")), open_session(folder / "model.onnx")
    expected = removal.apply(encoder.encode(TEXTS))
    expected = unit(expected) if kind == "gpt2" else expected
    assert_same(session.run(None, feed_of(tokenizer, TEXTS, special=True))[0], expected)
    for i, text in enumerate(TEXTS):
        assert_same(session.run(None, feed_of(tokenizer, [text], special=True))[0], expected[i : i + 1])
    many = feed_of(tokenizer, TEXTS * 20, special=True)
    assert_same(session.run(None, many)[0], np.tile(expected, (20, 1)))


def test_fewer_dimensions(encoder_of):
    """The graph before it is traced, which ends in the folded matrix."""
    encoder = encoder_of("bert", 1)
    removal = removal_for(encoder)  # keeps all dimensions but one
    short = reduced(removal, encoder.dimension - 1)
    OnnxExporter().check(encoder, short)
    graph, feed = Graph(encoder, short, normalize=False), feed_of(graph_tokenizer(encoder), TEXTS, special=True)
    assert_same(graph(*map(torch.from_numpy, feed.values())).numpy(), short.apply(encoder.encode(TEXTS)))


def test_padding_does_not_matter(exported):
    folder, encoder, removal, _ = exported("roberta")
    tokenizer, session = Tokenizer.from_file(str(folder / "tokenizer.json")), open_session(folder / "model.onnx")
    feed = feed_of(tokenizer, TEXTS[:1], special=True)
    padding = [(0, 0), (0, 30)]
    padded = {
        "input_ids": np.pad(feed["input_ids"], padding, constant_values=encoder.tokenizer.pad_token_id),
        "attention_mask": np.pad(feed["attention_mask"], padding),
    }
    assert_same(session.run(None, padded)[0], removal.apply(encoder.encode(TEXTS[:1])))


def test_eight_bits_are_measured(exported):
    folder, _, _, usage = exported("bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    feed = feed_of(tokenizer, TEXTS, special=True)
    whole, small = (unit(open_session(folder / f"model{x}.onnx").run(None, feed)[0]) for x in ("", "_int8"))
    cosine = (whole * small).sum(1)
    assert 0.99 < cosine.min() < 0.999999
    stated = float(usage.split("is ")[-1].split(" on average")[0])
    assert stated == pytest.approx(cosine.mean(), abs=0.005)
    assert "times as fast on the machine that exported it" in usage


def test_onnxruntime_and_tokenizers_are_enough(exported, tmp_path):
    folder, encoder, removal, usage = exported("bert")
    code = usage.split("```python\n")[1].split("```")[0].replace("FOLDER", str(folder))
    code = code.replace('["a narrow cone", "an open field"]', repr(TEXTS))
    python_without(
        ["uncone", "torch", "transformers", "sentence_transformers"],
        f"{code}\nnp.save({str(tmp_path / 'vectors.npy')!r}, vectors)",
    )
    assert_same(np.load(tmp_path / "vectors.npy"), removal.apply(encoder.encode(TEXTS)))


def test_a_static_table(encoder_of, tmp_path):
    encoder = encoder_of("bert", "static", pooling="max")
    removal = removal_for(encoder)
    usage = OnnxExporter().write(encoder, removal, tmp_path)
    assert "add_special_tokens=False" in usage
    tokenizer, session = Tokenizer.from_file(str(tmp_path / "tokenizer.json")), open_session(tmp_path / "model.onnx")
    expected = removal.apply(encoder.encode(TEXTS))
    assert_same(session.run(None, feed_of(tokenizer, TEXTS, special=False))[0], expected)


@pytest.mark.parametrize("special_tokens", [False, True])
@pytest.mark.parametrize(
    ("layers", "pooling"), [*((2, name) for name in POOLINGS if name not in ("idf", "sif")), ([0, 3], "mean")]
)
def test_every_pooling_of_padded_tokens_is_that_of_ragged_ones(pooling, layers, special_tokens, encoder_of):
    for kind in KINDS:
        if kind == "gpt2" and pooling == "cls":
            continue
        encoder = encoder_of(kind, layers, pooling=pooling, special_tokens=special_tokens)
        removal = removal_for(encoder)
        feed = feed_of(graph_tokenizer(encoder), TEXTS, special=True)
        found = Graph(encoder, removal, normalize=False)(*(torch.from_numpy(part) for part in feed.values()))
        assert_same(found.numpy(), removal.apply(encoder.encode(TEXTS)))


def test_weighted_pooling(encoder_of):
    encoder = encoder_of("bert", pooling="idf")
    removal = removal_for(encoder)
    feed = feed_of(graph_tokenizer(encoder), TEXTS, special=True)
    found = Graph(encoder, removal, normalize=True)(*(torch.from_numpy(part) for part in feed.values()))
    assert_same(found.numpy(), unit(removal.apply(encoder.encode(TEXTS))))


def test_a_missing_package_is_named(encoder_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder = encoder_of("bert")
    with pytest.raises(ValueError, match=r"format=onnx needs onnxruntime: pip install 'uncone\[onnx\]'"):
        OnnxExporter().check(encoder, removal_for(encoder))


def test_what_has_no_graph_is_refused(encoder_of):
    encoder = encoder_of("bert")
    with pytest.raises(ValueError, match="ONNX takes one affine map, and this is clustered"):
        OnnxExporter().check(encoder, clusters_for(encoder, "texts"))
    words = Encoder.from_word_vectors("glove", limit=100)
    with pytest.raises(ValueError, match="without a tokenizer that could travel along"):
        OnnxExporter().check(words, removal_for(words))
