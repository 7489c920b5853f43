"""Word-vector files: packaged, text, binary, with and without header, and what is none of them."""

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.models.fasttext import load_facebook_vectors
from gensim.test.utils import datapath

from uncone.encoder import Encoder
from uncone.encoder.loading import load_word_vectors
from uncone.encoder.word_vectors import word_tokenizer

# gensim opens a file without header twice and closes it once
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")

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
def test_fasttext_models(model):
    encoder = load_word_vectors(datapath(model))
    expected = load_facebook_vectors(datapath(model))
    assert encoder.pieces == expected.index_to_key
    np.testing.assert_array_equal(encoder.table, expected.vectors_vocab)


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
    with pytest.raises(
        ValueError, match=rf"words\.txt is a {'binary' if binary else 'text'} file: set binary={binary}"
    ):
        load_word_vectors(tmp_path / "words.txt", binary=not binary)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Once upon a time there was\na queen.\n",
        b"2 3\nthe 1 2 3\n",
        b"2 3\nthe 1 2\ncat 1 2\n",
        b"\x80\x02}q\x00.",
        bytes(99),
    ],
    ids=["empty", "prose", "cut", "short rows", "pickle", "zeros"],
)
def test_files_that_hold_no_vectors(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="file is no word2vec, GloVe or fastText file, or a damaged one"):
        load_word_vectors(tmp_path / "file")


@pytest.mark.parametrize("size", [20, 2_000, 100_000])
@pytest.mark.parametrize("model", ["lee_fasttext.bin", "lee_fasttext_new.bin"])
def test_a_cut_fasttext_model(model, size, tmp_path):
    with open(datapath(model), "rb") as file:
        (tmp_path / "cut.bin").write_bytes(file.read(size))
    with pytest.raises(ValueError, match=r"cut\.bin is no .* or a damaged one"):
        load_word_vectors(tmp_path / "cut.bin")


def test_tokens_of_word_vectors():
    tokenize = word_tokenizer(["don't", "don", "t", "u.s.", "'", "café", "don"], lowercase=True)
    assert tokenize(["Don't", "don 't", "U.S.", "u.s", "CAFÉ!", ""]) == [[0], [1, 4, 2], [3], [], [5], []]
