"""Occurrences: what is counted, drawn and streamed is what the encoder gives."""

import re
from itertools import chain

import numpy as np
import pytest
import torch

from uncone.encoder import Encoder
from uncone.geometry.atlas.occurrences import CorpusOccurrences, Drawn, TableOccurrences, kept_types


@pytest.fixture
def everything(tiny):
    return kept_types(tiny, special_tokens=True, punctuation=True, pieces=True)


def test_streams_every_occurrence_in_every_layer(tiny, texts, everything):
    occurrences = CorpusOccurrences(tiny, texts, everything, size=50, pilot_windows=5, seed=0)
    batches = list(chain(occurrences.pilot(), occurrences.rest()))
    types = torch.cat([batch.types for batch in batches])
    assert occurrences.layers == ["0", "1", "2"]
    np.testing.assert_array_equal(torch.bincount(types, minlength=len(everything)), occurrences.counts)
    whole = tiny.encode_tokens(texts)  # the mean over layers
    mean = sum(torch.cat([batch.states[layer] for batch in batches]).double().sum(0) for layer in "012") / 3
    np.testing.assert_allclose(mean, whole.vectors.sum(0, dtype=np.float64), rtol=1e-4, atol=1e-4)


def test_drawn_occurrences_are_where_they_say(tiny, texts, everything):
    occurrences = CorpusOccurrences(tiny, texts, everything, size=50, pilot_windows=5, seed=0)
    drawn = occurrences.drawn
    found = torch.full((50,), -1)
    for batch in chain(occurrences.pilot(), occurrences.rest()):
        rows = batch.slots >= 0
        assert (found[batch.slots[rows]] == -1).all()
        found[batch.slots[rows]] = batch.types[rows]
    np.testing.assert_array_equal(found, drawn.types)
    for text, position, type_id in zip(drawn.texts, drawn.positions, drawn.types, strict=True):
        assert tiny.token_types([occurrences.sentences[text]])[0][position] == type_id
        assert occurrences.sentences[text] == texts[text]


def test_a_repeated_word_is_found_where_it_was_drawn(tiny, everything):
    """Each token is a different place of its text, however often the word recurs; special tokens have none."""
    text = "the cat the cat the unbelievable cat, the"
    occurrences = CorpusOccurrences(tiny, [text], everything, size=50, pilot_windows=1, seed=0)
    spans = occurrences.spans(np.arange(len(occurrences.drawn.codes)))
    assert [text[start:end] for start, end in spans] == re.findall(r"unbelievable|\w+|,", text)
    assert spans == sorted(set(spans))
    tiny.special_tokens = True
    occurrences = CorpusOccurrences(tiny, [text], everything, size=50, pilot_windows=1, seed=0)
    spans = occurrences.spans(np.array([0, 1]))
    assert spans == [(0, 0), (0, 3)]


def test_the_draw_is_uniform_seeded_and_independent_of_blocks():
    codes, types = np.arange(1000), np.arange(1000) % 7

    def draw(seed, block):
        drawn, generator = Drawn(200), np.random.default_rng(seed)
        for start in range(0, 1000, block):
            drawn.add(codes[start : start + block], types[start : start + block], generator)
        return drawn.codes

    np.testing.assert_array_equal(draw(0, 13), draw(0, 500))
    assert not np.array_equal(draw(0, 13), draw(1, 13))
    counts = np.bincount(np.concatenate([draw(seed, 100) for seed in range(200)]), minlength=1000)
    assert abs(counts[:500].mean() - 40) < 1  # each occurrence is drawn in a fifth of 200 draws
    assert 20 < counts.std() ** 2 < 44  # binomial: 32


def test_filters(tiny, texts):
    kept = kept_types(tiny, special_tokens=False, punctuation=False, pieces=False)
    occurrences = CorpusOccurrences(tiny, texts, kept, size=50, pilot_windows=5, seed=0)
    names = {tiny.pieces[i] for i in np.flatnonzero(occurrences.counts)}
    assert "anna" in names
    assert not names & {".", "?", "[CLS]"}
    assert not [name for name in names if name.startswith("##")]


def test_a_corpus_without_tokens_is_refused(tiny):
    with pytest.raises(ValueError, match="none of the 1 windows of the corpus holds a token to measure"):
        CorpusOccurrences(tiny, ["word"], np.zeros(len(tiny.pieces), dtype=bool), size=5, pilot_windows=1, seed=0)


def test_a_table_streams_its_rows_once_without_zero_rows():
    encoder = Encoder.from_pretrained("minilm", layers="static")
    encoder.table[7] = 0
    kept = np.zeros(len(encoder.pieces), dtype=bool)
    kept[:5000] = True
    occurrences = TableOccurrences(encoder, kept, size=100, seed=0)
    types = torch.cat([batch.types for batch in chain(occurrences.pilot(), occurrences.rest())])
    assert types.tolist() == [i for i in range(5000) if i != 7]
    slots = torch.cat([batch.slots for batch in chain(occurrences.pilot(), occurrences.rest())])
    np.testing.assert_array_equal(types[slots >= 0], occurrences.drawn.types)
