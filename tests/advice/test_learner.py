"""Learned all along the way: what is scored is what would be handed out."""

import numpy as np
import pytest

from uncone.advice.choice import Design
from uncone.advice.layer import cosines
from uncone.advice.learner import Learner, LearnerSettings
from uncone.encoder.store import FeatureStore
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors

from .planted import pairs_of, table_encoder


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    encoder = table_encoder(3.0)
    vectors = Vectors(encoder, FeatureStore(tmp_path_factory.mktemp("store")))
    design = Design(*pairs_of(encoder), folds=3, divisions=1, seed=0)
    texts = list(design.sentences.text1)
    settings = LearnerSettings([2, None, 99], [True, False], 2, [1, 5], [0.5, 2], 1.0, 0.05, 0.1, 0.05, 8, 0)
    learner = Learner(vectors, design, Spectrum.fit(encoder.table), (texts[:30], texts[30:60]), settings)
    return vectors, design, learner


def test_settings_are_every_component_count_within_the_rank(scene):
    settings = scene[2].settings
    assert settings[0] == "D=2, pull=0.5, steps=1, centred"
    assert settings[-1] == "D=24, pull=2, steps=5, not centred"
    assert len(settings) == len(set(settings)) == 16


def test_the_removal_of_a_setting_gives_the_cosines_that_were_scored(scene):
    vectors, design, learner = scene
    words, sentences = learner.cosines(np.arange(len(design.words)))
    for i in (0, 3, 6, 13):
        removal = learner.removal(i).for_encoder(vectors.encoder)
        for key in ("D", "steps"):
            assert f"{key}={removal.settings[key]}," in learner.settings[i]
        of_words, of_sentences = cosines(vectors, removal, design)
        np.testing.assert_allclose(words[i], of_words, atol=1e-5)
        np.testing.assert_allclose(sentences[i], of_sentences, atol=1e-5)


def test_pairs_left_out_make_no_difference(scene):
    """A fit is the same whatever the scores of pairs that it does not learn from."""
    _, design, learner = scene
    among = np.flatnonzero(design.folds.training(0))
    before = learner.cosines(among)
    track = learner._tracks[0]
    spoilt = track.words.score.clone()
    spoilt[design.folds.fold == 0] = 0.123
    learner._tracks = [each._replace(words=each.words._replace(score=spoilt)) for each in learner._tracks]
    after = learner.cosines(among)
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    learner._tracks = [each._replace(words=each.words._replace(score=track.words.score)) for each in learner._tracks]
