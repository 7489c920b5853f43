import gzip
from dataclasses import replace

import pytest

from uncone.data.files import DataUnavailable, read_table
from uncone.data.sources import Hub, Source, find, packaged_file, read, read_hub

COLUMNS = ("word1", "word2", "score")
HEADER = "word1\tword2\tscore\n"


def write(folder, text, name="pairs.tsv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_order_of_places(tmp_path, monkeypatch, no_data_folder):
    given, from_environment = tmp_path / "given", tmp_path / "environment"
    source = Source("pairs.tsv", 1, packaged="wordsim353.tsv", hub=Hub("someone/pairs", "test"))
    for folder in (given, from_environment):
        folder.mkdir()
        write(folder, HEADER)
    assert find(source).name == "wordsim353.tsv"
    monkeypatch.setenv("UNCONE_DATA", str(from_environment))
    assert find(source) == from_environment / "pairs.tsv"
    assert find(source, given) == given / "pairs.tsv"
    (given / "pairs.tsv").unlink()
    assert find(source, given).name == "wordsim353.tsv"
    assert find(Source("pairs.tsv", 1, hub=source.hub), given) is None


def test_what_is_nowhere_names_the_places(tmp_path, monkeypatch, no_data_folder):
    source = Source("sts/none.tsv", 1)
    with pytest.raises(DataUnavailable, match=r"sts/none.tsv.*no data folder named.*UNCONE_DATA"):
        read(source, COLUMNS)
    with pytest.raises(DataUnavailable, match=f"{tmp_path}/sts/none.tsv"):
        read(source, COLUMNS, tmp_path)
    with pytest.raises(ValueError, match="absent does not exist; correct data_dir or the variable UNCONE_DATA"):
        find(source, tmp_path / "absent")
    monkeypatch.setenv("UNCONE_DATA", str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="gone does not exist"):
        find(source)
    with pytest.raises(DataUnavailable, match="gensim lacks"):
        packaged_file("none.tsv")


def test_quotes_mean_nothing_in_tsv_and_quote_in_csv(tmp_path):
    table = read_table(write(tmp_path, 'a\tb\n"unbalanced\tx, "y"\n'), ["b", "a"])
    assert table.text("a") == ('"unbalanced',)
    assert table.text("b") == ('x, "y"',)
    table = read_table(write(tmp_path, 'a,b\n"one, two","say ""hi""\nthere"\nx,y\n', "pairs.csv"), ["a", "b"])
    assert table.text("a") == ("one, two", "x")
    assert table.text("b")[0] == 'say "hi"\nthere'
    assert list(table.lines) == [3, 4]


def test_blank_lines_byte_order_mark_windows_line_ends_and_gzip(tmp_path):
    text = "\ufeff" + HEADER + "cup\tmug\t9\n\nsun\tstar\t5\n"
    plain = read_table(write(tmp_path, text.replace("\n", "\r\n")), COLUMNS)
    with gzip.open(tmp_path / "pairs.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    packed = read_table(tmp_path / "pairs.tsv.gz", COLUMNS)
    assert plain.text("word2") == packed.text("word2") == ("mug", "star")
    assert list(packed.lines) == [2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; a header line with word1, word2, score"),
        (HEADER, "holds no row below its header"),
        ("cup\tmug\t9\nsun\tstar\t5\n", "the header lacks word1, word2, score; it holds cup, mug, 9"),
        (
            "word1,word2,score\ncup,mug,9\n",
            "the header lacks .*: its fields are apart by commas, so end its name",
        ),
        ("sentence1\tsentence2\tscore\n", "the header lacks word1, word2; .*: .* say data.kind=sentences"),
        ("word1\tword2\trating\n", "the header lacks score; .*: name its columns so, score"),
        ("word1\tword1\tword2\tscore\n", "the header names word1 more than once"),
        (HEADER + "cup\tmug\t9\nsun\tstar\n", "line 3: 3 fields expected as in the header, found 2"),
        (HEADER + "cup\tmug\t9\nsun\tstar\t5\tx\n", "line 3: 3 fields expected as in the header, found 4"),
    ],
)
def test_malformed_files(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=f"{path}.*{message}"):
        read_table(path, COLUMNS)


@pytest.mark.parametrize("score", ["", "high", "nan", "inf", "1,5"])
def test_scores_that_are_no_numbers(tmp_path, score):
    path = write(tmp_path, HEADER + f"cup\tmug\t9\nsun\tstar\t{score}\n")
    with pytest.raises(ValueError, match=f"{path}, line 3: score must be a finite number, got '{score}'"):
        read_table(path, COLUMNS).numbers("score")


def test_an_empty_text_and_an_unknown_column(tmp_path):
    table = read_table(write(tmp_path, HEADER + "cup\t \t9\n"), COLUMNS)
    with pytest.raises(ValueError, match="line 2: word2 is empty"):
        table.text("word2")
    with pytest.raises(ValueError, match="needs a column 'word3', found word1, word2, score"):
        table.text("word3")


def test_not_utf8_nor_there(tmp_path):
    (tmp_path / "latin.tsv").write_bytes(HEADER.encode() + "café\tmug\t9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.tsv cannot be read as a file of UTF-8 text: 'utf-8' codec"):
        read_table(tmp_path / "latin.tsv", COLUMNS)
    with pytest.raises(DataUnavailable, match=r"no such file: .*absent.tsv"):
        read_table(tmp_path / "absent.tsv", COLUMNS)


@pytest.mark.parametrize(("name", "between"), [("pairs.tsv", "\t"), ("pairs.csv", ",")])
def test_a_field_may_hold_a_document(name, between, tmp_path):
    path = write(tmp_path, HEADER.replace("\t", between) + between.join(["x" * 200_000, "mug", "9\n"]), name)
    assert read_table(path, COLUMNS).text("word1") == ("x" * 200_000,)


def test_the_published_number_of_rows_is_required(tmp_path):
    write(tmp_path, HEADER + "cup\tmug\t9\n")
    assert len(read(Source("pairs.tsv", 1), COLUMNS, tmp_path)) == 1
    with pytest.raises(ValueError, match=r"pairs.tsv: 2 rows expected as published, got 1; fetch it again"):
        read(Source("pairs.tsv", 2), COLUMNS, tmp_path)


def test_hub(tmp_path, monkeypatch, no_data_folder):
    """`load_dataset` reads a local folder the way it reads a repository."""
    repository = tmp_path / "repository"
    repository.mkdir()
    write(repository, "word1,word2,score\ncup,mug,9.5\nsun,star,5\n", "test.csv")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    source = Source("pairs.tsv", 2, hub=Hub(str(repository), "test"))
    table = read(source, COLUMNS)
    assert table.text("word1") == ("cup", "sun")
    assert list(table.numbers("score")) == [9.5, 5.0]
    write(repository, "word1,word2,score\nnull,NA,9.5\nsun,,5\ncup,mug,\n", "test.csv")
    assert read(replace(source, rows=1), COLUMNS).text("word2") == ("NA",)
    with pytest.raises(ValueError, match="lacks the columns gold; it holds word1, word2, score"):
        read(source, ("word1", "gold"))


def test_an_unreachable_hub_fails_at_once(monkeypatch, no_data_folder):
    from huggingface_hub import HfApi

    def refuse(*args, **kwargs):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "dataset_info", refuse)
    message = (
        r"sts/a.tsv is in no data folder .* reading someone/a \(test\) from the .* failed: ConnectionError: no route$"
    )
    with pytest.raises(DataUnavailable, match=message):
        read_hub(Hub("someone/a", "test"), ["score"], looked_in="sts/a.tsv")
