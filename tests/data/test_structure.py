import pytest

from uncone.data.context import load_groups, load_verbs


def test_verbs(tmp_path):
    path = tmp_path / "verbs.tsv"
    path.write_text("lemma\tmeaning\ttense\tcontext\nsell\tsell.1\tpast\tHe <b> sold </b> it .\n")
    verbs = load_verbs(path)
    assert (verbs.text, verbs.span, verbs.lemma, verbs.meaning, verbs.tense) == (
        ("He sold it .",),
        ((3, 7),),
        ("sell",),
        ("sell.1",),
        ("past",),
    )
    path.write_text("lemma\tmeaning\ttense\tcontext\nsell\tsell.1\t\tHe <b>sold</b> it .\n")
    with pytest.raises(ValueError, match=f"{path}, line 2: tense is empty"):
        load_verbs(path)
    path.write_text("lemma\tmeaning\ttense\tcontext\nsell\tsell.1\tpast\tHe sold it .\n")
    with pytest.raises(ValueError, match="line 2: context must have one word between <b> and </b>"):
        load_verbs(path)


def test_groups(tmp_path):
    path = tmp_path / "groups.tsv"
    path.write_text("text\tgroup\nA man cries.\t1\nA cat runs.\t1\n")
    assert (load_groups(path).text[1], load_groups(path).group) == ("A cat runs.", ("1", "1"))
    path.write_text("text\nA man cries.\n")
    with pytest.raises(ValueError, match="the header lacks group"):
        load_groups(path)
