"""The picture of a bank: what stands where."""

import numpy as np

from uncone.report.bank_figure import components_figure

ROW = {"task": "t", "subset": "all", "metric": "spearman", "encoder": "e", "layers": "static", "pooling": "mean"}


def rows_of(names, seeds=(0, 1)):
    values = np.random.default_rng(0).uniform(size=(len(names), len(seeds)))
    return [
        ROW | {"removal": name, "seed": seed, "value": values[i, j]}
        for i, name in enumerate(names)
        for j, seed in enumerate(seeds)
    ], values


def test_line_is_the_mean_over_seeds_and_fixed_methods_lie_level():
    rows, values = rows_of(["none", "learned_1", "learned_10", "learned_5"])
    (axes,) = components_figure(rows).axes
    line, level = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 5, 10])
    np.testing.assert_allclose(line.get_ydata(), 100 * values[[1, 3, 2]].mean(1))
    np.testing.assert_allclose(level.get_ydata(), 100 * values[0].mean())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["learned", "none"]


def test_other_settings_are_lines_of_their_own():
    rows, _ = rows_of(["learned_1_pull0.1", "learned_1_pull1", "learned_2_pull0.1", "learned_2_pull1"])
    (axes,) = components_figure(rows).axes
    assert [line.get_label() for line in axes.lines] == ["learned pull0.1", "learned pull1"]


def test_no_picture_of_a_single_number():
    rows, _ = rows_of(["none", "learned", "learned_3"])
    assert components_figure(rows) is None
