"""Folders for sentence-transformers: stock modules, the vectors of the encoder."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tiny_models import word_piece_tokenizer
from torch.nn.functional import linear
from transformers import AlbertConfig, AlbertModel, AutoModel, AutoTokenizer

from uncone.encoder import Encoder, TransformerEncoder
from uncone.export.parts import corrected, model_options, unit
from uncone.export.sentence_transformers import SentenceTransformersExporter, _pooling, sentence_transformer
from uncone.removal import Removal, reduced
from uncone.tasks.statistics import point

from .conftest import TEXTS, assert_same, clusters_for, python_without, removal_for


def vectors_of(folder, texts=TEXTS, **options):
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, **options)
    return model.encode(texts, batch_size=4, show_progress_bar=False)


def exported(encoder, removal, folder, normalize=False):
    exporter = SentenceTransformersExporter(normalize)
    exporter.check(encoder, removal)
    exporter.write(encoder, removal, folder)
    return folder


def test_vectors_are_those_of_the_encoder(kind, encoder_of, tmp_path):
    encoder = encoder_of(kind)
    removal = removal_for(encoder)
    expected = removal.apply(encoder.encode(TEXTS))
    assert np.abs(expected - encoder.encode(TEXTS)).max() > 0.1
    found = vectors_of(exported(encoder, removal, tmp_path))
    assert_same(found, expected)
    types = {module["type"] for module in json.loads((tmp_path / "modules.json").read_text())}
    assert all(name.startswith("sentence_transformers.") for name in types)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".safetensors"}


@pytest.mark.parametrize("layers", [0, 3, "first_last", [0, 2], "static"])
@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_any_layers(kind, layers, encoder_of, tmp_path):
    encoder = encoder_of(kind, layers)
    removal = removal_for(encoder)
    texts = [text for text in TEXTS if text != "un believable dog?"]
    assert_same(vectors_of(exported(encoder, removal, tmp_path), texts), removal.apply(encoder.encode(texts)))


@pytest.mark.parametrize("special_tokens", [True, False])  # False puts the Dense before the pooling
@pytest.mark.parametrize("layers", [2, "static"])
def test_fewer_dimensions(layers, special_tokens, encoder_of, tmp_path):
    """Vectors of as many numbers, whose cosines are those of the removal where it keeps so many directions."""
    options = {} if layers == "static" else {"special_tokens": special_tokens}
    encoder = encoder_of("bert", layers, **options)
    dropped = torch.linalg.qr(torch.randn(encoder.dimension, 12, generator=torch.Generator().manual_seed(0)))[0]
    whole = Removal(torch.ones(encoder.dimension), dropped, torch.zeros(12), "random").for_encoder(encoder)
    short = reduced(whole, encoder.dimension - 12)
    texts = [text for text in TEXTS if text != "un believable dog?"]
    folder = exported(encoder, short, tmp_path)
    found = vectors_of(folder, texts)
    assert_same(found, short.apply(encoder.encode(texts)))
    assert SentenceTransformer(str(folder), device="cpu").get_embedding_dimension() == encoder.dimension - 12
    found, expected = (unit(each) for each in (found, whole.apply(encoder.encode(texts))))
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)


@pytest.mark.parametrize("layers", [2, [0, 2]])
def test_the_root_is_a_folder_for_transformers(kind, layers, encoder_of, tmp_path):
    """`AutoModel` gives the states of the layers; pooled and through the Dense module, they are the vectors."""
    encoder = encoder_of(kind, layers, special_tokens=True)
    removal = removal_for(encoder)
    exported(encoder, removal, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    fed = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    model, report = AutoModel.from_pretrained(tmp_path, **model_options(encoder), output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    output = model.eval()(**fed, output_hidden_states=True)
    tokens = torch.stack([output.hidden_states[i] for i in encoder.layer_indices]).mean(0)
    mask = fed["attention_mask"][:, :, None]
    (dense,) = (load_file(path) for path in tmp_path.glob("*_Dense/model.safetensors"))
    vectors = linear((tokens * mask).sum(1) / mask.sum(1), dense["linear.weight"], dense["linear.bias"])
    assert_same(vectors.detach().numpy(), removal.apply(encoder.encode(TEXTS)))


def test_in_memory_it_gives_the_vectors_of_the_encoder(encoder_of):
    encoder = encoder_of("bert")
    removal = removal_for(encoder)
    model = sentence_transformer(encoder, removal)
    assert_same(model.encode(TEXTS, show_progress_bar=False), removal.apply(encoder.encode(TEXTS)))


def test_blocks_above_the_layer_are_left_behind(encoder_of, tmp_path):
    """One more than the layer where the model normalises after its last block, so that the inner one is seen raw."""
    for kind, blocks in (("bert", 1), ("gpt2", 2)):
        encoder = encoder_of(kind, 1)
        exported(encoder, removal_for(encoder), tmp_path / kind)
        config = json.loads((tmp_path / kind / "config.json").read_text())
        assert config.get("num_hidden_layers", config.get("n_layer")) == blocks


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("bert", {"special_tokens": True}),
        ("roberta", {"pooling": "cls"}),
        ("roberta", {"pooling": "sif"}),
        ("mpnet", {"pooling": "max", "special_tokens": True}),
        ("bert", {"pooling": "first", "special_tokens": True}),
        ("gpt2", {"pooling": "max"}),
        ("gpt2", {"pooling": "last"}),
    ],
)
def test_poolings(kind, options, encoder_of, tmp_path):
    encoder = encoder_of(kind, **options)
    removal = removal_for(encoder)
    assert_same(vectors_of(exported(encoder, removal, tmp_path)), removal.apply(encoder.encode(TEXTS)))


@pytest.mark.parametrize("layers", ["last", 1, [1, 2]], ids=str)
def test_a_model_whose_blocks_share_their_weights(layers, tmp_path):
    tokenizer = word_piece_tokenizer()
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
    model = AlbertModel(AlbertConfig(vocab_size=len(tokenizer), embedding_size=8, initializer_range=0.3, **sizes))
    encoder = TransformerEncoder(model.eval(), tokenizer, "albert", "", layers)
    exported(encoder, removal_for(encoder), tmp_path)  # which compares the vectors


@pytest.mark.parametrize(
    ("layers", "options", "words"),
    [
        (2, {"pooling": "sum"}, "a sum over tokens; set encoder.pooling=mean"),
        (
            2,
            {"pooling": "max", "special_tokens": False},
            "a maximum without special tokens; set encoder.special_tokens=true",
        ),
        (2, {"pooling": "first", "special_tokens": False}, "set encoder.special_tokens=true, or format=onnx"),
        (2, {"pooling": "last", "special_tokens": False}, "set encoder.special_tokens=true, or format=onnx"),
        ("static", {"pooling": "max"}, "can only average the rows of a static table"),
    ],
)
def test_what_no_stock_module_does_is_refused(layers, options, words, encoder_of):
    encoder = encoder_of("bert", layers, **options)
    with pytest.raises(ValueError, match=words):
        SentenceTransformersExporter().check(encoder, removal_for(encoder))


def test_a_table_of_words_is_sent_to_other_formats():
    encoder = Encoder.from_word_vectors("glove", limit=100)
    with pytest.raises(ValueError, match="format=word2vec or format=numpy"):
        SentenceTransformersExporter().check(encoder, removal_for(encoder))


def test_removing_nothing_exports_the_raw_encoder(encoder_of, tmp_path):
    encoder = encoder_of("bert")
    U = removal_for(encoder).components
    identity = Removal(torch.zeros(len(U)), U, torch.ones(U.shape[1]), "nothing")  # w = 0
    assert_same(vectors_of(exported(encoder, identity, tmp_path)), encoder.encode(TEXTS), 1e-6)


def test_normalised_by_option(encoder_of, tmp_path):
    encoder = encoder_of("bert")
    removal = removal_for(encoder)
    found = vectors_of(exported(encoder, removal, tmp_path, normalize=True))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert_same(found, unit(removal.apply(encoder.encode(TEXTS))))


def test_a_piece_that_differs_from_a_special_token_by_its_case_keeps_its_weight(folder_of, tmp_path):
    """WordWeights looks a word up in lower case too."""
    path = folder_of("roberta")
    for file in path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["<S>"] = vocabulary.pop("Z")
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    encoder = Encoder.from_pretrained(str(tmp_path), layers=2, device="cpu", special_tokens=False)
    weights = _pooling(encoder, "mean")[0].emb_layer.weight[:, 0]
    assert sorted(torch.nonzero(weights == 0)[:, 0].tolist()) == [0, 2]  # <s> and </s>
    assert weights.sum() == len(weights) - 2


@pytest.mark.parametrize("level", ["tokens", "texts"])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_clusters_are_a_module_of_uncone(level, temperature, encoder_of, tmp_path):
    encoder = encoder_of("bert")
    removal = clusters_for(encoder, level, temperature)
    usage = SentenceTransformersExporter().write(encoder, removal, tmp_path)
    assert "trust_remote_code=True" in usage
    assert "uncone itself" in usage
    expected = corrected(encoder, removal, TEXTS)
    assert np.abs(expected - encoder.encode(TEXTS)).max() > 0.1
    assert_same(vectors_of(tmp_path, trust_remote_code=True), expected)
    assert not list(tmp_path.rglob("*.py"))


def test_clusters_of_table_rows_need_no_module_of_uncone(encoder_of, tmp_path):
    encoder = encoder_of("bert", "static")
    removal = clusters_for(encoder, "tokens")
    assert "trust_remote_code" not in SentenceTransformersExporter().write(encoder, removal, tmp_path)
    assert_same(vectors_of(tmp_path), corrected(encoder, removal, TEXTS))


WITHOUT_UNCONE = """
import mteb, numpy as np
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer

model = SentenceTransformer({folder!r}, device="cpu")
np.save({output!r}, model.encode({texts!r}, show_progress_bar=False))
task = mteb.get_task("STSBenchmark")
rows = {{"sentence1": {texts!r}[:5], "sentence2": {texts!r}[1:5] + {texts!r}[:1], "score": {scores!r}}}
task.dataset, task.data_loaded = DatasetDict(test=Dataset.from_dict(rows)), True
result = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
print("cosine_spearman", result.task_results[0].scores["test"][0]["cosine_spearman"])
"""


@pytest.mark.slow
def test_it_loads_and_mteb_runs_on_it_where_there_is_no_uncone(encoder_of, tmp_path):
    encoder = encoder_of("bert")
    removal = removal_for(encoder)
    folder, output = exported(encoder, removal, tmp_path), tmp_path / "vectors.npy"
    scores = [0.0, 5.0, 1.0, 2.0, 4.0]
    code = WITHOUT_UNCONE.format(folder=str(folder), output=str(output), texts=TEXTS, scores=scores)
    printed = python_without(["uncone"], code)
    expected = removal.apply(encoder.encode(TEXTS))
    assert_same(np.load(output), expected)
    cosine = (unit(expected[:5]) * unit(np.roll(expected[:5], -1, axis=0))).sum(1)
    score = float(printed.split("cosine_spearman ")[1].split()[0])
    assert score == pytest.approx(point("spearman", np.array(scores), cosine), abs=1e-6)


def test_an_export_that_gives_other_vectors_is_not_accepted(encoder_of, tmp_path, monkeypatch):
    encoder = encoder_of("bert")
    monkeypatch.setattr(Removal, "fold", lambda self: (torch.eye(self.dimension), torch.zeros(self.dimension)))
    with pytest.raises(ValueError, match="gives vectors that differ by"):
        SentenceTransformersExporter().write(encoder, removal_for(encoder), tmp_path)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("layers", [3, [0, 2], "static"])
def test_it_runs_in_half_precision(layers, special, encoder_of, tmp_path):
    encoder = encoder_of("bert", layers, **({} if layers == "static" else {"special_tokens": special}))
    exported(encoder, removal_for(encoder), tmp_path)
    whole = SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS[:1], show_progress_bar=False)
    options = {"device": "cpu", "model_kwargs": {"torch_dtype": torch.float16}}
    half = SentenceTransformer(str(tmp_path), **options).encode(TEXTS[:1], show_progress_bar=False)
    np.testing.assert_allclose(half.astype(np.float32), whole, atol=0.02 * np.abs(whole).max())
