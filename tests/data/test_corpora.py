import gzip
import json
import re

import pytest

from uncone.data import DataUnavailable, load_texts
from uncone.data.corpora import SOURCES, Corpora, Corpus, split_sentences


def test_lee_background():
    texts = load_texts()
    assert len(texts) == 300
    assert texts[0].startswith("Hundreds of people have been forced")


def test_wikipedia_paragraphs_are_clean_prose():
    texts = load_texts("wikipedia")
    assert len(texts) == len(set(texts)) == 4718
    assert not [text for text in texts if re.search(r"''|\[\[|\{\{|==|<ref", text)]
    sentences = load_texts("wikipedia_sentences")
    assert len(sentences) > 3 * len(texts)
    assert set(split_sentences(texts[0])) <= set(sentences)


@pytest.mark.parametrize("name", SOURCES)
def test_corpora_of_the_data_folder(name, data_dir):
    assert len(load_texts(name, data_dir)) == SOURCES[name].rows


def test_own_file_and_errors(tmp_path, no_data_folder):
    path = tmp_path / "mine.tsv"
    path.write_text("text\nA cup.\nA mug.\n")
    assert load_texts(path) == ("A cup.", "A mug.")
    with pytest.raises(
        ValueError, match=r"no corpus 'news': .* none of lee_background, wikipedia, wikipedia_sentences, ptb_train, "
    ):
        load_texts("news")
    with pytest.raises(DataUnavailable, match=r"corpora/brown.tsv.gz"):
        load_texts("brown")


def test_streamed_files_folders_and_columns(tmp_path):
    (tmp_path / "b.txt").write_text("A cup.\n\nA mug.\n")
    (tmp_path / "sub").mkdir()
    with gzip.open(tmp_path / "sub" / "c.txt.gz", "wt") as file:
        file.write("A jar.\n")
    (tmp_path / "t.tsv").write_text('id\tsentence\n1\tA "pot.\n2\tA pan.\n')
    (tmp_path / "t.csv").write_text('id,sentence\n1,"A pot, lidded."\n')
    (tmp_path / "notes.md").write_text("not read")

    def read(name, **options):
        corpus = Corpus(str(tmp_path / name), **options)
        assert list(corpus) == list(corpus)  # it can be read again
        return [text.strip() for text in corpus]

    assert read("b.txt") == ["A cup.", "A mug."]
    assert read(".") == ["A cup.", "A mug.", "A jar."]
    assert read("t.tsv", column="sentence") == ['A "pot.', "A pan."]
    assert read("t.csv", column="sentence") == ["A pot, lidded."]


def test_several_corpora_are_read_one_after_another(tmp_path):
    (tmp_path / "a.txt").write_text("A cup.\nA mug.\nA jar.\n")
    (tmp_path / "b.txt").write_text("A pot.\n")
    assert [text.strip() for text in Corpus(f"{tmp_path}/a.txt[:2]")] == ["A cup.", "A mug."]
    assert len(list(Corpus("lee_background[:7]"))) == 7
    both = Corpora([Corpus(str(tmp_path / "a.txt")), Corpus(str(tmp_path / "b.txt"))], limit=2)
    assert [text.strip() for text in both] == [text.strip() for text in both] == ["A cup.", "A mug.", "A pot."]


def test_streamed_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"body": "A cup."}\n{"body": "A mug."}\n')
    assert list(Corpus(f"hf://{folder}", column="body")) == ["A cup.", "A mug."]
    with pytest.raises(ValueError, match="no column 'text', it has body; set column=NAME"):
        list(Corpus(f"hf://{folder}"))


def test_words_that_look_like_nulls_are_words_and_missing_texts_are_counted(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    texts = ["null", "NA", "nan", "None", "n/a", "a cat"]
    folders = {ending: tmp_path / ending for ending in ("csv", "jsonl")}
    for folder in folders.values():
        folder.mkdir()
    (folders["csv"] / "train.csv").write_text("\n".join(["text", *texts[:3], '""', *texts[3:]]))
    lines = [json.dumps({"text": text}) for text in [*texts[:3], None, *texts[3:]]]
    (folders["jsonl"] / "train.jsonl").write_text("\n".join(lines))
    (tmp_path / "own.tsv").write_text("\n".join(["n\ttext", *(f"1\t{text}" for text in ["", *texts])]))
    for name in (*(f"hf://{folder}" for folder in folders.values()), str(tmp_path / "own.tsv")):
        caplog.clear()
        assert list(Corpus(name)) == list(Corpus(name)) == texts
        assert caplog.messages == [f"{name}: 1 rows with missing values are left out"]
    caplog.clear()
    assert load_texts(tmp_path / "own.tsv") == tuple(texts)


def test_streamed_corpora_that_are_not_there(tmp_path):
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n3\n")
    with pytest.raises(ValueError, match="the header lacks text; it holds a, b"):
        list(Corpus(str(tmp_path / "t.tsv")))
    with pytest.raises(ValueError, match="line 3: 2 fields expected as in the header, found 1"):
        list(Corpus(str(tmp_path / "t.tsv"), column="a"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no \.txt file in the folder"):
        list(Corpus(str(tmp_path / "empty")))
    with pytest.raises(ValueError, match="no corpus 'news'"):
        list(Corpus("news"))
    with pytest.raises(DataUnavailable, match="from the Hugging Face hub failed"):
        list(Corpus("hf://no-such-owner/no-such-set"))


def test_an_sts_set_is_a_corpus_of_its_sentences(data_dir):
    assert tuple(Corpus("stsb_dev", data_dir=data_dir)) == load_texts("stsb_dev", data_dir)


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_a_file_without_text_is_named(text, tmp_path):
    (tmp_path / "empty.txt").write_text(text)
    with pytest.raises(ValueError, match=r"the corpus .*empty.txt holds no text: name one"):
        list(Corpus(str(tmp_path / "empty.txt")))
