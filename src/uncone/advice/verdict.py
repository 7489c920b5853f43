"""The rule: what counts as help.

What the nested study chooses for a layer is measured against raw vectors on word pairs, on sentences, and on the mean
of the two figures, by which it was chosen. The layer is *helped* if the mean gains surely (p < 0.05 after Holm, over
all layers), neither words nor sentences lose surely (p < 0.05, not corrected: the burden is on the gain), and the
choice on all pairs is a removal too. A gain on one kind with a sure loss on the other is a *trade*, never help: people
use encoders for sentences and documents as well as for words. The answer is "yes" if every layer is helped, "no" if
none is, else "only for these layers".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from uncone.advice.choice import RAW
from uncone.advice.effects import BOTH, KINDS, Effect
from uncone.tasks.row import SIGNIFICANT

Outcome = Literal["helped", "trade", "hurt", "left alone", "not sure"]
Answer = Literal["yes", "no", "only for these layers"]

MEANING: dict[Outcome, str] = {
    "helped": "a sure gain, and no sure loss on words or sentences",
    "trade": "one kind of text gains, the other surely loses",
    "hurt": "a sure loss",
    "left alone": "raw vectors are chosen",
    "not sure": "no sure gain",
}


def outcome(effects: Mapping[str, Effect], p_holm: float, final: str) -> Outcome:
    """What became of one layer.

    Args:
        effects: of the nested choice over raw vectors, on "words", "sentences" and "both".
        p_holm: of the gain on both, corrected for all layers.
        final: the method chosen on all pairs.
    """
    if final == RAW:
        return "left alone"
    if any(effects[kind].loses for kind in KINDS):
        return "trade" if any(effects[kind].gains for kind in KINDS) else "hurt"
    return "helped" if p_holm < SIGNIFICANT and effects[BOTH].gain.difference > 0 else "not sure"


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
