"""The picture of a bank: what stands where."""

import numpy as np

from uncone.report.figures import components_figure
from uncone.tasks import Row

FIGURE = {"task": "t", "subset": "all", "metric": "spearman", "encoder": "e", "layers": "static", "pooling": "mean"}


def rows_of(*removals, seeds=(0, 1)):
    """Rows of fixed methods, by name, and of candidates, by what they are."""
    values = np.random.default_rng(0).uniform(size=(len(removals), len(seeds)))
    rows = []
    for i, removal in enumerate(removals):
        for j, seed in enumerate(seeds):
            is_fixed = isinstance(removal, str)
            what = {"removal": removal} if is_fixed else {"removal": "learned", "candidate": {**removal, "seed": seed}}
            rows.append(Row(**FIGURE, **what, seed=seed, value=values[i, j]))
    return rows, values


def test_line_is_the_mean_over_seeds_and_fixed_methods_lie_level():
    rows, values = rows_of("none", {"D": 1}, {"D": 10}, {"D": 5})
    (axes,) = components_figure(rows).axes
    line, level = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 5, 10])
    np.testing.assert_allclose(line.get_ydata(), 100 * values[[1, 3, 2]].mean(1))
    np.testing.assert_allclose(level.get_ydata(), 100 * values[0].mean())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["learned", "none"]


def test_other_settings_are_lines_of_their_own():
    rows, _ = rows_of(*({"D": D, "pull": pull} for D in (1, 2) for pull in (0.1, 1.0)))
    (axes,) = components_figure(rows).axes
    assert [line.get_label() for line in axes.lines] == ["learned pull=0.1", "learned pull=1"]


def test_no_picture_of_a_single_number():
    rows, _ = rows_of("none", "learned", {"D": 3})
    assert components_figure(rows) is None
