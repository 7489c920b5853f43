import numpy as np
import pytest

from uncone.data import DataUnavailable, load_lee, load_sts
from uncone.data.sts import SETS

PARTS = {
    "sts12": {"MSRpar": 750, "MSRvid": 750, "SMTeuroparl": 459, "OnWN": 750, "SMTnews": 399},
    "sts13": {"FNWN": 189, "headlines": 750, "OnWN": 561},
    "sts14": {"deft-forum": 450, "deft-news": 300, "headlines": 750, "images": 750, "OnWN": 750, "tweet-news": 750},
    "sts15": {"answers-forums": 375, "answers-students": 750, "belief": 375, "headlines": 750, "images": 750},
    "liang_stsb": {"2012": 3000, "2013": 750, "2014": 2250, "2015": 1875, "2016": 503, "2017": 250},
}


@pytest.mark.parametrize("name", SETS)
def test_every_set_loads_with_its_published_rows(name, data_dir):
    if not (data_dir / SETS[name].source.path).is_file():
        pytest.skip(f"{SETS[name].source.path} is not in the data folder")
    pairs = load_sts(name, data_dir)
    assert len(pairs) == SETS[name].source.rows
    assert set(pairs.ranges.values()) == ({(1.0, 5.0)} if "sickr" in name else {(0.0, 5.0)})
    if name in PARTS:
        sizes = {part.removeprefix(f"{name}/"): pairs.dataset.count(part) for part in pairs.datasets}
        assert sizes == PARTS[name]


def test_stsb_train_shares_pairs_with_the_yearly_sets(data_dir):
    train = load_sts("stsb_train", data_dir)
    yearly = [load_sts(f"sts{year}", data_dir) for year in (12, 13, 14, 15)]
    shared = [len(pairs) - len(pairs.without(train)) for pairs in yearly]
    assert shared == [1002, 597, 1861, 1102]  # in either order and whatever the case


def test_lee_documents():
    pairs = load_lee()
    assert len(pairs) == 1225
    assert len({*pairs.text1, *pairs.text2}) == 50
    assert 0 < pairs.score.min() < pairs.score.max() <= 1
    assert all(one != two for one, two in zip(pairs.text1, pairs.text2, strict=True))
    # first row of the published matrix: 1, .3, .24, .2
    np.testing.assert_array_equal(pairs.score[:3], [0.3, 0.24, 0.2])
    assert pairs.text1[0].startswith("The national executive")
    assert pairs.text2[0].startswith("Cash-strapped")


def test_own_file_with_and_without_parts(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("sentence1\tsentence2\tscore\nA cup.\tA mug.\t4\nA sun.\tA star.\t2\n")
    assert load_sts(path).datasets == ("mine",)
    path.write_text("sentence1\tsentence2\tscore\tsubset\nA cup.\tA mug.\t4\tx\nA sun.\tA star.\t2\ty\n")
    pairs = load_sts([path, "lee"])
    assert pairs.datasets == ("mine/x", "mine/y", "lee")
    assert pairs.scaled_score[:2].tolist() == [1, -1]  # the parts share the scale of the set


def test_errors(tmp_path, monkeypatch, no_data_folder):
    with pytest.raises(ValueError, match=r"unknown STS set 'sts17'; known: sts12, .*lee, or a file"):
        load_sts("sts17")
    with pytest.raises(DataUnavailable, match=r"not found: .*sickr_test.tsv"):
        load_sts("sickr_test")
    monkeypatch.setattr("numpy.loadtxt", lambda path: np.ones((50, 50)))
    with pytest.raises(ValueError, match="50 documents and their upper triangle expected; reinstall gensim"):
        load_lee()
