"""A study of planted truths: a cone that hides the meaning of words, and none."""

import pytest

from uncone.advice.choice import RAW, Design
from uncone.advice.conclusion import conclude
from uncone.advice.kept import FinishedLayer, find, keep
from uncone.advice.layer import study_layer
from uncone.advice.learner import Learner, LearnerSettings
from uncone.encoder.store import FeatureStore
from uncone.removal import all_but_the_top, centre, none, whitening
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors

from .planted import pairs_of, table_encoder

LEARNING = LearnerSettings([1, None], [True, False], 4, [3, 10], [0.1], 10.0, 0.1, 0.0, 0.05, 16, 0)


def studied(cone, tmp_path, learning=None):
    encoder = table_encoder(cone)
    vectors = Vectors(encoder, FeatureStore(tmp_path))
    design = Design(*pairs_of(encoder), folds=4, divisions=2, seed=0)
    spectra = Spectra(lambda: encoder.table)
    removals = {RAW: [none(encoder.dimension)]}
    if learning is None:
        removals |= {
            "centre": [centre(spectra.uniform)],
            "all_but_the_top": [all_but_the_top(spectra.uniform, D) for D in (1, 3)],
            "whitening": [whitening(spectra.uniform, 8)],
        }
    texts = list(design.sentences.text1)
    learner = learning and Learner(vectors, design, spectra.uniform, (texts[:20], texts[20:40]), learning)
    return design, study_layer(vectors, design, removals, learner)


def concluded(cone, tmp_path, learning=None):
    design, study = studied(cone, tmp_path, learning)
    kept = FinishedLayer(study.layer, study.candidates, study.final, study.removal.describe(), {}, [], [])
    return conclude(design, [kept], resamples=1000, seed=0)


@pytest.mark.parametrize("learning", [None, LEARNING], ids=["fixed", "learned"])
def test_a_cone_is_opened(tmp_path, learning):
    conclusion = concluded(4.0, tmp_path, learning)
    assert conclusion.answer == "yes"
    layer = conclusion.layers[0]
    assert all(layer.chosen[kind].gain.low > 0.1 for kind in ("words", "sentences", "both"))
    assert layer.final[0] == ("all_but_the_top" if learning is None else "learned")
    assert conclusion.which.outcome == "helped"
    assert layer.raw["words"].value < 0.6 < layer.chosen["words"].value


@pytest.mark.parametrize("learning", [None, LEARNING], ids=["fixed", "learned"])
def test_what_has_no_cone_is_left_alone(tmp_path, learning):
    conclusion = concluded(0.0, tmp_path, learning)
    assert conclusion.answer == "no"
    assert conclusion.layers[0].outcome != "helped"
    assert conclusion.which.outcome != "helped"
    if learning is None:  # each method alone: whitening to 8 of 24 dimensions throws meaning away, and is caught
        whitened = conclusion.layers[0].methods["whitening"]
        assert whitened.effects["words"].loses
        assert whitened.effects["sentences"].loses
        assert whitened.p_holm < 0.05


def test_the_removal_handed_out_is_the_one_that_all_pairs_choose(tmp_path):
    design, study = studied(4.0, tmp_path)
    chosen = study.candidates[study.final]
    assert f"D={study.removal.settings['D']}" in chosen.settings
    assert design.scores(study.candidates).best(raw=0) == study.final


def test_a_layer_is_kept_and_found_again(tmp_path):
    _, study = studied(4.0, tmp_path / "store")
    folder = tmp_path / "layers" / "words"
    measured = {"geometry": {"none": {"lid": 1.0}}, "rows": [], "not_run": []}
    keep(folder, "digest", study, **measured)
    kept = find(folder, "digest")
    assert (kept.layer, kept.final, kept.geometry) == ("words", study.final, measured["geometry"])
    for ours, theirs in zip(kept.candidates, study.candidates, strict=True):
        assert (ours.words == theirs.words).all()
        assert (ours.sentences == theirs.sentences).all()
    assert find(folder, "another study") is None
    assert find(tmp_path / "nowhere", "digest") is None
    (folder / "cosines.safetensors").write_bytes(b"damaged")
    assert find(folder, "digest") is None
    keep(folder, "digest", study, **measured)
    assert find(folder, "digest") is not None
