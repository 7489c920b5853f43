"""Pairs that training saw are left out of the test, for every removal, and the output says so."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from uncone.data import ScoredPairs
from uncone.data.labelled import LabelledTexts
from uncone.data.pair_sets import split_pairs, with_contents
from uncone.tasks import Classification, Sts, WordSimilarity, evaluate
from uncone.tasks.leaks import scored_texts, without_training_pairs

HEADER = "sentence1\tsentence2\tscore\n"


def removal(*sets):
    seen = with_contents({"kind": "sentences", "sets": list(sets)})
    return SimpleNamespace(settings={"trained_on": seen} if sets else {"D": 3})


@pytest.fixture
def train(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text(HEADER + "A cup.\tA mug.\t4\nA star.\tThe sun.\t2\n")
    return path


def task(*more):
    texts = (("A cup.", "A mug."), ("The sun.", "A STAR."), ("A cup.", "The sun."), ("A mug.", "A star."), *more)
    first, second = zip(*texts, strict=True)
    return Sts(ScoredPairs(first, second, np.arange(float(len(texts))), ("x",) * len(texts)), name="mine")


def test_what_is_scored_are_the_texts_of_the_test_part():
    labelled = LabelledTexts(("fine", "poor", "good", "bad"), ("p", "n", "p", "n"), ("train", "train", "test", "test"))
    tasks = [task(), Classification(labelled, name="labels"), Sts("absent.tsv")]
    assert scored_texts(tasks) == {"A cup.", "A mug.", "The sun.", "A STAR.", "A star.", "good", "bad"}


def test_pairs_are_left_out_in_either_order_and_whatever_the_case(train):
    words = WordSimilarity()
    tasks, lines = without_training_pairs([task(), words], {"none": removal(), "learned": removal(str(train))})
    assert tasks[0].name == "mine"
    assert tasks[0].data.text1 == ("A cup.", "A mug.")
    assert tasks[0].data.score.tolist() == [2, 3]
    assert tasks[1] is words
    assert lines == [
        f"mine: 2 of 4 pairs are left out for every removal, because training saw them (learned on {train})"
    ]


def test_nothing_is_left_out_where_nothing_was_trained():
    tasks = [task()]
    assert without_training_pairs(tasks, {"none": removal()}) == (tasks, [])


def test_every_removal_is_scored_on_what_remains(train):
    class System:
        def __init__(self, seed):
            self.seed = seed

        def sentences(self, texts):
            return np.random.default_rng(self.seed).normal(size=(len(texts), 3))

        def readable(self, texts):
            return np.ones(len(texts), dtype=bool)

    more = [(f"left {i}", f"right {i}") for i in range(10)]
    tasks, _ = without_training_pairs([task(*more)], {"none": removal(), "learned": removal(str(train))})
    rows, _ = evaluate(tasks, {"none": System(0), "learned": System(1)}, resamples=20)
    assert {(row.removal, row.n) for row in rows if row.metric == "spearman"} == {
        ("none", 12),
        ("learned", 12),
    }


def test_a_task_that_training_saw_whole_or_whose_training_pairs_are_gone_is_not_run(train, tmp_path):
    whole = Sts(train)
    tasks, lines = without_training_pairs([whole], {"learned": removal(str(train))})
    assert not lines
    _, not_run = evaluate(tasks, {"learned": None}, resamples=50)
    assert not_run[0].why == f"every pair also stands in {train}, which is to be left out"
    tasks, _ = without_training_pairs([task()], {"learned": removal(str(tmp_path / "gone.tsv"))})
    _, not_run = evaluate(tasks, {"learned": None}, resamples=50)
    assert not_run[0].why.startswith("pairs must be left out that cannot be had: no such file")


def test_what_a_task_leaves_out_already_stays_out(train):
    already = Sts(task().data, name="mine", exclude=[task().data.take([2])])
    tasks, _ = without_training_pairs([already], {"learned": removal(str(train))})
    assert tasks[0].data.score.tolist() == [3]


def test_one_set_may_stand_without_a_list(train):
    learned = SimpleNamespace(settings={"trained_on": with_contents({"kind": "sentences", "sets": str(train)})})
    tasks, lines = without_training_pairs([task()], {"learned": learned})
    assert len(tasks[0].data) == 2
    assert lines[0].endswith(f"(learned on {train})")


def test_stsb_in_the_yearly_sets(data_dir):
    yearly = [Sts(f"sts{year}", data_dir=data_dir) for year in (12, 13, 14, 15)]
    tasks, lines = without_training_pairs(yearly, {"none": removal(), "learned": removal("stsb_train")})
    assert [len(task.data) for task in tasks] == [3108 - 1002, 1500 - 597, 3750 - 1861, 3000 - 1102]
    assert lines[0].startswith("sts12: 1002 of 3108 pairs are left out for every removal")


def test_word_pairs_seen_in_training_or_choosing_are_left_out():
    description = {"kind": "words", "sets": ["ws353"], "fractions": [0.6, 0.2, 0.2], "seed": 1}
    description |= {"validation_sets": None, "test_sets": None}
    learned = SimpleNamespace(settings={"trained_on": description})
    sentences = task()
    tasks, lines = without_training_pairs([WordSimilarity("ws353"), sentences], {"learned": learned})
    held_out = split_pairs(description)[2]
    assert sorted(tasks[0].data.text1) == sorted(held_out.text1)
    assert tasks[1] is sentences
    assert lines == [
        f"word_similarity: {353 - len(held_out)} of 353 pairs are left out for every removal, "
        "because training saw them (learned on ws353)"
    ]


@pytest.mark.parametrize("kind", ["sentences", "words"])
@pytest.mark.parametrize("key", ["sets", "validation_sets", "test_sets", "leave_out"])
def test_a_removal_of_others_reads_no_file_that_it_was_not_learned_from(kind, key, train, tmp_path):
    described = {"kind": kind, "sets": ["lee"], "fractions": [1], "validation_sets": None, "test_sets": None}
    os.mkfifo(tmp_path / "pipe.tsv")
    for file in (train, tmp_path / "pipe.tsv", "/etc/hostname"):
        learned = SimpleNamespace(settings={"trained_on": described | {key: [str(file)], "contents": ["0" * 64]}})
        with pytest.raises(ValueError, match=f"trained on a file {file} that is not the one here"):
            without_training_pairs([task()], {"learned": learned})


def test_a_file_that_has_changed_since_is_not_what_was_learned_from(train):
    learned = removal(str(train))
    assert len(without_training_pairs([task()], {"learned": learned})[0][0].data) == 2
    train.write_text(train.read_text().replace("cup", "mug"))
    with pytest.raises(ValueError, match="put that file back"):
        without_training_pairs([task()], {"learned": learned})
