"""A miniature in the format of SCWS, through a real encoder, against every vector taken apart by hand."""

import numpy as np
import pytest
from scipy import stats

from uncone.encoder import Encoder
from uncone.encoder.store import FeatureStore
from uncone.removal import all_but_the_top, clustered
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.tasks import ContextualSimilarity, evaluate

ROWS = [
    ("the <b> bank </b> of the river was muddy", "she put money into the <b>bank</b>", 2.0),
    ("he sat on the <b>bank</b> and watched the river", "the <b>shore</b> of the lake was muddy", 8.5),
    ("a <b>bank</b> lends money", "the <b>lender</b> wants its money back", 9.0),
    ("an <b>unhesitatingly</b> given answer", "the river <b>flows</b>", 0.5),
    ("he sat on the <b>bank</b> and watched the river", "a <b>bank</b> lends money", 1.5),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("context") / "mini.tsv"
    path.write_text("context1\tcontext2\tscore\n" + "".join(f"{a}\t{b}\t{score}\n" for a, b, score in ROWS))
    return path


def occurrence(encoder, marked, correct=lambda x: x):
    """The mean vector of a marked word's tokens, found by tokenising what stands before it and the word itself."""
    before, word, after = (
        marked.replace("<b> ", "<b>").replace(" </b>", "</b>").replace("<b>", "|").replace("</b>", "|").split("|")
    )
    first = len(encoder.tokenize([before])[0]) if before else 0
    count = len(encoder.tokenize([word])[0])
    return correct(encoder.encode_tokens([before + word + after]).vectors)[first : first + count].mean(0)


def expected(encoder, correct=lambda x: x):
    cosines = []
    for one, two, _ in ROWS:
        a, b = (occurrence(encoder, marked, correct).astype(float) for marked in (one, two))
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return np.array(cosines)


@pytest.mark.parametrize("layers", ["static", 2])
def test_one_vector_per_occurrence(layers, path, tmp_path):
    encoder = Encoder.from_pretrained("minilm", layers=layers)
    task = ContextualSimilarity(path)
    (prediction,) = task.predict(Vectors(encoder, FeatureStore(tmp_path)))
    np.testing.assert_allclose(prediction.predicted, expected(encoder), atol=1e-5)
    assert task.name == "mini"
    assert (prediction.predicted[0] > 0.9999) == (layers == "static")  # the same word in two contexts
    rows, _ = evaluate([task], {"none": Vectors(encoder, FeatureStore(tmp_path))}, resamples=10)
    scores = [score for *_, score in ROWS]
    spearman, pearson = (next(row.value for row in rows if row.metric == m) for m in ("spearman", "pearson"))
    assert spearman == pytest.approx(stats.spearmanr(scores, expected(encoder))[0], abs=1e-6)
    assert pearson == pytest.approx(stats.pearsonr(scores, expected(encoder))[0], abs=1e-5)


def test_removals_act_on_every_piece(path, tmp_path):
    """A map commutes with the mean; one with clusters does not, and is applied piece by piece where it is made so."""
    encoder = Encoder.from_pretrained("minilm", layers=2)
    vectors = Vectors(encoder, FeatureStore(tmp_path))
    tokens = vectors.raw_tokens(ContextualSimilarity(path).data.pairs.text1).vectors
    affine = all_but_the_top(Spectrum.fit(tokens), D=3).for_encoder(encoder)
    by_cluster = clustered(Clustering.fit(np.array(tokens), 3, seed=0), D=1, level="tokens").for_encoder(encoder)
    for removal in (affine, by_cluster):
        (prediction,) = ContextualSimilarity(path).predict(vectors.corrected(removal))
        np.testing.assert_allclose(prediction.predicted, expected(encoder, removal.apply), atol=1e-4)


def test_unknown_words_of_a_table_have_the_nil_vector():
    glove = Vectors(Encoder.from_word_vectors("glove", limit=5000))
    found = glove.in_context(["the zzxq bank", "the zzxq bank"], [(4, 8), (9, 13)])
    assert not found[0].any()
    np.testing.assert_array_equal(found[1], glove.words(["bank"])[0])
    assert not glove.in_context(["zzxq"], [(0, 4)]).any()
    texts = glove.sentences(["zzxq", "the bank"])
    assert not texts[0].any()
    np.testing.assert_array_equal(texts[1], glove.sentences(["the bank"])[0])
    assert not glove.sentences(["zzxq"]).any()


def test_a_word_beyond_what_the_encoder_reads_is_an_error(path, tmp_path):
    encoder = Encoder.from_pretrained("minilm", layers=1, max_length=7)
    with pytest.raises(ValueError, match=r"'bank' lies beyond the first 7 tokens of 'she put money into the bank'"):
        ContextualSimilarity(path).predict(Vectors(encoder, FeatureStore(tmp_path)))


def test_a_set_of_pairs_needs_a_name(path):
    words = ContextualSimilarity(path).data
    with pytest.raises(ValueError, match="give the task a name"):
        ContextualSimilarity(words)
    assert ContextualSimilarity(words, "mine").data is words
