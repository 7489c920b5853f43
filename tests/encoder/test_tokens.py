"""Token occurrences, the words they make up, and means over a word's occurrences."""

import numpy as np
import pytest
from tiny_models import CORPUS

from uncone.encoder import Encoder
from uncone.encoder.spans import span_tokens, word_occurrence_means, word_spans

WORDS = {
    0: ["the", "cat", "sat", "on", "the", "mat", "."],
    1: ["a", "dog", "barked", "at", "the", "cat", "!"],
    2: ["unbelievable", ",", "the", "dog", "sat"],
}


@pytest.mark.parametrize("layers", ["last", "static"])
def test_tokens_are_aligned_with_types_and_texts(kind, layers, folder_of):
    encoder = Encoder.from_pretrained(str(folder_of(kind)), layers=layers)
    texts = [*CORPUS, CORPUS[0], "dog"]
    tokens = encoder.encode_tokens(texts)
    rows = encoder.tokenize(texts)
    np.testing.assert_array_equal(tokens.types, np.concatenate(rows))
    np.testing.assert_array_equal(tokens.texts, np.repeat(np.arange(5), [len(row) for row in rows]))
    for i, text in enumerate(texts):
        np.testing.assert_allclose(tokens.vectors[tokens.texts == i], encoder.encode_tokens([text]).vectors, atol=1e-5)
    assert (tokens.vectors.dtype, tokens.types.dtype, tokens.texts.dtype) == (np.float32, np.int64, np.int64)


@pytest.mark.parametrize("special_tokens", [False, True])
def test_batches_give_every_layer_apart(kind, special_tokens, folder_of, reference):
    encoder = Encoder.from_pretrained(str(folder_of(kind)), layers=[0, 2], special_tokens=special_tokens)
    seen = []
    types_of, counts = encoder.token_types(CORPUS)
    expected = np.split(types_of, counts.cumsum()[:-1])
    for rows, states, ids, lengths in encoder.token_batches(CORPUS):
        assert list(states) == encoder.layer_indices == [0, 2]
        parts = [x.split(lengths.tolist()) for x in (ids, *states.values())]
        for row, types, *vectors in zip(rows, *parts, strict=True):
            hidden, special, _ = reference(kind, CORPUS[row])
            assert types.tolist() == expected[row].tolist()
            for layer, x in zip((0, 2), vectors, strict=True):
                kept = slice(None) if special_tokens else ~special
                np.testing.assert_allclose(x, hidden[layer][kept], atol=1e-5)
            seen.append(row)
    assert sorted(seen) == [0, 1, 2]
    assert [len(each) for each in encoder.token_types([])] == [0, 0]


def test_reads_what_the_tokenizer_reads(kind, folder_of, caplog):
    """Types, special tokens and truncation are those of the tokenizer's own call, also where a text spells them."""
    encoder = Encoder.from_pretrained(str(folder_of(kind)), max_length=8)
    texts = [*CORPUS, "", " ", "cat", "the [SEP] </s> <s> cat", "naïve 猫 cat", " ".join(["cat"] * 6), "cat " * 40]
    whole = encoder.as_read(texts)
    tokens = encoder.reader.read(texts)
    assert tokens.types.tolist() == [i for row in whole["input_ids"] for i in row]
    assert tokens.special.tolist() == [mark == 1 for row in whole["special_tokens_mask"] for mark in row]
    assert tokens.lengths.tolist() == [len(row) for row in whole["input_ids"]]
    truncated = sum(bool(row.overflowing) for row in whole.encodings)
    assert tokens.truncated == truncated > 0
    assert f"{truncated} of {len(texts)} texts were truncated" in caplog.text


@pytest.mark.parametrize("special_tokens", [False, True])
def test_word_spans_cover_the_tokens_of_each_word(kind, special_tokens, folder_of):
    encoder = Encoder.from_pretrained(str(folder_of(kind)), special_tokens=special_tokens)
    tokens = encoder.encode_tokens(CORPUS)
    for i, spans in enumerate(word_spans(encoder, CORPUS)):
        assert [word.lower() for word, _, _ in spans] == WORDS[i]
        types = tokens.types[tokens.texts == i]
        for word, first, end in spans:
            assert encoder.tokenizer.decode(types[first:end]).strip().lower() == word.lower()


def test_word_spans_of_a_truncated_text_stay_inside_it(folder_of):
    encoder = Encoder.from_pretrained(str(folder_of("bert")), max_length=6)
    text = "the unbelievable cat"
    assert word_spans(encoder, [text]) == [[("the", 0, 1), ("unbelievable", 1, 4)]]
    assert len(encoder.encode_tokens([text]).types) == 4


def test_occurrence_means_against_every_occurrence(kind, folder_of, monkeypatch):
    monkeypatch.setattr("uncone.encoder.texts.CHARACTERS_PER_BLOCK", 50)
    encoder = Encoder.from_pretrained(str(folder_of(kind)), layers=2)
    words = ["the", "Cat", "zebra", "unbelievable", "cat"]
    means, counts = word_occurrence_means(encoder, CORPUS, words, progress=False)
    assert counts.tolist() == [4, 2, 0, 1, 2]
    assert not means[2].any()
    for word, mean in zip(words, means, strict=True):
        found = []
        for text, spans in zip(CORPUS, word_spans(encoder, CORPUS), strict=True):
            vectors = encoder.encode_tokens([text]).vectors
            found += [vectors[first:end].mean(0) for name, first, end in spans if name.lower() == word.lower()]
        if found:
            np.testing.assert_allclose(mean, np.mean(found, 0), atol=1e-5)


@pytest.mark.parametrize("special_tokens", [False, True])
def test_span_tokens_are_those_of_the_word(kind, special_tokens, folder_of):
    encoder = Encoder.from_pretrained(str(folder_of(kind)), special_tokens=special_tokens)
    for text, words in zip(CORPUS, word_spans(encoder, CORPUS), strict=True):
        position, texts, spans = 0, [], []
        for word, _, _ in words:
            position = text.index(word, position)
            texts.append(text)
            spans.append((position, position + len(word)))
        assert span_tokens(encoder, texts, spans).tolist() == [[first, end] for _, first, end in words]
    inside = span_tokens(encoder, ["unbelievable cat"], [(2, 8)])  # a part of a word: the pieces that it touches
    assert span_tokens(encoder, ["unbelievable cat"], [(0, 12)])[0, 0] <= inside[0, 0] < inside[0, 1]


def test_span_tokens_refuses_what_is_cut_off(folder_of):
    encoder = Encoder.from_pretrained(str(folder_of("bert")), max_length=4)
    assert span_tokens(encoder, ["the cat sat"], [(4, 7)]).tolist() == [[1, 2]]
    for span in ((8, 11), (4, 11)):
        with pytest.raises(ValueError, match="lies beyond the first 4 tokens of 'the cat sat': raise"):
            span_tokens(encoder, ["the cat sat"], [span])
    with pytest.raises(ValueError, match="no token covers ' ', characters 3 to 4 of 'the cat'"):
        span_tokens(encoder, ["the cat"], [(3, 4)])
