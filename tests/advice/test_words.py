"""What an advice says in words."""

import re

import pytest

from uncone.advice.conclusion import Choice, Conclusion
from uncone.advice.design import Candidate
from uncone.advice.study import LayerStudy
from uncone.advice.words import by_layers, layer_advice, verdict, warning
from uncone.tasks.row import Row


def gains(layer, removal, words, sentences):
    """Of gains in points."""
    p = {"words": 0.001 if abs(words) > 1 else 0.5, "sentences": 0.001 if abs(sentences) > 1 else 0.5, "both": 0.001}
    of = {"words": words / 100, "sentences": sentences / 100, "both": (words + sentences) / 200}
    figure = {"layers": layer, "removal": removal, "subset": "macro", "metric": "spearman", "value": 0.5}
    return [
        Row(**figure, task=kind, gain=gain, gain_low=gain - 0.01, gain_high=gain + 0.01, p_value=p[kind])
        for kind, gain in of.items()
    ]


def layer(name, outcome):
    return Choice(layer=name, outcome=outcome, final="m(D=1)", choices={})


def which(outcome, final="m(D=1)"):
    return Choice(outcome=outcome, layer="1", final=final, choices={})


def conclusion(layers=(), rows=(), of=None):
    return Conclusion(list(layers), of or which("helped"), "2", list(rows))


def test_the_verdict_says_which_layers_and_what_gains():
    helped, hurt = layer("static", "helped"), layer("1", "hurt")
    rows = [*gains("static", "chosen", 5, 0.2), *gains("1", "chosen", -5, 0.1)]
    told = conclusion([helped, hurt], rows)
    assert verdict("tiny", told) == "On some layers: removal helps tiny on static, and not on 1."
    assert by_layers(told) == (
        "Of what decides, words surely gain on layer static and sentences surely gain on no layer. "
        "Not helped: 1 (a sure loss)."
    )
    assert verdict("tiny", conclusion([helped, helped], rows)) == "Yes: removal helps tiny on every layer studied."
    assert verdict("tiny", conclusion([helped], rows)) == "Yes: removal helps tiny on layer static."
    no = "No: removal does not surely help tiny on any layer studied."
    assert verdict("tiny", conclusion([hurt, hurt], rows)) == no


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (
            which("helped"),
            "Use layer 1 with m.D=1.. .*gains .3.0 .* on words and .4.0 .*; .* alone, .1.0 and .0.5",
        ),
        (which("helped", "none"), "Use layer 1 raw. "),
        (which("not sure"), "Keep raw layer 2. Layer 1 with m.*no sure gain"),
        (which("left alone"), "Keep raw layer 2. Of all"),
    ],
)
def test_the_advice_says_which_layer_to_use(chosen, expected):
    rows = [*gains("chosen", "chosen", 3, 4), *gains("chosen", "layer_alone", 1, 0.5)]
    assert re.match(expected, " ".join(layer_advice(conclusion([], rows, chosen))))


NO_COST = conclusion()
RAW = Candidate("none", {}, {})


def kept(name, task, metric, gain, p):
    rows = [Row(task=task, subset="total", removal="chosen", metric=metric, value=0.5, gain=gain, p_value=p)]
    return LayerStudy(layer=name, candidates=[RAW], final=RAW, rows=rows, not_run=[])


def test_further_tasks_that_lose_are_named():
    layers = [
        kept("static", "google", "accuracy", 0.04, 0.001),
        kept("1", "google", "accuracy", -0.04, 0.001),
        kept("2", "google", "accuracy", -0.04, 0.3),
        kept("3", "other", "uniformity", -0.04, 0.001),  # lower is better
        LayerStudy(layer="4", candidates=[RAW], final=RAW, rows=[], not_run=[]),
    ]
    assert warning(layers, NO_COST).endswith("surely get worse: google on 1 (-4.0).")
    assert warning(layers[2:], NO_COST) is None
