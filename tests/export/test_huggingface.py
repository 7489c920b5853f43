"""Folders for transformers: what their cards say gives the vectors of the encoder."""

import numpy as np
import pytest

from uncone.encoder import Encoder
from uncone.export.huggingface import HuggingFaceExporter

from .conftest import TEXTS, assert_same, clusters_for, removal_for


def run_usage(usage, folder, texts):
    """What the code of a card computes."""
    code = usage.split("```python\n")[1].split("```")[0].replace("FOLDER", str(folder))
    code = code.replace('["a narrow cone", "an open field"]', repr(texts)).replace('"a narrow cone"', repr(texts[0]))
    names = {}
    exec(code, names)
    return names


@pytest.mark.parametrize(
    ("layers", "options"),
    [
        (2, {}),
        (3, {"special_tokens": True}),
        ([1, 3], {"pooling": "max"}),
        (0, {"pooling": "sum"}),
        (2, {"pooling": "first"}),
        (2, {"pooling": "last"}),
    ],
)
def test_the_code_of_the_card_gives_the_vectors(kind, layers, options, encoder_of, tmp_path):
    encoder = encoder_of(kind, layers, **options)
    removal, exporter = removal_for(encoder), HuggingFaceExporter()
    exporter.check(encoder, removal)
    names = run_usage(exporter.write(encoder, removal, tmp_path), tmp_path, TEXTS)
    assert_same(names["vectors"].numpy(), removal.apply(encoder.encode(TEXTS)))


def test_classification_token(encoder_of, tmp_path):
    encoder = encoder_of("bert", pooling="cls")
    removal = removal_for(encoder)
    names = run_usage(HuggingFaceExporter().write(encoder, removal, tmp_path), tmp_path, TEXTS)
    assert_same(names["vectors"].numpy(), removal.apply(encoder.encode(TEXTS)))


def test_a_static_table_is_its_corrected_rows(encoder_of, tmp_path):
    encoder = encoder_of("roberta", "static")
    removal = removal_for(encoder)
    names = run_usage(HuggingFaceExporter().write(encoder, removal, tmp_path), tmp_path, TEXTS)
    assert_same(names["vector"].numpy(), removal.apply(encoder.encode(TEXTS[:1])))
    np.testing.assert_allclose(names["embeddings"].weight, removal.apply(encoder.table), atol=1e-6)


def test_what_has_no_place_in_it_is_refused(encoder_of, monkeypatch):
    exporter, encoder = HuggingFaceExporter(), encoder_of("bert")
    with pytest.raises(ValueError, match="format=huggingface takes one affine map"):
        exporter.check(encoder, clusters_for(encoder, "tokens"))
    monkeypatch.setattr(encoder, "pooling", "idf")
    with pytest.raises(ValueError, match="the weights of idf pooling have no place"):
        exporter.check(encoder, removal_for(encoder))
    words = Encoder.from_word_vectors("glove", limit=100)
    with pytest.raises(ValueError, match="not a model of transformers"):
        exporter.check(words, removal_for(words))
