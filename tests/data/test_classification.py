import pytest

from uncone.data import DataUnavailable, LabelledTexts, load_classification
from uncone.data.classification import SETS

MAJORITY = {  # rows of the commonest label, as published
    "mr": 5331,
    "cr": 2405,
    "mpqa": 7292,
    "sst2": 38922,
    "trec": 1344,
    "mrpc": 3900,
    "rte": 1395,
    "cola": 6744,
    "wic": 3733,
    "banking77": 227,
    "stackoverflow": 1000,
    "searchsnippets": 2660,
}


@pytest.mark.parametrize("name", SETS)
def test_every_set_loads_with_its_published_rows(name, data_dir):
    known = SETS[name]
    if not (data_dir / known.source.path).is_file():
        pytest.skip(f"{known.source.path} is not in the data folder")
    texts = load_classification(name, data_dir)
    assert {split: len(texts.rows(split)) for split in known.rows} == known.rows
    assert sum(known.rows.values()) == known.source.rows == len(texts)
    assert texts.classes == (known.labels or tuple(sorted(set(texts.label))))
    assert max(texts.label.count(label) for label in texts.classes) == MAJORITY[name]
    assert bool(texts.text2) == (name in ("mrpc", "rte", "wic"))
    assert texts.scored == {"rte": "dev", "cola": "dev"}.get(name, "all" if "all" in known.rows else "test")


def test_wic_marks_the_word(data_dir):
    texts = load_classification("wic", data_dir)
    marked = [text[slice(*span)] for text, span in zip(texts.text1, texts.span1, strict=True)]
    assert marked[:4] == ["carry", "go", "Break", "cup"]
    assert [text[slice(*span)] for text, span in zip(texts.text2, texts.span2, strict=True)][:3] == [
        "carries",
        "go",
        "broke",
    ]
    assert all(word and " " not in word for word in marked)


def test_packaged_polarity_needs_no_data(no_data_folder):
    texts = load_classification()
    assert texts.label == ("neg",) * 100 + ("pos",) * 100
    assert all(text == text.strip() for text in texts.text1)
    assert any("—" in text for text in texts.text1)  # its encoding is that of Windows


@pytest.mark.parametrize("name", ["subj", "sst5", "mrpc"])
def test_what_is_not_there_is_looked_for_on_the_hub(name, no_data_folder):
    with pytest.raises(DataUnavailable, match=rf"{name}.tsv is in no data folder.*{SETS[name].source.hub.name}"):
        load_classification(name)


def test_what_the_hub_does_not_have(no_data_folder):
    with pytest.raises(DataUnavailable, match=r"not found: classification/wic.tsv"):
        load_classification("wic")


def test_a_hub_copy_is_read_as_the_file(tmp_path, monkeypatch, no_data_folder):
    """The copy of RTE on the hub: another name for columns and labels, one table per split."""
    from uncone.data import classification
    from uncone.data.files import Table

    asked = []

    def read_hub(hub, columns, looked_in):
        asked.append((hub.name, hub.split, hub.config, columns))
        rows = {"train": 2490, "validation": 277}[hub.split]
        labels = ["01"[i % 2] for i in range(rows)]
        return Table("hub", {"label": labels, "sentence1": ["a"] * rows, "sentence2": ["b"] * rows}, range(1, rows + 1))

    monkeypatch.setattr(classification, "read_hub", read_hub)
    texts = load_classification("rte")
    assert asked == [
        ("nyu-mll/glue", split, "rte", ("label", "sentence1", "sentence2")) for split in ("train", "validation")
    ]
    assert texts.label[:2] == ("entailment", "not_entailment")
    assert (texts.text1[0], texts.text2[0], texts.scored, len(texts.rows("dev"))) == ("a", "b", "dev", 277)


def write(folder, text, name="mine.tsv"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_own_files(tmp_path):
    texts = load_classification(write(tmp_path, "label\ttext\nyes\tA cup.\nno\tA sun.\n"))
    assert (texts.split, texts.scored, texts.target.tolist()) == (("all", "all"), "all", [1, 0])
    rows = "train\tx\tA cup.\tA mug.\ntrain\ty\tA sun.\tA star.\ntest\tx\tA cat.\tA cat.\n"
    texts = load_classification(write(tmp_path, "split\tlabel\ttext1\ttext2\n" + rows))
    assert (bool(texts.text2), texts.is_marked, texts.rows("test").tolist()) == (True, False, [2])
    texts = load_classification(
        write(tmp_path, "label\tsentence1\tindex1\tsentence2\tindex2\nx\ta cup\t1\tcup\t0\ny\tthe sun\t0\ta star\t1\n")
    )
    assert (texts.span1, texts.span2) == (((2, 5), (0, 3)), ((0, 3), (2, 6)))


HEADER = "split\tlabel\ttext\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("split\tlabel\tsentence\nall\t1\tA cup.\n", r"needs a column 'text', found split, label, sentence"),
        ("split\ttext\nall\tA cup.\n", "the header lacks label; it holds split, text"),
        (HEADER + "all\t1\tA cup.\nall\t\tA sun.\n", "line 3: label is empty"),
        (HEADER + "all\t1\t\n", "line 2: text is empty"),
        (HEADER + "all\t1\tA cup.\nall\t0\n", "line 3: 3 fields expected as in the header, found 2"),
        (
            HEADER + 'all\t1\tA cup.\nall\t0\t"The ""old"" sun"\n',
            "line 3: text is quoted: .*write the file without quoting",
        ),
        (HEADER + "all\t1\tA cup.\nall\t1\tA sun.\n", "every label is '1': at least two classes are needed"),
        (HEADER + "valid\t1\tA cup.\ntrain\t0\tA sun.\n", "unknown split 'valid': write train, dev, test, all"),
        (HEADER + "train\t1\tA cup.\ntrain\t0\tA sun.\n", "needed are train with test or dev, or all"),
        (HEADER + "train\t1\tA cup.\ntrain\t0\tA\ntest\t2\tA sun.\n", "'2' does not occur in the train split"),
        (
            "label\tsentence1\tindex1\tsentence2\tindex2\n1\tA cup\t2\tA cup\t1\n",
            "line 2: index1 is 2, but 'A cup' has no such word",
        ),
    ],
)
def test_malformed_files_name_the_line(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=f"{path}.*{message}"):
        load_classification(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["all\t1\tA cup."] * 3771, "every label"),
        (["all\t1\tA cup."] * 3770, "3771 rows expected as published, got 3770"),
        (
            ["all\t1\tA cup.", "all\t-1\tA cup."] * 1885 + ["all\t0\tA cup."],
            "line 3: label must be one of 0, 1, got '-1'",
        ),
        (["train\t1\tA cup.", "test\t0\tA cup."] * 1885 + ["train\t0\tA cup."], r"\{'all': 3771\} rows expected"),
    ],
)
def test_known_sets_are_counted(tmp_path, rows, message):
    write(tmp_path / "classification", HEADER + "\n".join(rows) + "\n", "cr.tsv")
    with pytest.raises(ValueError, match=message):
        load_classification("cr", tmp_path)


def test_quotes_that_belong_to_a_text_are_kept(tmp_path):
    path = write(tmp_path, HEADER + 'all\t1\t"brilliant"\nall\t0\t"a" or "b"\nall\t0\tsay ""x""\n')
    assert load_classification(path).text1 == ('"brilliant"', '"a" or "b"', 'say ""x""')


def test_unknown_name():
    with pytest.raises(ValueError, match=r"unknown classification set 'imdb'; known: mr, .*polarity, or a file"):
        load_classification("imdb")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": ("x",)}, "must be equally many"),
        ({"text2": ("a",)}, "must be equally many"),
        ({"text1": ("a", " ")}, "text1 of item 1 is empty"),
    ],
)
def test_labelled_texts_must_fit(options, message):
    fields = {"text1": ("a", "bb"), "label": ("x", "y"), "split": ("all", "all")} | options
    with pytest.raises(ValueError, match=message):
        LabelledTexts(**fields)
