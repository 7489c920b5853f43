"""Queries with a centre of their own, from the command line."""

import numpy as np
import pytest
from tiny_runs import composed

from uncone.commands.build import Unfit, make_vectors
from uncone.commands.export import export
from uncone.commands.systems import Fits, make_systems

DOCUMENTS = [f"Old ships of the town number {i} sail past the river." for i in range(30)]
QUERIES = [f"which train and station {i}" for i in range(30)]


@pytest.fixture
def asked(wordy_model, tmp_path):
    """Overrides that name an encoder, documents and queries."""
    (tmp_path / "docs.txt").write_text("\n".join(DOCUMENTS))
    (tmp_path / "queries.txt").write_text("\n".join(QUERIES))
    fit = ("fit.level=texts", f"fit.corpus={tmp_path}/docs.txt", f"fit.queries={tmp_path}/queries.txt")
    return "encoder=local", f"encoder.path={wordy_model}", f"cache_dir={tmp_path}/cache", *fit


def test_queries_are_moved_by_their_own_mean_and_documents_by_theirs(asked):
    config = composed("evaluate", *asked, "removal=[none,centre]")
    vectors = make_vectors(config)
    raw, centred = (make_systems(config, name, None, Fits(config, vectors))[0] for name in ("none", "centre"))
    assert raw.removal.query_centre is None
    for role, texts in (("query", QUERIES), ("document", DOCUMENTS)):
        found = centred.vectors.with_prompt(role).sentences(texts)
        plain = vectors.with_prompt(role).sentences(texts)
        np.testing.assert_allclose(found, plain - plain.mean(0), atol=1e-4)
        np.testing.assert_array_equal(raw.vectors.with_prompt(role).sentences(texts), plain)
    np.testing.assert_allclose(centred.vectors.sentences(DOCUMENTS).mean(0), 0, atol=1e-4)


def test_what_cannot_have_it_says_so(asked):
    config = composed("evaluate", *asked, "removal=[clustered]")
    vectors = make_vectors(config)
    with pytest.raises(Unfit, match="clustered is not one affine map, so queries"):
        make_systems(config, "clustered", None, Fits(config, vectors))
    config = composed("evaluate", *asked, "fit.queries=true")
    with pytest.raises(ValueError, match=r"fit\.queries=True: it is true for stored vectors, and else names a corpus"):
        make_systems(config, "centre", None, Fits(config, vectors))


def test_formats_that_take_all_texts_alike_refuse(asked, tmp_path):
    with pytest.raises(ValueError, match=r"a SentenceTransformer takes all texts alike.*leave out fit\.queries"):
        export(composed("export", *asked, "removal=centre", "task=[]", f"output_dir={tmp_path}/model"))
    assert not (tmp_path / "model").exists()
