"""Reading runs back, whole and cut off."""

import pytest

from uncone.runs import read_curve, read_results
from uncone.runs.reading import validation_score


def write_metrics(folder, version, lines):
    place = folder / f"metrics/version_{version}"
    place.mkdir(parents=True)
    (place / "metrics.csv").write_text("\n".join(["epoch,train/loss,val/spearman", *lines]))


def test_a_curve_leaves_out_what_was_cut_off(tmp_path):
    write_metrics(tmp_path, 0, ["0,,0.1", "0,3.5,", "1,,0.5", "2,,0.2", "7,,0."])
    assert read_curve(tmp_path) == [(0, 0.1), (1, 0.5), (2, 0.2)]
    assert read_curve(tmp_path, "train/loss") == [(0, 3.5)]
    assert read_curve(tmp_path, "val/kendall") == []
    assert validation_score(tmp_path) == 0.5
    assert validation_score(tmp_path, keep="last") == 0.2


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path):
    write_metrics(tmp_path, 2, ["0,,0.1", "1,,0.5", ""])
    write_metrics(tmp_path, 10, ["1,,0.4", "2,,0.3", ""])
    assert read_curve(tmp_path) == [(0, 0.1), (1, 0.4), (2, 0.3)]


def test_a_run_that_never_scored_has_no_curve(tmp_path):
    assert read_curve(tmp_path) == []
    assert validation_score(tmp_path) is None


def test_an_unfinished_run_has_no_results(tmp_path):
    with pytest.raises(ValueError, match="has not finished"):
        read_results(tmp_path)
