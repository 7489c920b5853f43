"""The card says what was measured, in plain words where it does not help."""

import numpy as np
import pytest

from uncone.export.card import Evidence, card, description, shareable
from uncone.geometry.calibration import Calibration, write_calibrations
from uncone.report.figures import cosines_figure
from uncone.tasks import Row

from .conftest import clusters_for, removal_for

SHIFTS = {"none": 2.0, "random": 0.0}


def rows(gain, p_value, removal="learned", task="lee"):
    where = {"encoder": "bert", "layers": "2", "pooling": "mean", "n": 9, "seed": 0}
    use = "sentences" if task == "lee" else "words"
    figure = {**where, "use": use, "task": task, "subset": "all", "metric": "spearman"}
    measures = ("mean_cosine", "log10_isotropy", "isoscore", "lid", "frequency_pc1")
    return [
        Row(**figure, removal="none", value=0.5),
        Row(**figure, removal=removal, value=0.5 + gain, gain=gain, p_holm=p_value),
        *(
            Row(**where, removal=name, task="geometry", subset="2", metric=metric, value=0.25)
            for name in ("none", removal)
            for metric in measures
        ),
    ]


@pytest.mark.parametrize(
    ("gain", "p_value", "words"),
    [
        (
            0.1,
            0.01,
            "(lee +10.0), and nothing surely worse. The mean cosine of the probe goes from 0.25 to 0.25.",
        ),
        (-0.1, 0.01, "**This removal makes the encoder worse on what was measured. Use the raw encoder.**"),
        (0.1, 0.2, "**Nothing that was measured shows that removal helps this encoder.**"),
    ],
)
def test_verdict(gain, p_value, words, encoder_of):
    encoder = encoder_of("bert")
    evidence = Evidence("learned", rows(gain, p_value), "Measured by the run")
    text = card(encoder, removal_for(encoder), evidence, "USAGE", "numpy", {})
    assert words in text
    assert "| none | 50.0 |" in text.replace("**50.0**", "50.0")  # the best value is bold
    assert "| learned | 0.25 | 0.25 | 0.25 | 0.25 | 0.25 |" in text


def test_what_two_random_texts_are_to_each_other_is_told_where_it_is_known():
    X = np.random.default_rng(0).standard_normal((100, 4))
    made = {name: Calibration.of(X + shift, "news") for name, shift in (("none", 4), ("learned", 0))}
    told = Evidence("learned", rows(0.1, 0.01), "Measured by the run").verdict(made)
    raw, corrected = (made[name].threshold(0.5) for name in made)
    assert f"Two random texts of news had a cosine of {raw:.2f}, and have {corrected:.2f}." in told
    drawn = cosines_figure(made, "learned")
    assert [text.get_text().strip() for text in drawn.axes[0].texts] == [
        f"{made[name].threshold(0.01):.2f}" for name in ("none", "learned")
    ]
    assert cosines_figure({"none": made["none"]}, "learned") is None


def test_help_here_and_harm_there():
    evidence = Evidence("learned", [*rows(0.1, 0.01), *rows(-0.1, 0.01, task="google")], "Measured by the run")
    assert "words worse (google -10.0) and sentences better (lee +10.0)" in evidence.verdict({})
    assert "does not help everywhere" in evidence.verdict({})


def test_thresholds_and_their_use(encoder_of, tmp_path):
    """The code in the card runs as it stands."""
    encoder, generator = encoder_of("bert"), np.random.default_rng(0)
    made = {name: Calibration.of(generator.standard_normal((150, 8)) + cone, "mine_*") for name, cone in SHIFTS.items()}
    text = card(encoder, removal_for(encoder), Evidence("random", [], ""), "USAGE", "numpy", made)
    assert f"| random | {made['random'].threshold(0.5):.3f} | {made['random'].threshold(0.01):.3f} ±" in text
    assert "pairs of 150 texts of mine\\_\\*" in text
    write_calibrations(tmp_path, made)
    code = text[text.index("import json") :].partition("```")[0].replace("FOLDER", str(tmp_path))
    told = {"vectors": np.array([[1.0, 0.0], [0.5, 0.5]])}
    exec(code, told)
    assert told["percentile"] == pytest.approx(made["random"].percentile(np.sqrt(0.5)), abs=0.01)
    assert told["is_match"] == (np.sqrt(0.5) > made["random"].threshold(0.001))


def test_what_was_not_measured_is_not_claimed(encoder_of):
    encoder = encoder_of("bert")
    text = card(encoder, clusters_for(encoder, "tokens"), Evidence("clustered", [], ""), "USAGE", "numpy", {})
    assert "was not measured" in text
    assert "no single affine one" in text
    assert "| probe |" not in text


def test_names_cannot_write_markdown(encoder_of, monkeypatch):
    encoder = encoder_of("bert")
    monkeypatch.setattr(encoder, "name", "x\n# Buy | <script>alert(1)</script> [me](http://harm)")
    text = card(encoder, removal_for(encoder), Evidence("none", [], ""), "USAGE", "numpy", {})
    assert "\n# Buy" not in text
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "[me](" not in text.replace("\\[me\\](", "")
    assert '"library": "numpy"' in description(encoder, removal_for(encoder), "numpy")


def test_where_the_pairs_lie_is_not_told(encoder_of):
    encoder = encoder_of("bert")
    trained_on = {"kind": "words", "sets": ["/home/me/secret/mine.tsv", "ws353"], "test_sets": None, "seed": 0}
    removal = removal_for(encoder).with_settings(trained_on=trained_on)
    shared = shareable(removal)
    assert shared.settings["trained_on"] == {**trained_on, "sets": ["mine.tsv", "ws353"]}
    text = card(encoder, removal, Evidence("none", [], ""), "USAGE", "numpy", {}) + description(
        encoder, removal, "numpy"
    )
    assert "secret" not in text
