import dataclasses

import numpy as np
import pytest

from uncone.data import DataUnavailable, load_sts
from uncone.data.pair_sets import SENTENCES

PARTS = {
    "sts12": {"MSRpar": 750, "MSRvid": 750, "SMTeuroparl": 459, "OnWN": 750, "SMTnews": 399},
    "sts13": {"FNWN": 189, "headlines": 750, "OnWN": 561},
    "sts14": {"deft-forum": 450, "deft-news": 300, "headlines": 750, "images": 750, "OnWN": 750, "tweet-news": 750},
    "sts15": {"answers-forums": 375, "answers-students": 750, "belief": 375, "headlines": 750, "images": 750},
    "liang_stsb": {"2012": 3000, "2013": 750, "2014": 2250, "2015": 1875, "2016": 503, "2017": 250},
}


@pytest.mark.parametrize("name", SENTENCES)
def test_every_set_loads_with_its_published_rows(name, data_dir):
    if not (data_dir / SENTENCES[name].path).is_file():
        pytest.skip(f"{SENTENCES[name].path} is not in the data folder")
    pairs = load_sts(name, data_dir)
    assert len(pairs) == SENTENCES[name].rows
    assert set(pairs.ranges.values()) == ({(1.0, 5.0)} if "sickr" in name else {(0.0, 5.0)})
    if name in PARTS:
        sizes = {part.removeprefix(f"{name}/"): pairs.dataset.count(part) for part in pairs.datasets}
        assert sizes == PARTS[name]


def test_stsb_train_shares_pairs_with_the_yearly_sets(data_dir):
    train = load_sts("stsb_train", data_dir)
    yearly = [load_sts(f"sts{year}", data_dir) for year in (12, 13, 14, 15)]
    shared = [len(pairs) - len(pairs.without(train)) for pairs in yearly]
    assert shared == [1002, 597, 1861, 1102]  # in either order and whatever the case
    known = set(zip(train.text1, train.text2, strict=True))
    in_order = [sum(pair in known for pair in zip(pairs.text1, pairs.text2, strict=True)) for pairs in yearly]
    assert in_order == [999, 597, 1860, 1102]  # as counted in the literature


def test_lee_documents():
    pairs = load_sts("lee")
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


STSB = 'main-news\tMSRpar\t2012test\t0001\t{}\t"Unbalanced, he said.\tA "second" one.{}\n'


def test_stsb_as_published(tmp_path, monkeypatch, no_data_folder):
    """Rows of 7 and of 9 fields, unbalanced quotes, a name that says comma separated."""
    folder = tmp_path / "sts"
    folder.mkdir()
    path = folder / "sts-dev.csv"
    path.write_text(STSB.format("4.200", "") + STSB.format("1.5", "\tLDC\thttp://x.org"))
    with pytest.raises(ValueError, match=f"{path}: 1500 rows expected as published, got 2"):
        load_sts("stsb_dev", tmp_path)
    monkeypatch.setitem(SENTENCES, "stsb_dev", dataclasses.replace(SENTENCES["stsb_dev"], rows=2))
    pairs = load_sts("stsb_dev", tmp_path)
    assert pairs.text1 == ('"Unbalanced, he said.',) * 2
    assert pairs.text2[1] == 'A "second" one.'
    assert pairs.score.tolist() == [4.2, 1.5]
    # our own layout comes first
    (folder / "stsb_dev.tsv").write_text("score\tsentence1\tsentence2\n1\tA cup.\tA mug.\n2\tA sun.\tA star.\n")
    assert load_sts("stsb_dev", tmp_path).text1 == ("A cup.", "A sun.")


def test_sick_as_published(tmp_path, monkeypatch, no_data_folder):
    monkeypatch.setitem(SENTENCES, "sickr_test", dataclasses.replace(SENTENCES["sickr_test"], rows=2))
    (tmp_path / "sts").mkdir()
    path = tmp_path / "sts" / "SICK_test_annotated.txt"
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
    path.write_text(header + "6\tA cup\tA mug\t4.5\tNEUTRAL\n7\tA sun\tA star\t1.2\tNEUTRAL\n")
    pairs = load_sts("sickr_test", tmp_path)
    assert (pairs.text2, pairs.score.tolist(), pairs.datasets) == (("A mug", "A star"), [4.5, 1.2], ("sickr_test",))


HEADER = "year\tsubset\tscore\tsentence1\tsentence2\n"
GOOD = "2016\tx\t4\tA cup.\tA mug.\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("sts16.tsv", HEADER.replace("score", "gold") + GOOD, "the header lacks score; it holds year, subset, gold"),
        (
            "sts16.tsv",
            HEADER + GOOD + "2016\tx\tA cup.\tA mug.\n",
            "line 3: 5 fields expected .* found 4",
        ),
        ("sts16.tsv", HEADER + GOOD + "2016\tx\t\tA cup.\tA mug.\n", "line 3: score must be a finite number, got ''"),
        ("sts16.tsv", HEADER + GOOD + "2016\tx\tA cup.\t4\tA mug.\n", "line 3: score must be a finite number, got 'A"),
        ("sts16.tsv", HEADER + GOOD + "2016\tx\t4\t \tA mug.\n", "line 3: sentence1 is empty"),
        (
            "sts16.tsv",
            HEADER + GOOD + '2016\tx\t4\tA cup.\t"A ""mug""."\n',
            'line 3: sentence2 is quoted: "A ""mug""."',
        ),
        (
            "sts16.tsv",
            HEADER.replace("score", '"score"') + GOOD,
            'the header lacks score; it holds year, subset, "score"',
        ),
        ("sts-test.csv", STSB.format("4", "") + STSB.format("4", "\tone more"), "line 2: 7 or 9 tab .* found 8"),
        ("sts-test.csv", STSB.format("4", "") + STSB.format("", ""), "line 2: score must be a finite number, got ''"),
        ("SICK_trial.txt", "pair_ID\tsentence_A\tsentence_B\n1\tA\tB\n", "the header lacks relatedness_score"),
    ],
)
def test_malformed_files_are_named_with_their_line(name, text, message, tmp_path, monkeypatch, no_data_folder):
    (tmp_path / "sts").mkdir()
    path = tmp_path / "sts" / name
    path.write_text(text)
    known = {"sts16.tsv": "sts16", "sts-test.csv": "stsb_test", "SICK_trial.txt": "sickr_dev"}[name]
    monkeypatch.setitem(SENTENCES, known, dataclasses.replace(SENTENCES[known], rows=2))
    with pytest.raises(ValueError, match=f"{path}.*{message}"):
        load_sts(known, tmp_path)


def test_a_field_of_quotes_is_no_error_where_others_have_their_own(tmp_path):
    """As in STS 2015."""
    path = tmp_path / "mine.tsv"
    path.write_text('sentence1\tsentence2\tscore\n"The battery""s state"\t"A mug.\t4\nA sun.\t"A star."\t2\n')
    assert load_sts(path).text1[0] == '"The battery""s state"'


def test_what_is_only_on_the_hub_or_nowhere(tmp_path, no_data_folder):
    with pytest.raises(DataUnavailable, match=r"sts/sts16.tsv is in no data folder .* mteb/sts16-sts \(test\)"):
        load_sts("sts16", tmp_path)
    with pytest.raises(DataUnavailable, match=r"not found: .*sickr_test.tsv"):
        load_sts("sickr_test", tmp_path)


def test_errors(tmp_path, monkeypatch, no_data_folder):
    with pytest.raises(ValueError, match=r"unknown STS set 'sts17'; known: sts12, .*lee, or a file"):
        load_sts("sts17")
    with pytest.raises(DataUnavailable, match=r"not found: .*sickr_test.tsv"):
        load_sts("sickr_test")
    monkeypatch.setattr("numpy.loadtxt", lambda path: np.ones((50, 50)))
    with pytest.raises(ValueError, match="50 documents and their upper triangle expected; reinstall gensim"):
        load_sts("lee")
