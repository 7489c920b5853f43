"""The rule, what counts as help, and the answer in words.

What the nested study chooses for a layer is measured against raw vectors on word pairs, on sentences, and on the mean
of the two figures, by which it was chosen. The layer is *helped* if the mean gains surely (p < 0.05 after Holm, over
all layers), neither words nor sentences lose surely (p < 0.05, not corrected: the burden is on the gain), and the
choice on all pairs is a removal too. A gain on one kind with a sure loss on the other is a *trade*, never help: people
use encoders for sentences and documents as well as for words. The answer is "yes" if every layer is helped, "no" if
none is, else "only for these layers".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from uncone.advice.design import KINDS, RAW
from uncone.tasks.row import SIGNIFICANT, Row

BOTH, MACRO = "both", "macro"  # the mean of words and sentences; the mean of data sets
Gains = dict[str, Row]  # on "words", "sentences" and "both", and on each data set
Outcome = Literal["helped", "trade", "hurt", "left alone", "not sure"]
Answer = Literal["yes", "no", "only for these layers"]

MEANING: dict[Outcome, str] = {
    "helped": "a sure gain, and no sure loss on words or sentences",
    "trade": "one kind of text gains, the other surely loses",
    "hurt": "a sure loss",
    "left alone": "raw vectors are chosen",
    "not sure": "no sure gain",
}


def outcome(gains: Gains, final: str) -> Outcome:
    """What became of one layer, from the rows of the nested choice and the method that all pairs choose."""
    if final == RAW:
        return "left alone"
    # of losses no correction: a warning may be one too many, a missed loss may not
    sure = [gain(gains[kind]) for kind in KINDS if p_value(gains[kind]) < SIGNIFICANT]
    if any(each < 0 for each in sure):
        return "trade" if any(each > 0 for each in sure) else "hurt"
    return "helped" if gains[BOTH].is_sure and gain(gains[BOTH]) > 0 else "not sure"


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


def gain(row: Row) -> float:
    """The gain of a row; nil for raw vectors themselves."""
    return 0.0 if row.gain is None else row.gain


def p_value(row: Row) -> float:
    """Of the gain, not corrected."""
    return 1.0 if row.p_value is None else row.p_value
