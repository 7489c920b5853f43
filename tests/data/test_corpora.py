import re

import pytest

from uncone.data import DataUnavailable, load_texts
from uncone.data.corpora import SOURCES


def test_lee_background():
    texts = load_texts()
    assert len(texts) == 300
    assert texts[0].startswith("Hundreds of people have been forced")


def test_wikipedia_paragraphs_are_clean_prose():
    texts = load_texts("wikipedia")
    assert len(texts) == len(set(texts)) == 4718
    assert not [text for text in texts if re.search(r"''|\[\[|\{\{|==|<ref", text)]


@pytest.mark.parametrize("name", SOURCES)
def test_corpora_of_the_data_folder(name, data_dir):
    assert len(load_texts(name, data_dir)) == SOURCES[name].rows


def test_own_file_and_errors(tmp_path, no_data_folder):
    path = tmp_path / "mine.tsv"
    path.write_text("text\nA cup.\nA mug.\n")
    assert load_texts(path) == ("A cup.", "A mug.")
    with pytest.raises(ValueError, match="unknown corpus 'news'; known: lee_background, wikipedia, ptb_train"):
        load_texts("news")
    with pytest.raises(DataUnavailable, match=r"corpora/brown.tsv.gz"):
        load_texts("brown")
