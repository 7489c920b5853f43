"""What an advice says in words."""

import re

import pytest

from uncone.advice.conclusion import Conclusion, LayerChoice, LayerConclusion
from uncone.advice.effects import Effect
from uncone.advice.kept import FinishedLayer
from uncone.advice.words import layer_advice, verdict, warning
from uncone.tasks import Row
from uncone.tasks.statistics import Difference


def effects(words, sentences):
    """Of gains in points."""
    return {
        kind: Effect(0.5, 0.4, 0.6, Difference(gain / 100, gain / 100 - 0.01, gain / 100 + 0.01, p), {}, 100)
        for kind, gain, p in (
            ("words", words, 0.001 if abs(words) > 1 else 0.5),
            ("sentences", sentences, 0.001 if abs(sentences) > 1 else 0.5),
            ("both", (words + sentences) / 2, 0.001),
        )
    }


def layer(name, outcome, words, sentences):
    found = effects(words, sentences)
    return LayerConclusion(name, outcome, ("m", "D=1"), "m", {}, found, found, 0.01, {}, {})


def which(outcome, final=("m", "D=1")):
    return LayerChoice(outcome, "1", final, "2", effects(3, 4), effects(1, 0.5), {})


def conclusion(answer, *layers):
    return Conclusion(answer, list(layers), which("helped"))


def test_the_verdict_says_which_layers_and_what_gains():
    helped, hurt = layer("static", "helped", 5, 0.2), layer("1", "hurt", -5, 0.1)
    assert verdict("tiny", conclusion("only for these layers", helped, hurt)) == (
        "Only for these layers of tiny: static. Taken alone, words on static and sentences on none gain surely. "
        "Better left alone: 1 (hurt)."
    )
    assert verdict("tiny", conclusion("yes", helped)).startswith(
        "Yes: removal helps every layer of tiny studied: static."
    )
    assert verdict("tiny", conclusion("no", hurt)) == "No: removal surely helps no layer of tiny studied: 1 (hurt)."


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (
            which("helped"),
            "Use layer 1 with m.D=1.: .* gains .3.0 .* on words and .4.0 .*; .* alone, .1.0 and .0.5",
        ),
        (which("helped", ("none", "")), "Use layer 1 raw: "),
        (which("not sure"), "Keep raw layer 2: layer 1 with m.*no sure gain"),
        (which("left alone"), "Keep raw layer 2: of all"),
    ],
)
def test_the_advice_says_which_layer_to_use(chosen, expected):
    assert re.match(expected, layer_advice(chosen))


def kept(name, task, metric, gain, p):
    rows = [Row(task=task, subset="total", removal="chosen", metric=metric, value=0.5, gain=gain, p_value=p)]
    return FinishedLayer(name, [], 0, "", {}, rows, [])


def test_further_tasks_that_lose_are_named():
    layers = [
        kept("static", "google", "accuracy", 0.04, 0.001),
        kept("1", "google", "accuracy", -0.04, 0.001),
        kept("2", "google", "accuracy", -0.04, 0.3),
        kept("3", "other", "uniformity", -0.04, 0.001),  # lower is better
        FinishedLayer("4", [], 0, "", {}, [], []),
    ]
    assert warning(layers).endswith("what all pairs choose: google on 1 (-4.0).")
    assert warning(layers[2:]) is None
