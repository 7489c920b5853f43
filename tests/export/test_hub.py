"""What goes to the Hugging Face hub, by a stand-in for it; and what its cards say."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as stock

from uncone import Encoder, attach, push_to_hub
from uncone.export.base import MARK
from uncone.export.card import Evidence, card, description
from uncone.export.sentence_transformers import SentenceTransformersExporter, sentence_transformer
from uncone.removal import centre

from .conftest import TEXTS, assert_same, clusters_for, removal_for
from .test_card import rows


@pytest.fixture
def hub(monkeypatch):
    """What has been asked of the hub."""
    asked = []
    for name in ("create_repo", "upload_folder", "upload_file"):

        def record(self, *args, name=name, **options):
            asked.append((name, args, options))
            return "https://huggingface.co/me/mine"

        monkeypatch.setattr(f"uncone.export.hub.HfApi.{name}", record)
    return asked


@pytest.fixture
def exported(encoder_of, tmp_path):
    """A folder as export.py writes it, of figures of one task."""
    encoder, folder = encoder_of("bert"), tmp_path / "model"
    removal = removal_for(encoder)
    folder.mkdir()
    exporter = SentenceTransformersExporter()
    usage = exporter.write(encoder, removal, folder)
    (folder / MARK).write_text(description(encoder, removal, exporter.library))
    text = card(encoder, removal, Evidence("learned", rows(0.1, 0.01), "Measured"), usage, exporter.library, {})
    (folder / "README.md").write_text(text.replace("FOLDER", folder.name))
    return folder


def test_goes_there_with_a_card(exported, hub):
    assert push_to_hub(exported, "me/mine", base_model="google/bert", license="mit", private=True).endswith("me/mine")
    (_, (repo,), options), (_, _, folder), (_, _, file) = hub
    assert (repo, options["private"], folder["repo_id"], folder["folder_path"]) == (
        "me/mine",
        True,
        "me/mine",
        exported,
    )
    assert folder["ignore_patterns"] == [file["path_in_repo"]] == ["README.md"]
    sent = ModelCard(file["path_or_fileobj"].decode())
    assert (sent.data.base_model, sent.data.license, sent.data.library_name) == (
        "google/bert",
        "mit",
        "sentence-transformers",
    )
    (result,) = sent.data.eval_results
    assert (result.dataset_type, result.metric_type, result.metric_value) == ("lee", "spearman", 0.6)
    assert 'SentenceTransformer("me/mine")' in sent.text


def test_asks_for_what_the_card_does_not_say(exported, hub, tmp_path):
    with pytest.raises(ValueError, match="does not say base_model: give base_model=…"):
        push_to_hub(exported, "me/mine")
    with pytest.raises(ValueError, match="does not say license: give license=…"):
        push_to_hub(exported, "me/mine", base_model="google/bert")
    with pytest.raises(ValueError, match=r"has no uncone.json, so it is no export"):
        push_to_hub(tmp_path, "me/mine")
    assert not hub


def test_the_packaged_encoder_says_where_it_comes_from():
    encoder = Encoder.from_pretrained("minilm", layers="static")
    text = card(encoder, removal_for(encoder), Evidence("none", [], ""), "", "numpy", {})
    data = ModelCard(text).data
    assert (data.base_model, data.license) == ("sentence-transformers/all-MiniLM-L6-v2", "apache-2.0")


@pytest.mark.parametrize("normalize", [False, True])
def test_attached_is_exported(normalize, encoder_of, tmp_path):
    """In place, and after saving and loading; of length 1 if the model's vectors are."""
    encoder = encoder_of("bert", "last", special_tokens=True)
    model = sentence_transformer(encoder, centre(encoder.encode(TEXTS)), normalize)
    del model[1 + 1]  # the Dense: what is left is the raw model
    bare = Encoder.from_pretrained(model, device="cpu")
    raw = bare.encode(TEXTS)
    removal = centre(raw).for_encoder(bare)
    assert attach(removal, model) is model
    expected = removal(raw)
    if normalize:
        expected = expected / (expected**2).sum(1, keepdims=True) ** 0.5
    assert_same(model.encode(TEXTS), expected)
    model.save(str(tmp_path))
    assert_same(SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS), expected)
    assert isinstance(model[-1], stock.Normalize) == normalize
    with pytest.raises(ValueError, match="this removal belongs to"):
        attach(removal, model)  # a second time: the model is another one


def test_clusters_are_not_attached(encoder_of):
    model = sentence_transformer(encoder_of("bert"), removal_for(encoder_of("bert")))
    clusters = replace(clusters_for(encoder_of("bert"), "texts"), encoder={})
    with pytest.raises(ValueError, match="a Dense module takes one affine map"):
        attach(clusters, model)
