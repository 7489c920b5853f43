"""The rule."""

import pytest

from uncone.advice.conclusion import Choice, Conclusion, outcome
from uncone.tasks.row import Row


def gains(words, sentences, both, p_holm):
    """Of gains, each with the p-value."""
    rows = {}
    for kind, (gain, p) in {"words": words, "sentences": sentences, "both": both}.items():
        interval = {"gain": gain, "gain_low": gain - 0.1, "gain_high": gain + 0.1, "p_value": p}
        figure = {"removal": "chosen", "task": kind, "subset": "macro", "metric": "spearman", "value": 0.5}
        rows[kind] = Row(**figure, **interval, p_holm=p_holm if kind == "both" else None)
    return rows


@pytest.mark.parametrize(
    ("words", "sentences", "both", "p_holm", "final", "expected"),
    [
        ((0.1, 0.001), (0.1, 0.001), (0.1, 0.001), 0.01, "m", "helped"),
        ((0.1, 0.001), (-0.02, 0.4), (0.04, 0.001), 0.01, "m", "helped"),  # a loss that is not sure
        ((0.3, 0.001), (-0.02, 0.04), (0.1, 0.001), 0.01, "m", "trade"),  # a sure loss of sentences is never help
        ((-0.02, 0.04), (0.3, 0.001), (0.1, 0.001), 0.01, "m", "trade"),
        ((-0.02, 0.04), (0.01, 0.6), (0.0, 0.9), 1, "m", "hurt"),
        ((0.1, 0.03), (0.1, 0.03), (0.1, 0.03), 0.2, "m", "not sure"),  # not after Holm
        ((-0.1, 0.2), (-0.1, 0.2), (-0.1, 0.01), 0.03, "m", "not sure"),
        ((0.1, 0.001), (0.1, 0.001), (0.1, 0.001), 0.01, "none", "left alone"),
    ],
)
def test_outcome(words, sentences, both, p_holm, final, expected):
    assert outcome(gains(words, sentences, both, p_holm), final == "none") == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["helped", "helped"], "yes"),
        (["helped", "trade"], "only for these layers"),
        (["left alone", "not sure", "hurt", "trade"], "no"),
    ],
)
def test_answer(outcomes, expected):
    layers = [Choice(layer=str(i), outcome=outcome, final="m", choices={}) for i, outcome in enumerate(outcomes)]
    assert Conclusion(layers, layers[0], "0", []).answer == expected
