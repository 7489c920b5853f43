"""Folders of sentence-transformers: vectors are those of `SentenceTransformer.encode`, and so are those of exports."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as stock
from tiny_models import CORPUS, word_piece_tokenizer

from uncone.encoder import Encoder
from uncone.export.onnx import OnnxExporter
from uncone.export.sentence_transformers import SentenceTransformersExporter
from uncone.removal import none

TEXTS = [*CORPUS, "cat", "the cat sat on the mat and the dog barked at the cat on the mat " * 4]
PROMPTS = {"prompts": {"query": "the cat: ", "passage": "a dog: "}}


def dense(activation=None, bias=True):
    torch.manual_seed(0)
    return stock.Dense(16, 8, bias, activation or torch.nn.Identity())


LAYOUTS = {
    "mean": lambda: [stock.Pooling(16, "mean"), stock.Normalize()],
    "cls": lambda: [stock.Pooling(16, "cls")],
    "max": lambda: [stock.Pooling(16, "max")],
    "lasttoken": lambda: [stock.Pooling(16, "lasttoken")],
    "weightedmean": lambda: [stock.Pooling(16, "weightedmean")],
    "Dense": lambda: [stock.Pooling(16, "cls"), dense(torch.nn.Tanh()), stock.Normalize()],
    "two Dense without bias": lambda: [stock.Pooling(16), dense(bias=False), stock.Dense(8, 8)],
}


def save(modules, folder, **options):
    SentenceTransformer(modules=modules, device="cpu", **options).save(str(folder), create_model_card=False)
    return folder


def theirs(folder, texts=TEXTS, **options):
    return SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False, **options)


def ours(folder, **options):
    return Encoder.from_pretrained(str(folder), device="cpu", **options)


def assert_equal(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def assert_exports_give_them_back(encoder, expected, tmp_path):
    (tmp_path / "export").mkdir()
    SentenceTransformersExporter().write(encoder, none(encoder.dimension), tmp_path / "export")
    assert_equal(theirs(tmp_path / "export"), expected)


@pytest.fixture
def transformer(folder_of):
    def make(kind="bert", **options):
        return stock.Transformer(str(folder_of(kind)), **options)

    return make


@pytest.mark.parametrize(
    ("kind", "layout"), [*(("bert", layout) for layout in LAYOUTS), ("gpt2", "lasttoken"), ("gpt2", "cls")]
)
def test_vectors_are_those_of_the_folder_and_of_its_export(kind, layout, transformer, tmp_path):
    module = transformer(kind)
    if kind == "gpt2":
        module.tokenizer.pad_token = module.tokenizer.eos_token
    folder = save([module, *LAYOUTS[layout]()], tmp_path / "model", **PROMPTS, default_prompt_name="query")
    encoder, expected = ours(folder), theirs(folder)
    assert_equal(encoder.encode(TEXTS), expected)
    assert_equal(encoder.with_prompt("document").encode(TEXTS), theirs(folder, prompt_name="passage"))
    assert_equal(ours(folder, prompt="").encode(TEXTS), theirs(folder, prompt=""))
    assert_exports_give_them_back(encoder, expected, tmp_path)


def test_a_model_in_memory(transformer):
    model = SentenceTransformer(modules=[transformer(), *LAYOUTS["Dense"]()], device="cpu")
    encoder = Encoder.from_pretrained(model, device="cpu")
    assert_equal(encoder.encode(TEXTS), model.encode(TEXTS))


def test_prompts_that_are_read_but_not_pooled(transformer, tmp_path):
    folder = save([transformer(), stock.Pooling(16, "mean", include_prompt=False)], tmp_path / "model", **PROMPTS)
    encoder = ours(folder, prompt="query")
    expected = theirs(folder, prompt_name="query")
    assert_equal(encoder.encode(TEXTS), expected)
    assert np.abs(ours(folder).encode(TEXTS) - expected).max() > 0.01
    assert_exports_give_them_back(encoder, expected, tmp_path)


def test_old_folders(transformer, tmp_path):
    """The transformer in a folder of its own, poolings as switches, a limit and case folding beside it."""
    folder = save([transformer(), stock.Pooling(16, "max")], tmp_path / "model")
    (folder / "0_Transformer").mkdir()
    for path in [path for path in folder.iterdir() if path.is_file()]:
        if path.name not in ("modules.json", "config_sentence_transformers.json"):
            path.rename(folder / "0_Transformer" / path.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    modules[0]["type"] = "sentence_transformers.models.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    switches = {"word_embedding_dimension": 16, "pooling_mode_cls_token": False, "pooling_mode_max_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(switches))
    limits = {"max_seq_length": 12, "do_lower_case": True}
    (folder / "0_Transformer" / "sentence_bert_config.json").write_text(json.dumps(limits))
    encoder = ours(folder)
    assert encoder.max_length == 12
    assert_equal(encoder.encode(TEXTS), theirs(folder))


@pytest.mark.parametrize("normalized", [False, True])
def test_static_embeddings(normalized, tmp_path):
    tokenizer = word_piece_tokenizer()
    rows = np.random.default_rng(0).normal(size=(len(tokenizer), 8)).astype(np.float32)
    tail = [stock.Normalize()] if normalized else []
    embedding = stock.StaticEmbedding(tokenizer, embedding_weights=rows)
    folder = save([embedding, *tail], tmp_path / "model", **PROMPTS, default_prompt_name="query")
    encoder, expected = ours(folder, layers="static"), theirs(folder)
    assert_equal(encoder.encode(TEXTS), expected)
    assert encoder.known(["cat", "日本"]).tolist() == [True, False]
    assert_exports_give_them_back(encoder, expected, tmp_path)


def test_model2vec(tmp_path):
    """Its own folders: fewer rows than pieces, a row and a weight for each."""
    generator, tokenizer = torch.Generator().manual_seed(0), word_piece_tokenizer()
    count = len(tokenizer)
    tensors = {
        "embeddings": torch.randn(9, 8, generator=generator),
        "mapping": torch.randint(9, (count,), generator=generator),
        "weights": torch.rand(count, generator=generator),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    tokenizer.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    types = ["sentence_transformers.models.StaticEmbedding", "sentence_transformers.models.Normalize"]
    modules = [{"idx": i, "name": str(i), "path": ".", "type": kind} for i, kind in enumerate(types)]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert_equal(ours(tmp_path).encode(TEXTS), theirs(tmp_path))


def test_words_alone_and_tokens_leave_special_tokens_out(transformer, tmp_path):
    folder = save([transformer(), stock.Pooling(16, "mean"), stock.Normalize()], tmp_path / "model", **PROMPTS)
    encoder = ours(folder, prompt="query")
    tokens = encoder.encode_tokens(["cat"])
    assert tokens.types.tolist() == encoder.tokenize(["cat"])[0]
    mean = tokens.vectors.mean(0, keepdims=True)
    assert_equal(encoder.encode_words(["cat"]), mean / np.linalg.norm(mean))
    assert_equal(encoder.finish(encoder.pool_tokens(encoder.encode_tokens(TEXTS, pooled=True))), encoder.encode(TEXTS))
    assert np.abs(encoder.encode_words(["cat"]) - encoder.encode(["cat"])).max() > 0.01
    assert encoder.convention == "mean, special tokens, prompt 'the cat: ', Normalize"


def test_a_pooling_that_is_asked_for_stands_alone(transformer, tmp_path):
    folder = save([transformer(), *LAYOUTS["Dense"]()], tmp_path / "model")
    plain = ours(folder, pooling="mean", special_tokens=False)
    assert (plain.convention, plain.dimension) == ("mean", 16)
    own = ours(folder)
    assert own.convention == "cls, Dense, Normalize"
    assert own.identity != plain.identity
    assert own.at_layers(1).convention == "cls"
    assert own.at_layers(1).dimension == 16
    assert own.at_layers("static").convention == "mean"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda modules: modules.insert(1, modules[1] | {"type": "x.LSTM"}), "a module LSTM in place 1"),
        (lambda modules: modules[0].update(type="x.CLIPModel"), "does not begin with a Transformer"),
        (lambda modules: modules[1].update(path="../1_Pooling"), "names a module outside itself"),
        (lambda modules: modules.pop(1), "no Pooling behind its Transformer"),
        (lambda modules: modules[0].pop("type"), "modules.json cannot be read"),
    ],
)
def test_modules_that_are_not_read_are_named(change, message, transformer, tmp_path):
    folder = save([transformer(), stock.Pooling(16, "mean")], tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text())
    change(modules)
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match=message):
        ours(folder)


def test_settings_of_modules_that_are_not_read_are_named(transformer, tmp_path):
    folder = save([transformer(), stock.Pooling(16, ("mean", "max")), stock.Normalize()], tmp_path / "model")
    with pytest.raises(ValueError, match=r"pooling by mean and max.*encoder.pooling=mean, or another, reads"):
        ours(folder)
    assert ours(folder, pooling="mean").convention == "mean, special tokens"
    with pytest.raises(ValueError, match="has no prompt 'query': its folder has none"):
        ours(folder, pooling="mean", prompt="query")


@pytest.mark.slow
def test_an_onnx_file_ends_as_the_folder_does(transformer, tmp_path):
    pytest.importorskip("onnxscript")
    folder = save([transformer(), stock.Pooling(16, "weightedmean"), dense(), stock.Normalize()], tmp_path / "model")
    encoder = ours(folder)
    OnnxExporter().check(encoder, none(8))
    OnnxExporter().write(encoder, none(8), tmp_path)  # which compares the vectors
