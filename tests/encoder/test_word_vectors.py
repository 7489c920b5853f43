"""Word-vector files: packaged, text, binary, with and without header, and what is none of them."""

import gzip

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.models.fasttext import load_facebook_vectors
from gensim.test.utils import datapath

from uncone.encoder import Encoder
from uncone.encoder.loading import load_word_vectors
from uncone.encoder.word_vectors import word_tokenizer

WORDS = ["the", "cat", ".", "New"]


@pytest.fixture
def vectors() -> KeyedVectors:
    keyed = KeyedVectors(6)
    keyed.add_vectors(WORDS, np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32))
    return keyed


@pytest.mark.parametrize(
    ("file", "options", "reading"),
    [
        ("words.txt", {"binary": False}, {}),
        ("words.vec", {"binary": False}, {}),
        ("words.bin", {"binary": True}, {}),
        ("words.w2v", {"binary": True}, {}),
        ("words", {"binary": True}, {"binary": True}),
        ("glove.txt", {"binary": False, "write_header": False}, {}),
    ],
)
def test_files_of_every_kind(file, options, reading, vectors, tmp_path):
    vectors.save_word2vec_format(str(tmp_path / file), **options)
    encoder = Encoder.from_word_vectors(tmp_path / file, **reading)
    assert (encoder.name, encoder.layers, encoder.pieces) == (file.split(".")[0], "words", WORDS)
    np.testing.assert_allclose(encoder.table, vectors.vectors, atol=1e-6)
    np.testing.assert_allclose(encoder.encode(["the cat."])[0], vectors.vectors[:3].mean(0), atol=1e-6)


@pytest.mark.parametrize("model", ["lee_fasttext.bin", "lee_fasttext_new.bin"])
def test_fasttext_models(model, tmp_path):
    """Subwords are composed, as in the text file that is saved from them."""
    encoder = load_word_vectors(datapath(model))
    expected = load_facebook_vectors(datapath(model))
    expected.save_word2vec_format(str(tmp_path / "words.vec"))
    saved = load_word_vectors(tmp_path / "words.vec")
    assert encoder.pieces == saved.pieces == expected.index_to_key
    np.testing.assert_array_equal(encoder.table, saved.table)


def test_packaged_glove():
    encoder = Encoder.from_word_vectors("glove", limit=5000)
    assert (encoder.name, encoder.dimension, encoder.pieces[:3]) == ("glove", 50, ["the", ",", "."])
    unit = encoder.table / encoder.table.norm(dim=1, keepdim=True)
    king, queen, table = (unit[encoder.pieces.index(word)] for word in ("king", "queen", "table"))
    assert king @ queen > 0.7 > king @ table
    assert encoder.known(["KING", "xyzzy"]).tolist() == [True, False]


@pytest.mark.parametrize("limit", [1, 3])
def test_limit_keeps_the_first_words(limit, vectors, tmp_path):
    vectors.save_word2vec_format(str(tmp_path / "words.txt"))
    assert load_word_vectors(tmp_path / "words.txt", limit=limit).pieces == WORDS[:limit]


def test_capitals_are_kept_if_the_vocabulary_has_them(vectors, tmp_path):
    vectors.save_word2vec_format(str(tmp_path / "words.txt"))
    assert load_word_vectors(tmp_path / "words.txt").known(["New", "new"]).tolist() == [True, False]
    folded = load_word_vectors(tmp_path / "words.txt", limit=3)
    assert folded.tokenize(["The CAT"]) == [[0, 1]]
    assert load_word_vectors(tmp_path / "words.txt", limit=3, lowercase=False).tokenize(["The cat"]) == [[1]]
    assert folded.hash != load_word_vectors(tmp_path / "words.txt", limit=3, lowercase=False).hash


def test_hash_sees_words_and_vectors(vectors, tmp_path):
    def hash_of(keyed):
        keyed.save_word2vec_format(str(tmp_path / "words.bin"), binary=True)
        return load_word_vectors(tmp_path / "words.bin").hash

    first = hash_of(vectors)
    assert hash_of(vectors) == first
    vectors.vectors[2, 1] += 1e-6
    assert hash_of(vectors) != first


@pytest.mark.parametrize("pooling", ["sif", "idf"])
def test_weighted_poolings(pooling):
    encoder = load_word_vectors("glove", limit=1000, pooling=pooling)
    the, house = (encoder.weights[encoder.pieces.index(word)] for word in ("the", "house"))
    assert 0 < the < house


def test_missing_files_are_named_with_where_they_were_looked_for():
    with pytest.raises(ValueError, match=r"no word vectors at nowhere\.txt \(looked for /.*nowhere\.txt\)"):
        load_word_vectors("nowhere.txt")


@pytest.mark.parametrize("binary", [False, True])
def test_the_other_kind_of_file(binary, vectors, tmp_path):
    vectors.save_word2vec_format(str(tmp_path / "words.txt"), binary=binary)
    kind = "binary" if binary else "text"
    with pytest.raises(ValueError, match=rf"words\.txt .* it is a {kind} file: set binary={binary} or leave it out"):
        load_word_vectors(tmp_path / "words.txt", binary=not binary)


ROWS = ["the .1 -2 3e0", "cat 4 5 6", "dog 7 8 9"]
VALUES = np.array([[0.1, -2, 3], [4, 5, 6], [7, 8, 9]], dtype=np.float32)
TEXT = "\n".join(ROWS) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + TEXT,
        "\ufeff3 3\n" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(" ", "\t"),
        "3\t3\n" + TEXT.replace(" ", "  ").replace("\n", " \n"),
        TEXT.replace("\n", "\n\n") + "cat 0 0 0\ncat 1 1 1\n",
    ],
    ids=["mark", "mark and header", "windows", "tabs", "two blanks", "blank lines and words again"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_text_as_people_have_it(text, packed, tmp_path, caplog):
    path = tmp_path / ("words.txt.gz" if packed else "words.txt")
    with gzip.open(path, "wb") if packed else path.open("wb") as file:
        file.write(text.encode())
    encoder = load_word_vectors(path)
    assert encoder.pieces == ["the", "cat", "dog"]
    np.testing.assert_array_equal(encoder.table, VALUES)
    assert [each.message for each in caplog.records] == [
        f"{path}: the first of equal words counts: cat" for _ in range("cat 0" in text)
    ]


def test_binary_vectors_are_read_gzipped(vectors, tmp_path):
    vectors.save_word2vec_format(str(tmp_path / "words.bin.gz"), binary=True)
    assert np.array_equal(load_word_vectors(tmp_path / "words.bin.gz").table, vectors.vectors)


def test_the_last_fields_are_numbers_and_the_rest_is_the_word(tmp_path):
    rows = [". . . 1 2 3", "at name@domain.com 4 5 6", "3.5 mm 7 8 9", "42 1 1 1", "nan 0 0 1", "a\xa0b 0 1 1"]
    (tmp_path / "words.txt").write_text("\n".join([*ROWS, *rows]))
    encoder = load_word_vectors(tmp_path / "words.txt")
    assert encoder.pieces[3:] == [". . .", "at name@domain.com", "3.5 mm", "42", "nan", "a\xa0b"]
    np.testing.assert_array_equal(encoder.table[3:6], [[1, 2, 3], [4, 5, 6], [7, 8, 9]])


@pytest.mark.parametrize("mark", ["<UNK>", "<Unk>", "[UNK]", "UNK", "</S>"])
def test_a_mark_does_not_tell_of_capitals(mark, tmp_path):
    (tmp_path / "words.txt").write_text(f"{mark} 0 0 0\n{TEXT}")
    assert load_word_vectors(tmp_path / "words.txt").known(["CAT"]).all()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is empty"),
        ("3 3\n", "it is empty"),
        ("Once upon a time there was\na queen.\n", "line 1 is not a word and 0 numbers"),
        ("4 3\n" + TEXT, "its first line tells of 4 rows, and there are 3"),
        ("2 3\n" + TEXT, "its first line tells of 2 rows, and there are 3"),
        ("3 2\n" + TEXT, "its first line tells of 2 numbers in a row, and there are 3"),
        ("3 3x\n" + TEXT, "line 1 is not a word and 3 numbers"),
        (TEXT + "mug 1 2\n", "line 4 is not a word and 3 numbers, as most rows are"),
        (TEXT + "mug 1 2 3 4\n", "line 4 is not a word and 3 numbers"),
        (TEXT + "mug 1 2 mug 1 2 3\n", "line 4 is not a word and 3 numbers"),
        (TEXT + " 1 2 3\n", "line 4 is not a word and 3 numbers"),
        (TEXT + "mug 1 x 3\n", "could not convert string to float: 'x'"),
        (TEXT + "mug 1 nan 3\n", "the vector of 'mug' is not finite"),
        (TEXT + "mug 1 1e60 3\n", "the vector of 'mug' is not finite"),
        (b"\x80\x02}q\x00.", r"it is a pickle, which may run code: save it by vectors.save_word2vec_format"),
        (bytes(99), "its first line does not tell how many"),
        (b"9999999999999 300\nthe \0\0\0", "Unable to allocate"),
    ],
)
def test_files_that_hold_no_vectors(content, why, tmp_path):
    (tmp_path / "file").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"^{tmp_path}/file cannot be read as word2vec, GloVe or fastText .*{why}"):
        load_word_vectors(tmp_path / "file")


@pytest.mark.parametrize(("header", "why"), [("4 5", "more behind the 4 rows of 5"), ("4 7", "it ends in row 3 of 4")])
def test_a_binary_file_with_another_header(header, why, vectors, tmp_path):
    path = tmp_path / "words.bin"
    vectors.save_word2vec_format(str(path), binary=True)
    path.write_bytes(path.read_bytes().replace(b"4 6", header.encode()))
    with pytest.raises(ValueError, match=why):
        load_word_vectors(path)


def test_keyed_vectors_of_gensim_are_refused_with_the_way_out(vectors, tmp_path):
    vectors.save(str(tmp_path / "words.kv"))
    with pytest.raises(ValueError, match=r"words\.kv .* it is a pickle, which may run code"):
        load_word_vectors(tmp_path / "words.kv")


@pytest.mark.parametrize("size", [20, 2_000, 100_000])
@pytest.mark.parametrize("model", ["lee_fasttext.bin", "lee_fasttext_new.bin"])
def test_a_cut_fasttext_model(model, size, tmp_path):
    with open(datapath(model), "rb") as file:
        (tmp_path / "cut.bin").write_bytes(file.read(size))
    with pytest.raises(ValueError, match=r"cut\.bin cannot be read as .* fastText vectors: ."):
        load_word_vectors(tmp_path / "cut.bin")


def test_tokens_of_word_vectors():
    tokenize = word_tokenizer(["don't", "don", "t", "u.s.", "'", "café", "don"], lowercase=True)
    assert tokenize(["Don't", "don 't", "U.S.", "u.s", "CAFÉ!", ""]) == [[0], [1, 4, 2], [3], [], [5], []]
