import numpy as np
import pytest

from uncone.data import DataUnavailable, load_word_pairs
from uncone.data.pair_sets import LIANG, WORDS

LIANG_SETS = ("men3k", "simverb3500", "simlex999", "rw2034", "ws353", "mturk771", "mturk287", "rg65")

# our names of the eight sets, and theirs
LIANG_NAMES = dict(
    zip(
        LIANG_SETS,
        ["men3000", "SimVerb3500", "simlex999", "rw2034", "wordsim353", "mturk771", "mturk287", "RG65"],
        strict=True,
    )
)


def lookup(pairs):
    keys = [(one.lower(), two.lower()) for one, two in zip(pairs.text1, pairs.text2, strict=True)]
    return dict(zip(keys, pairs.scaled_score, strict=True))


@pytest.mark.parametrize("name", sorted(WORDS.keys() - LIANG.keys()))
def test_every_set_loads_with_its_published_rows(name, data_dir):
    pairs = load_word_pairs(name, data_dir)
    assert len(pairs) == WORDS[name].rows
    assert pairs.datasets == (name,)


@pytest.mark.parametrize("name", ["ws353", "simlex999"])
def test_packaged_copies_equal_those_of_the_data_folder(name, data_dir, no_data_folder):
    packaged, ours = load_word_pairs(name), load_word_pairs(name, data_dir)
    assert (packaged.text1, packaged.text2) == (ours.text1, ours.text2)
    np.testing.assert_array_equal(packaged.score, ours.score)


def test_liang_split(data_dir):
    train, test = (load_word_pairs(f"liang_{part}", data_dir) for part in ("train", "test"))
    assert (len(train), len(test)) == (7703, 2447)
    assert len(test.without(train)) == 2447 - 118  # also in train, through another data set
    np.testing.assert_allclose(test.scaled_score, test.score)  # already scaled


@pytest.mark.parametrize("name", LIANG_NAMES)
def test_scaling_is_that_of_liang(name, data_dir):
    ours, theirs = load_word_pairs(name, data_dir), load_word_pairs("liang_train", data_dir).of(LIANG_NAMES[name])
    expected = lookup(ours)
    found = [(expected[key], score) for key, score in lookup(theirs).items() if key in expected]
    assert len(found) > 0.9 * len(theirs)
    differences = np.abs(np.diff(found, axis=1)).ravel()
    # copies of a set differ in a score or two, and a pair that a set holds twice may carry either score
    assert np.mean(differences < 1e-9) > 0.97


def test_a_split_over_all_sets_leaks_nothing(data_dir):
    pairs = load_word_pairs(LIANG_SETS, data_dir)
    train, validation, test = pairs.split((0.8, 0.1, 0.1), seed=0)
    assert len(test.without(train)) == len(test)
    assert len(test.without(validation)) == len(test)
    assert len(validation.without(train)) == len(validation)
    assert test.datasets == tuple(name for name in LIANG_SETS if name in test.datasets)
    assert len(test) == pytest.approx(0.1 * len(pairs), rel=0.05)


def test_own_files(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('word1,note,word2,score\ncup,"a, b",mug,9\nsun,,star,5\n')
    pairs = load_word_pairs([path, "ws353"])
    assert pairs.datasets == ("mine", "ws353")
    assert pairs.scaled_score[:2].tolist() == [1, -1]


def test_errors(tmp_path, no_data_folder):
    with pytest.raises(ValueError, match=r"unknown word similarity set 'men'; known: men3k, .*liang_test, or a file"):
        load_word_pairs("men")
    with pytest.raises(DataUnavailable, match=r"wordsim/men3k.tsv"):
        load_word_pairs("men3k")
    path = tmp_path / "mine.tsv"
    path.write_text("word1\tword2\tscore\ncup\tmug\t9\nsun\tstar\t9\n")
    with pytest.raises(ValueError, match="every score of 'mine' is 9"):
        load_word_pairs(path)
    path.write_text("word1\tword2\tscore\ncup\t\t9\nsun\tstar\t5\n")
    with pytest.raises(ValueError, match=f"{path}, line 2: word2 is empty"):
        load_word_pairs(path)
