"""Nested choice: who is eligible, and that a test never takes part in the choice that it tests."""

from dataclasses import replace

import numpy as np
import pytest

from uncone.advice.design import CHOSEN, KINDS, RAW, Candidate, Design, best

from .planted import pairs_of, table_encoder


@pytest.fixture(scope="module")
def design():
    return Design(*pairs_of(table_encoder(0)), folds=4, divisions=2, seed=0)


def candidates_of(design, count, seed=0):
    generator = np.random.default_rng(seed)
    return [
        Candidate(
            RAW if i == 0 else f"m{i % 3}",
            {"i": i},
            {
                kind: pairs.score[None] + 0.3 * generator.standard_normal((1, len(pairs)))
                for kind, pairs in design.pairs.items()
            },
        )
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("words", "sentences", "expected"),
    [
        ([0.5, 0.9, 0.6], [0.5, 0.4, 0.6], 2),  # the second is better on average, but hurts sentences
        ([0.5, 0.9, 0.6], [0.5, 0.5, 0.6], 1),
        ([0.5, 0.4, 0.9], [0.5, 0.9, 0.4], 0),
        ([0.5, np.nan, 0.6], [0.5, 0.9, 0.6], 2),
    ],
)
def test_best_falls_below_raw_on_neither(words, sentences, expected):
    assert best(np.stack([words, sentences], 1), fair=True) == expected


def test_among_the_settings_of_one_method_the_mean_decides(design):
    assert best(np.array([[0.9, 0.4], [0.6, 0.6]])) == 0
    candidates = candidates_of(design, 9)
    choices = design.choices(candidates)
    assert list(choices) == [RAW, CHOSEN, "m1", "m2", "m0"]
    for split in design.splits:
        scores = design.scores(candidates, split).mean(1)
        of_method = [i for i, each in enumerate(candidates) if each.method == "m1"]
        assert choices["m1"][split] is candidates[max(of_method, key=lambda i: scores[i])]


def test_what_is_tested_takes_no_part_in_the_choice(design):
    """Whatever the candidates say of what a split tests, the split chooses as before."""
    candidates = candidates_of(design, 12)
    before = {name: [each.name for each in chosen] for name, chosen in design.choices(candidates).items()}
    for split in design.splits:
        generator = np.random.default_rng(split)
        tested = {"words": design.folds.fold == split % 4, "sentences": design.halves[split] == 1}

        def spoilt(each, tested=tested, generator=generator):
            drawn = {kind: generator.standard_normal(x.shape) for kind, x in each.predicted.items()}
            return replace(
                each, predicted={kind: np.where(tested[kind], drawn[kind], each.predicted[kind]) for kind in drawn}
            )

        after = design.choices([spoilt(each) for each in candidates])
        assert {name: chosen[split].name for name, chosen in after.items()} == {
            name: chosen[split] for name, chosen in before.items()
        }


def test_no_word_of_a_tested_pair_is_chosen_by(design):
    assert design.folds.disjoint == "words"
    pairs = design.pairs["words"]
    for split in design.splits:
        tested = np.flatnonzero(design.folds.fold == split % 4)
        words = {text for side in (pairs.text1, pairs.text2) for text in np.array(side)[tested]}
        chosen_by = [
            row for cells in design.chosen_by[split]["words"].cells.values() for _, rows in cells for row in rows
        ]
        assert len(chosen_by) > 0
        assert not words & {text for side in (pairs.text1, pairs.text2) for text in np.array(side)[chosen_by]}


def test_every_score_is_of_a_fit_that_knew_neither_the_pair_nor_the_test(design):
    """Fits that give away which pairs they learned from are right nowhere that counts."""
    knew = np.zeros((6, len(design.pairs["words"])))
    for fit in range(6):
        knew[fit, design.training(fit)] = 1
    learned = Candidate("learned", {}, {"words": knew, "sentences": np.zeros((6, len(design.pairs["sentences"])))})
    figures = [*((design.chosen_by[split], split % 4) for split in design.splits), (design.in_the_end, None)]
    for figure, tested in [*((each["words"], tested) for each, tested in figures), (design.tested["words"], None)]:
        cosines = figure.predicted("words", [learned] * len(figure.fits))
        assert not any(cosines[c, rows].any() for cells in figure.cells.values() for c, rows in cells)
        if tested is not None:  # nor did it learn from what the split tests
            assert all(not knew[fit][design.folds.fold == tested].any() for fit in figure.fits)


def test_a_chosen_candidate_says_what_its_split_tests(design):
    candidates = candidates_of(design, len(design.splits))
    for kind in KINDS:
        found = design.tested[kind].predicted(kind, candidates)
        for split in design.splits:
            np.testing.assert_array_equal(found[split], candidates[split].predicted[kind][0])
