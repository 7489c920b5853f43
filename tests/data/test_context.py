import pytest

from uncone.data import DataUnavailable, load_words_in_context

HEADER = "id\tword1\tpos1\tword2\tpos2\tcontext1\tcontext2\tscore\tr1\n"
ROW = "1\tbank\tn\tmoney\tn\t{}\t{}\t{}\t3\n"


def write(folder, *rows):
    path = folder / "mini.tsv"
    path.write_text(HEADER + "".join(ROW.format(*row) for row in rows))
    return path


def test_marks_become_spans(tmp_path):
    path = write(
        tmp_path,
        ("the <b> bank </b> of the river", "he lost his <b>money</b> .", "2.5"),
        ("<b>Bank</b> on it", "a <b> bank </b>", "8"),
    )
    words = load_words_in_context(path)
    assert words.pairs.text1 == ("the bank of the river", "Bank on it")
    assert words.pairs.text2 == ("he lost his money .", "a bank")
    assert [text[slice(*span)] for text, span in zip(words.pairs.text1, words.span1, strict=True)] == ["bank", "Bank"]
    assert [text[slice(*span)] for text, span in zip(words.pairs.text2, words.span2, strict=True)] == ["money", "bank"]
    assert words.pairs.score.tolist() == [2.5, 8]
    assert words.pairs.datasets == ("mini",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a bank", "<b>money</b>", "1"), "line 3: context1 must have one word between <b> and </b>: 'a bank'"),
        (("<b>a</b> <b>bank</b>", "<b>money</b>", "1"), "line 3: context1 must have one word"),
        (("<b>a</b>", "<b> </b> money", "1"), "line 3: context2 must have one word"),
        (("<b>a</b>", "<b>money</b>", ""), "line 3: score must be a finite number, got ''"),
        (("<b>a</b>", "<b>money</b>\tmore", "1"), "line 3: 9 fields expected as in the header, found 10"),
    ],
)
def test_malformed_files_name_the_line(tmp_path, row, message):
    path = write(tmp_path, ("a <b>cup</b>", "a <b>mug</b>", "9"), row)
    with pytest.raises(ValueError, match=f"{path}, {message}"):
        load_words_in_context(path)


def test_missing_and_unknown(no_data_folder):
    with pytest.raises(DataUnavailable, match=r"not found: context/scws.tsv"):
        load_words_in_context()
    with pytest.raises(ValueError, match="unknown set of words in context 'scw'; known: scws, or a file"):
        load_words_in_context("scw")
