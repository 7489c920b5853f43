"""Leaks: pairs of a test on which one of the removals compared was trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from uncone.data.files import DataUnavailable
from uncone.data.labelled import LabelledTexts
from uncone.data.pair_sets import check_contents, seen_pairs
from uncone.data.pairs import ScoredPairs
from uncone.data.retrieval import Searches
from uncone.data.sources import listed
from uncone.tasks.base import DataTask, PairTask, Task
from uncone.tasks.sts import Sts
from uncone.tasks.word_similarity import WordSimilarity

if TYPE_CHECKING:
    from uncone.removal import Correction


def scored_texts(tasks: Iterable[Task]) -> set[str]:
    """Texts that tasks score vectors of, which nothing should be fitted on; none of a task whose data are missing."""
    found: set[str] = set()
    for task in tasks:
        try:
            data = task.data if isinstance(task, DataTask) else None
        except DataUnavailable:
            continue
        if isinstance(data, LabelledTexts):
            rows = data.rows(data.scored)
            found.update(*([side[row] for row in rows] for side in (data.text1, data.text2) if side))
        elif isinstance(data, ScoredPairs):
            found.update(data.text1, data.text2)
        elif isinstance(data, Searches):
            found.update(data.queries, data.documents)
    return found


def in_learned_texts(tasks: Sequence[Task], removals: Mapping[str, Correction]) -> list[str]:
    """A line for each task that searches a corpus from which a removal has learned, though without its labels.

    Example:
        >>> from types import SimpleNamespace
        >>> learned = SimpleNamespace(settings={"recipe": {"corpus": "wikipedia"}})
        >>> in_learned_texts([SimpleNamespace(name="wikipedia", use="search")], {"mine": learned})
        ['wikipedia: mine learned from the articles that are searched, though not what answers what']
    """
    corpora = {name: removal.settings.get("recipe", {}).get("corpus") for name, removal in removals.items()}
    lines = []
    for task in tasks:
        if task.use == "search" and (seen := [name for name, corpus in corpora.items() if corpus == task.name]):
            who = " and ".join(seen)
            lines.append(
                f"{task.name}: {who} learned from the articles that are searched, though not what answers what"
            )
    return lines


def without_training_pairs(
    tasks: Sequence[Task], removals: Mapping[str, Correction], data_dir: str | Path | None = None
) -> tuple[list[Task], list[str]]:
    """Leave out of STS and word similarity tasks the pairs a removal was trained on, for all removals compared.

    Of word pairs, those that the removal was chosen by are left out too: they are split off the same sets.

    Of the 12 544 test pairs of STS 2012-2016, 4755 stand in the training part of STS-B (999, 597, 1860, 1102 and 197
    of the five years), and would reward a removal trained there for what it has seen. Those are the pairs in the same
    order. A pair is also left out if it stands there the other way round, which a cosine does not see: 3 more in 2012
    and 1 in 2014. No pair differs in nothing but case.

    "trained_on" in the settings of a removal describes the pairs it has seen, for `uncone.data.pair_sets.split_pairs`.
    Returns the tasks, and a line for each from which pairs were left out, or in which mteb scores such pairs all the
    same. A task of which no pair remains, or whose training pairs cannot be found, is "not run" when it is evaluated.

    Example:
        >>> from types import SimpleNamespace
        >>> learned = SimpleNamespace(settings={"trained_on": {"kind": "sentences", "sets": ["lee"]}})
        >>> tasks, lines = without_training_pairs([Sts("lee")], {"none": SimpleNamespace(settings={}), "mine": learned})
        >>> tasks[0].data
        Traceback (most recent call last):
        uncone.data.files.DataUnavailable: every pair also stands in lee, which is to be left out
    """
    settings = {name: removal.settings for name, removal in removals.items()}
    trained_on = {name: each["trained_on"] for name, each in settings.items() if "trained_on" in each}
    if not trained_on:
        return list(tasks), []
    for seen in trained_on.values():
        check_contents(seen)
    sets = {name: [str(each) for each in listed(seen["sets"])] for name, seen in trained_on.items()}
    who = ", ".join(f"{name} on {' and '.join(of)}" for name, of in sets.items())
    sentences = dict.fromkeys(
        each for name, of in sets.items() if trained_on[name]["kind"] == "sentences" for each in of
    )
    words = [seen for seen in trained_on.values() if seen["kind"] == "words"]
    kept: list[Task] = []
    lines = []
    for task in tasks:
        if isinstance(task, Sts) and sentences:
            clean: PairTask = task.excluding(list(sentences))
        elif isinstance(task, WordSimilarity) and words:
            clean = task.excluding([seen_pairs(seen, data_dir) for seen in words])
        else:
            kept.append(task)
            if sentences and getattr(task, "shares_pairs", False):
                lines.append(f"{task.name}: scored whole, as mteb does, with pairs that training saw ({who})")
            continue
        kept.append(clean)
        try:
            left_out = len(task.data) - len(clean.data)
        except DataUnavailable:
            continue  # evaluating the task will say why
        if left_out:
            lines.append(
                f"{task.name}: {left_out} of {len(task.data)} pairs are left out for every removal, "
                f"because training saw them ({who})"
            )
    return kept, lines
