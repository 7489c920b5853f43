"""Texts are read in portions, ahead of the model, and give the vectors that they give alone."""

import numpy as np
import pytest

from uncone.encoder import Encoder
from uncone.encoder.reading import ahead

TEXTS = ["a cat", "the dog barked", "a cat sat on the mat", "dog", "the cat", "a dog sat on the cat, the mat barked"]


@pytest.fixture
def encoder(folder_of, monkeypatch):
    monkeypatch.setattr("uncone.encoder.reading.PORTION", 60)
    return Encoder.from_pretrained(str(folder_of("bert")), max_length=8)


@pytest.mark.parametrize("in_thread", [False, True])
def test_portions_hold_every_text_once_and_the_longest_first(encoder, in_thread):
    portions = list(encoder.reader.portions(TEXTS, "", in_thread))
    assert [rows for rows, _ in portions] == [[5, 2], [1, 4, 0, 3]]
    assert [len(tokens.lengths) for _, tokens in portions] == [2, 4]


def test_vectors_of_portions_stand_in_the_order_of_the_texts(encoder):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode([*TEXTS, TEXTS[1]]), [*alone, alone[1]], atol=1e-5)


def test_what_is_said_of_texts_is_said_once_of_all(encoder, caplog):
    encoder.encode([*(f"{text} {'cat ' * 9}" for text in TEXTS), "猫", "猫猫", "猫猫猫"])
    assert [record.getMessage() for record in caplog.records] == [
        "6 of 9 texts were truncated to 8 tokens",
        "3 of 9 texts are made of unknown pieces only",
    ]


def test_an_empty_text_is_found_before_the_model_reads_any(encoder, monkeypatch):
    monkeypatch.setattr(type(encoder), "_forward", lambda *_: pytest.fail("the model has read"))
    with pytest.raises(ValueError, match="no known token in ' '"):
        encoder.encode([*TEXTS, " "])


def test_an_error_of_the_thread_is_raised_where_its_item_is_asked_for():
    def items():
        yield 1
        raise ValueError("the second")

    seen = []
    with pytest.raises(ValueError, match="the second"):
        seen.extend(ahead(items()))
    assert seen == [1]
    assert list(ahead([])) == []
