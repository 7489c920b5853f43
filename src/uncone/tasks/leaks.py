"""Leaks: pairs of a test on which one of the removals compared was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from uncone.data.files import DataUnavailable
from uncone.tasks.base import Task
from uncone.tasks.sts import Sts


class Trained(Protocol):
    """A removal that may say in its settings on which sets of scored sentence pairs it was trained."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings; "trained_on", where it is there, is a list of names or paths for `uncone.data.load_sts`."""


def without_training_pairs(tasks: Sequence[Task], removals: Mapping[str, Trained]) -> tuple[list[Task], list[str]]:
    """Leave out of STS tasks the pairs that a removal was trained on, for all removals that are compared.

    Of the 12 544 test pairs of STS 2012-2016, 4755 stand in the training part of STS-B (999, 597, 1860, 1102 and 197
    of the five years), and would reward a removal trained there for what it has seen. Those are the pairs in the same
    order. A pair is also left out if it stands there the other way round, which a cosine does not see: 3 more in 2012
    and 1 in 2014. No pair differs in nothing but case.

    Args:
        tasks: those other than `Sts` stay as they are.
        removals: by name, those to be compared.

    Returns:
        The tasks, and a line for each from which pairs were left out, or in which mteb scores such pairs all the same.
        A task of which no pair remains, or whose training pairs cannot be found, is "not run" when it is evaluated.

    Example:
        >>> from types import SimpleNamespace
        >>> learned = SimpleNamespace(settings={"trained_on": ["lee"]})
        >>> tasks, lines = without_training_pairs([Sts("lee")], {"none": SimpleNamespace(settings={}), "mine": learned})
        >>> tasks[0].pairs
        Traceback (most recent call last):
        uncone.data.files.DataUnavailable: every pair also stands in lee, which is to be left out
    """
    trained_on = {name: list(removal.settings.get("trained_on", ())) for name, removal in removals.items()}
    sets = list(dict.fromkeys(name for names in trained_on.values() for name in names))
    if not sets:
        return list(tasks), []
    who = ", ".join(f"{name} on {' and '.join(map(str, names))}" for name, names in trained_on.items() if names)
    kept: list[Task] = []
    lines = []
    for task in tasks:
        if not isinstance(task, Sts):
            kept.append(task)
            if getattr(task, "shares_pairs", False):
                lines.append(f"{task.name}: scored whole, as mteb does, with pairs that training saw ({who})")
            continue
        kept.append(clean := task.excluding(sets))
        try:
            left_out = len(task.pairs) - len(clean.pairs)
        except DataUnavailable:
            continue  # evaluating the task will say why
        if left_out:
            lines.append(
                f"{task.name}: {left_out} of {len(task.pairs)} pairs are left out for every removal, "
                f"because training saw them ({who})"
            )
    return kept, lines
