import pytest

from uncone.data import load_analogies
from uncone.data.analogies import is_syntactic


def test_packaged_questions_equal_those_of_the_data_folder(data_dir, no_data_folder):
    packaged = load_analogies()
    assert packaged == load_analogies("google", data_dir)
    assert len(packaged) == 19544
    assert len(packaged.categories) == 14
    assert sum(map(is_syntactic, packaged.category)) == 10675


def test_liang_questions_are_a_part_of_them(data_dir):
    liang, google = load_analogies("liang", data_dir), load_analogies()
    assert len(liang) == 12154
    assert set(zip(liang.a, liang.b, liang.c, liang.d, strict=True)) <= set(
        zip(google.a, google.b, google.c, google.d, strict=True)
    )
    assert set(liang.categories) == set(google.categories)


def test_own_file_and_errors(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("category\ta\tb\tc\td\nfamily\tman\twoman\tking\tqueen\n")
    assert load_analogies(path).d == ("queen",)
    path.write_text("category\ta\tb\tc\td\nfamily\tman\twoman\tking\t\n")
    with pytest.raises(ValueError, match="line 2: d is empty"):
        load_analogies(path)
    with pytest.raises(ValueError, match="unknown analogy set 'bats'; known: google, liang, or a file"):
        load_analogies("bats")


def test_own_file_in_the_format_of_word2vec(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\ufeff: capitals\r\nparis france  rome italy\r\n\n:gram1-x\nking queen man woman\n")
    questions = load_analogies(path)
    assert (questions.category, questions.a, questions.d) == (
        ("capitals", "gram1-x"),
        ("paris", "king"),
        ("italy", "woman"),
    )
    path.write_text(": capitals\nparis france rome\n")
    with pytest.raises(ValueError, match=r"mine.txt, line 2: four words .* expected, got 'paris france rome\\n'"):
        load_analogies(path)
