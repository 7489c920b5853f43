"""Thresholds by the cosines of random pairs: that they hold on other texts, and how sure they are."""

import json

import numpy as np
import pytest
import torch

from uncone.data.corpora import load_texts, split_sentences
from uncone.encoder import Encoder
from uncone.encoder.store import FeatureStore
from uncone.geometry.calibration import RATES, Calibration, read_calibrations, write_calibrations
from uncone.removal import all_but_the_top
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors


def cone(n, seed, d=20):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, d)) * generator.gamma(2, 1, (n, 1)) + 2 * np.eye(d)[0]


def cosines_of(X):
    units = X / np.linalg.norm(X, axis=1, keepdims=True)
    return (units @ units.T)[np.triu_indices(len(X), 1)]


@pytest.fixture(scope="module")
def calibration():
    return Calibration.of(cone(400, 0), "cone")


def test_thresholds_and_percentiles_are_those_of_all_pairs(calibration):
    cosines = cosines_of(cone(400, 0))
    for rate in (0.5, 0.1, *RATES):
        assert np.mean(cosines > calibration.threshold(rate)) == pytest.approx(rate, rel=0.02)
        assert calibration.percentile(calibration.threshold(rate)) == pytest.approx(100 * (1 - rate))
    scores = np.linspace(-0.2, 0.95, 9)
    expected = [100 * np.mean(cosines < score) for score in scores]
    np.testing.assert_allclose(calibration.percentile(scores), expected, atol=0.05)
    assert [calibration.percentile(end) for end in (-1.0, 1.0)] == [0, 100]


def test_torch_and_numpy_agree(calibration):
    other = Calibration.of(torch.tensor(cone(400, 0)))
    np.testing.assert_array_equal(other.cosine, calibration.cosine)


def test_the_standard_error_is_the_spread_over_fresh_texts():
    found = [Calibration.of(cone(200, seed)) for seed in range(60)]
    spread = np.std([[each.threshold(rate) for rate in RATES] for each in found], axis=0)
    told = np.mean([each.errors for each in found], axis=0)
    assert (told > 0.75 * spread).all()
    assert (told < 1.6 * spread).all()
    independent = np.sqrt(0.01 * 0.99 / (200 * 199 / 2))  # of the rate, had no two pairs a text in common
    rates = [np.mean(cosines_of(cone(200, seed + 100)) > found[0].threshold(0.01)) for seed in range(60)]
    assert np.std(rates) > 2 * independent


def test_files_hold_what_was_measured(calibration, tmp_path):
    write_calibrations(tmp_path, {"none": calibration, "centre": Calibration.of(cone(150, 1))})
    found = read_calibrations(tmp_path)
    assert list(found) == ["none", "centre"]
    assert (found["none"].texts, found["none"].corpus) == (400, "cone")
    for rate in RATES:
        assert found["none"].threshold(rate) == pytest.approx(calibration.threshold(rate), abs=1e-5)
    told = json.loads((tmp_path / "calibration.json").read_text())["none"]  # as a reader without uncone does
    score = 0.4
    assert np.interp(score, told["cosine"], told["percent"]) == pytest.approx(calibration.percentile(score), abs=0.01)
    assert told["thresholds"]["0.1%"]["cosine"] == pytest.approx(calibration.threshold(0.001), abs=1e-5)


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: told["none"].pop("cosine"),
        lambda told: told["none"]["cosine"].reverse(),
        lambda told: told["none"]["cosine"].pop(),
        lambda told: told["none"]["thresholds"].clear(),
        lambda told: told.update(none=[]),
        lambda told: told["none"].update(cosine=["x"] * 137),
    ],
)
def test_what_is_no_calibration_is_refused(calibration, tmp_path, damage):
    told = {"none": calibration.to_json()}
    damage(told)
    (tmp_path / "calibration.json").write_text(json.dumps(told))
    with pytest.raises(ValueError, match=r"calibration\.json"):
        read_calibrations(tmp_path)


def test_errors(calibration, tmp_path):
    with pytest.raises(ValueError, match=r"between 0.0001 and 1, got 0$"):
        calibration.threshold(0)
    with pytest.raises(ValueError, match="at least 100 rows, got 99"):
        Calibration.of(cone(99, 0))
    with pytest.raises(ValueError, match="row 7 of X is a zero vector"):
        Calibration.of(np.where(np.arange(120)[:, None] == 7, 0, cone(120, 0)))
    with pytest.raises(ValueError, match=r"calibration\.json"):
        read_calibrations(tmp_path)


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    encoder = Encoder.from_pretrained("minilm", layers="static")
    vectors = Vectors(encoder, FeatureStore(tmp_path_factory.mktemp("store")))
    return {"raw": vectors, "corrected": vectors.corrected(all_but_the_top(Spectrum.fit(encoder.table), D=5))}


def test_equal_texts_count_once_and_what_is_unknown_not_at_all(static):
    texts = [f"the {word} sat" for word in load_texts()[0].split()]
    once = list(dict.fromkeys(texts))
    found = Calibration.sample(static["raw"], [*texts, *texts, ""], "mine")
    assert found.texts == len(once)
    np.testing.assert_array_equal(found.cosine, Calibration.sample(static["raw"], once).cosine)
    with pytest.raises(ValueError, match="different texts or more, mine has 1: name another corpus"):
        Calibration.sample(static["raw"], ["a cat"] * 200, "mine")


@pytest.mark.parametrize("which", ["raw", "corrected"])
def test_thresholds_hold_on_text_held_out(static, which):
    """Sentences of 300 news documents, every other one: 1 % ± .2 of random pairs pass."""
    sentences = [sentence for text in load_texts() for sentence in split_sentences(text)]
    made, held_out = (Calibration.sample(static[which], part) for part in (sentences[::2], sentences[1::2]))
    passing = 100 - held_out.percentile(made.threshold(0.01))
    assert passing == pytest.approx(1, abs=0.2)
    assert 100 - held_out.percentile(made.threshold(0.001)) == pytest.approx(0.1, abs=0.05)
