"""A survey, streamed, equals measures made on all vectors at once; removals are applied on the way."""

import numpy as np
import pytest
import torch

from uncone.encoder import TransformerEncoder
from uncone.geometry import effective_dimension, isoscore, mean_cosine, participation_ratio, s_intra
from uncone.geometry.atlas.occurrences import CorpusOccurrences, kept_types
from uncone.geometry.atlas.sampled import SampledSettings
from uncone.geometry.atlas.survey import survey
from uncone.geometry.atlas.views import view_points, view_sample, word_groups
from uncone.removal import all_but_the_top, clustered, none
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

SETTINGS = SampledSettings(neighbours=5, queries=50, clusters=(2, 3), cluster_points=100, resamples=20)


def run(encoder, texts, make=lambda layer, points: {"none": none(16)}, pilot_windows=1000, scratch=None):
    kept = kept_types(encoder, special_tokens=False, punctuation=True, pieces=True)
    occurrences = CorpusOccurrences(encoder, texts, kept, size=300, pilot_windows=pilot_windows, seed=0)
    frequency = np.log10(np.maximum(occurrences.counts, 1) / occurrences.counts.sum())
    shown = view_points(occurrences.drawn.types, [], seed=0, size=40)

    def progress(batches, total):
        for batch in batches:
            assert scratch is None or list(scratch.glob("*/2"))  # the sample of that layer
            yield batch

    maps = survey(occurrences, make, frequency, shown, SETTINGS, progress, scratch)
    return occurrences, shown, frequency, list(maps)


@pytest.fixture
def layer_2(tiny_folder, tokenizer):
    from transformers import BertModel

    return TransformerEncoder(BertModel.from_pretrained(tiny_folder), tokenizer, "tiny", "0", layers=2)


def test_equals_measures_of_all_vectors(tiny, layer_2, texts):
    *_, maps = run(tiny, texts)
    whole = layer_2.encode_tokens(texts)
    X, types = torch.from_numpy(whole.vectors), torch.from_numpy(whole.types)
    assert [m.layer for m in maps] == ["0", "1", "2"]
    values = {name: estimate.value for name, estimate in maps[2].measures.items()}
    assert maps[2].measures["mean_cosine"].n == len(X)
    expected = {
        "s_intra": s_intra(X, types),
        "mean_cosine": mean_cosine(X),
        "norm_mean": float(X.norm(dim=1).mean()),
        "isoscore": isoscore(X),
        "participation_ratio": participation_ratio(X),
        "effective_dimension": effective_dimension(X),
        "s_intra_centred": s_intra(X - X.mean(0), types),
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-4)


def test_removals_are_applied_on_the_way(tiny, layer_2, texts):
    def make(layer, points):
        return {"none": none(16), "top": all_but_the_top(Spectrum.fit(points), D=2)}

    *_, maps = run(tiny, texts, make)
    assert [(m.layer, m.removal) for m in maps[:2]] == [("0", "none"), ("0", "top")]
    top = maps[-1]
    X = torch.from_numpy(layer_2.encode_tokens(texts).vectors)
    corrected = all_but_the_top(Spectrum.fit(X), D=2).apply(X)
    assert top.measures["mean_cosine"].value == pytest.approx(mean_cosine(corrected), abs=1e-4)
    assert top.measures["s_inter"].value == pytest.approx(top.measures["s_inter_centred"].value, abs=1e-4)
    assert top.curves["weights"] == [1.0, 1.0]
    assert maps[-2].curves["weights"] is None


def test_a_removal_by_clusters_is_applied_too(tiny, layer_2, texts):
    """It is no affine map, so that its sums are not those of the raw vectors moved."""
    removals = {}

    def make(layer, points):
        removals[layer] = clustered(Clustering.fit(points, k=3), D=1)
        return {"clustered": removals[layer]}

    *_, maps = run(tiny, texts, make)
    corrected = removals["2"].apply(torch.from_numpy(layer_2.encode_tokens(texts).vectors))
    assert maps[2].measures["mean_cosine"].value == pytest.approx(mean_cosine(corrected), abs=1e-4)
    assert maps[2].measures["isoscore"].value == pytest.approx(isoscore(corrected), abs=1e-4)
    assert maps[2].curves["weights"] is None


def test_views_show_tokens_in_their_sentences(tiny, texts):
    occurrences, _, frequency, _ = run(tiny, texts)
    words = [["Anna", "bob"], ["sea"]]
    groups = word_groups(tiny.pieces, words)
    shown = view_points(occurrences.drawn.types, groups, seed=0, size=100)
    sample = view_sample(occurrences, shown, tiny.pieces, frequency, words, groups)
    assert len(sample) == 100
    assert {token for token, group in zip(sample.token, sample.group, strict=True) if group == 0} == {"anna", "bob"}
    for token, sentence, (start, end) in zip(sample.token, sample.sentence, sample.span, strict=True):
        assert sample.sentences[sentence][start:end].lower() == token.removeprefix("##")


def test_points_are_principal_components(tiny, texts):
    _, shown, _, maps = run(tiny, texts)
    points = np.array(maps[1].points)
    assert points.shape == (len(shown), 3)
    assert (np.diff(points.var(0)) < 0).all()
    assert len(maps[1].curves["cluster"]) == len(shown)


def test_two_surveys_are_identical_and_leave_nothing_behind(tiny, texts, tmp_path):
    first, second = (run(tiny, texts, scratch=tmp_path)[-1] for _ in range(2))
    assert not list(tmp_path.iterdir())
    for a, b in zip(first, second, strict=True):
        assert a.measures == b.measures
        np.testing.assert_array_equal(a.points, b.points)


@pytest.mark.parametrize("pilot_windows", [1, 7, 1000])
def test_every_text_passes_through_the_encoder_once(tiny, texts, pilot_windows, monkeypatch):
    encoded = []
    forward = tiny._forward
    monkeypatch.setattr(
        tiny, "_forward", lambda types, lengths, wanted: encoded.extend(lengths) or forward(types, lengths, wanted)
    )
    *_, maps = run(tiny, texts, pilot_windows=pilot_windows)
    assert len(encoded) == len(texts)
    assert maps[0].measures["mean_cosine"].n == sum(int(length) - 2 for length in encoded)
