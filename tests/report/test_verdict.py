"""What is said of a removal: harm first, and never hidden by what others gain."""

import pytest

from uncone.report.verdict import judgement, judgements, outcome, overview, verdict
from uncone.tasks.row import Row


def row(use, task, gain, sure=True, removal="m", **more):
    figure = {"subset": "all", "metric": "spearman", "value": 0.5} | more
    return Row(removal=removal, use=use, task=task, gain=gain, p_holm=0.01 if sure else 0.5, **figure)


@pytest.mark.parametrize(
    ("rows", "expected", "kind"),
    [
        (
            [row("words", "ws353", 0.3), row("words", "rg65", 0.2), row("words", "simlex", -0.001)],
            "makes words worse (simlex -0.1) and words better (ws353 +30.0, rg65 +20.0)",
            "helps some tasks and hurts others",
        ),
        (
            [row("words", "ws353", 0.01), row("sentences", "lee", 0.1), row("search", "npl", -0.2, sure=False)],
            "makes sentences better (lee +10.0) and words better (ws353 +1.0); "
            "for search (npl -20.0) the difference may be chance",
            "helps",
        ),
        (
            [row("labels", "trec", -0.01), row("clusters", "news", -0.1)],
            "makes clusters worse (news -10.0) and labels worse (trec -1.0)",
            "hurts",
        ),
        (
            [row("words", "ws353", 0.1, sure=False), row(None, "mine", 0.0, sure=False)],
            "makes nothing surely better or worse; "
            "for words (ws353 +10.0) and other tasks (mine +0.0) the difference may be chance",
            "changes nothing for sure",
        ),
        ([row("sentences", "sts", 0.1, metric="uniformity")], "makes sentences worse (sts -10.0)", "hurts"),
    ],
)
def test_judgement(rows, expected, kind):
    assert judgement(rows, "m") == expected
    assert outcome(rows, "m") == kind


def test_over_seeds_a_change_is_sure_if_every_seed_finds_it():
    gains = [row("words", "ws353", gain, seed=seed) for seed, gain in enumerate((0.1, 0.3))]
    assert judgement(gains, "m") == "makes words better (ws353 +20.0)"
    for third in (row("words", "ws353", 0.2, sure=False, seed=2), row("words", "ws353", -0.4, seed=2)):
        assert judgement([*gains, third], "m").startswith("makes nothing surely better or worse")


def test_a_sentence_for_each_removal_compared():
    rows = [Row(removal="none", task="lee", subset="all", metric="spearman", value=0.5)]
    rows += [row("sentences", "lee", gain, removal=name) for name, gain in (("a", 0.1), ("b", -0.1))]
    rows += [row("sentences", "lee", -0.5, removal="majority")]  # which removes nothing
    assert judgements(rows) == {
        "a": "a makes sentences better (lee +10.0)",
        "b": "b makes sentences worse (lee -10.0)",
    }


def test_the_verdict_says_first_what_matters_most():
    won, lost, unsure = row("words", "ws353", 0.1), row("search", "npl", -0.2), row("labels", "trec", 0.1, sure=False)
    told = verdict([won, unsure], [], {}, "m")
    assert told[0] == "The m removal helps None (layers None): words better (ws353 +10.0), and nothing surely worse."
    assert told[1] == "For labels (trec +10.0) the difference may be chance."
    assert "here, hurts it there: search worse (npl -20.0) and words better" in verdict([won, lost], [], {}, "m")[0]
    assert "hurts None (layers None): search worse" in verdict([lost], [], {}, "m")[0]
    assert verdict([unsure], [], {}, "m")[0] == "The m removal changes nothing on None (layers None) for sure."


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ({}, ["Only raw vectors were scored: there is no removal to judge."]),
        ({"a": -0.1}, ["None of 1 removals helps None without hurting it elsewhere.", "Hurts: a."]),
        ({"a": 0.1, "b": 0.2}, ["2 of 2 removals help None and surely hurt it nowhere: a and b."]),
    ],
)
def test_several_removals_at_a_glance(gains, expected):
    assert overview([row("words", "ws353", gain, removal=name) for name, gain in gains.items()]) == expected
