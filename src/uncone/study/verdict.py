"""The rule: what counts as help.

A layer is *helped* if what the nested study chooses for it gains surely over raw vectors on word pairs or on sentences
(p < 0.05 after Holm, over both figures of all layers), loses surely on neither (p < 0.05, not corrected: the burden is on
the gain), and the choice on all pairs is a removal too. A gain on one kind with a loss on the other is a *trade*, never
help: people use encoders for sentences and documents as well as for words. The answer is "yes" if every layer is helped,
"no" if none is, else "only for these layers".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from uncone.study.choice import RAW
from uncone.study.effects import Effect
from uncone.tasks.scoring import SIGNIFICANT

Outcome = Literal["helped", "trade", "hurt", "left alone", "not sure"]
Answer = Literal["yes", "no", "only for these layers"]

MEANING: dict[Outcome, str] = {
    "helped": "a sure gain and no sure loss",
    "trade": "a sure gain on one kind of text, a sure loss on the other",
    "hurt": "a sure loss and no sure gain",
    "left alone": "raw vectors are chosen",
    "not sure": "no sure gain",
}


def outcome(effects: Mapping[str, Effect], p_holm: Mapping[str, float], final: str) -> Outcome:
    """What became of one layer.

    Args:
        effects: of the nested choice over raw vectors, on "words" and "sentences".
        p_holm: of their gains, corrected for all layers.
        final: the method chosen on all pairs.
    """
    gains = any(p_holm[kind] < SIGNIFICANT and each.gain.difference > 0 for kind, each in effects.items())
    loses = any(each.loses for each in effects.values())
    if final == RAW:
        return "left alone"
    if gains:
        return "trade" if loses else "helped"
    return "hurt" if loses else "not sure"


def answer(outcomes: Sequence[Outcome]) -> Answer:
    """The answer for the encoder.

    Example:
        >>> answer(["helped", "left alone"]), answer(["helped"]), answer(["trade"])
        ('only for these layers', 'yes', 'no')
    """
    helped = [each == "helped" for each in outcomes]
    if all(helped):
        return "yes"
    return "only for these layers" if any(helped) else "no"
