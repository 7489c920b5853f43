"""The static figures of an analysis."""

import numpy as np
import pytest

from uncone.geometry.atlas.store import AtlasStore
from uncone.report.figures import clouds, explained_variance, measures_over_depth, write_figures
from uncone.runs.reading import read_results

PNG = b"\x89PNG\r\n\x1a\n"


def test_writes_a_picture_of_each_kind(analysis):
    paths = write_figures(analysis)
    assert [path.name for path in paths] == ["depth.png", "variance.png", "cloud_tiny.png", "cloud_table.png"]
    assert all(path.read_bytes().startswith(PNG) for path in paths)


def test_lines_are_the_numbers(analysis):
    rows = [row for row in read_results(analysis) if row.task == "geometry"]
    panel = next(a for a in measures_over_depth(rows).axes if a.get_title(loc="left") == "Mean cosine")
    lines = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
    assert set(lines) == {"tiny, raw", "tiny, all_but_the_top", "table, raw"}
    expected = [row.value for row in rows if (row.encoder, row.removal, row.metric) == ("tiny", "none", "mean_cosine")]
    np.testing.assert_array_equal(lines["tiny, raw"], expected)
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert labels == ["words", "0", "1", "2", "3"]


def test_variance_has_a_line_for_each_raw_layer(analysis):
    tiny, table = explained_variance(AtlasStore(analysis)).axes
    assert [line.get_label() for line in tiny.get_lines()][:4] == ["0", "1", "2", "3"]
    assert table.get_lines()[0].get_label() == "words"


def test_clouds_have_a_panel_for_each_layer(analysis):
    *panels, _ = clouds(AtlasStore(analysis), "tiny").axes  # the last is the bar of colours
    assert [axes.get_title(loc="left") for axes in panels] == ["layer 0", "layer 1", "layer 2", "layer 3"]


def test_refuses_rows_without_numbers():
    with pytest.raises(ValueError, match=r"mean_cosine.*geometry rows"):
        measures_over_depth([])
