"""Finding, loading and identifying models."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, T5Config, T5EncoderModel, T5Model

from uncone.encoder import Encoder
from uncone.encoder.loading import load_pretrained
from uncone.encoder.packages import packaged

SENTENCES = [
    "A man is playing a large flute.",
    "Hello",
    "A plane is taking off.",
    "Unbelievably, the quick brown fox — jumping over dogs — wasn't seen by anybody at all yesterday night!",
    "A plane is taking off.",
]


@pytest.fixture
def folder(folder_of, tmp_path):
    """A copy of the tiny BERT that a test may damage."""
    return shutil.copytree(folder_of("bert"), tmp_path / "copy")


@pytest.mark.parametrize("pooling", [None, "mean"])
def test_minilm_equals_sentence_transformers(pooling):
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(packaged("minilm")), device="cpu")
    if pooling:
        del expected[2]  # the Normalize module
    vectors = Encoder.from_pretrained("minilm", pooling=pooling, device="cpu").encode(SENTENCES)
    np.testing.assert_allclose(vectors, expected.encode(SENTENCES), atol=1e-5)


def test_the_limit_of_a_folder_of_sentence_transformers():
    assert load_pretrained("minilm", layers=1).max_length == 256
    assert load_pretrained("minilm", layers=1, max_length=300).max_length == 300


def test_static_is_the_input_table(kind, folder_of):
    encoder = Encoder.from_pretrained(str(folder_of(kind)), layers="static")
    table = AutoModel.from_pretrained(folder_of(kind)).get_input_embeddings().weight.detach()
    assert encoder.is_static
    assert len(encoder.pieces) == len(table)
    np.testing.assert_array_equal(encoder.table, table)
    (ids,) = encoder.tokenize(["the cat sat"])
    summed = Encoder.from_pretrained(str(folder_of(kind)), layers="static", pooling="sum")
    np.testing.assert_allclose(encoder.encode(["the cat sat"])[0], table[ids].mean(0), atol=1e-6)
    np.testing.assert_allclose(summed.encode(["the cat sat"])[0], table[ids].sum(0), atol=1e-6)


def test_rows_beyond_the_vocabulary_are_named_padding(folder):
    model = AutoModel.from_pretrained(folder)
    size = model.config.vocab_size
    model.resize_token_embeddings(size + 3, mean_resizing=False)
    model.save_pretrained(folder)
    encoder = Encoder.from_pretrained(str(folder), layers="static")
    assert encoder.pieces[size - 1 :] == ["##able", "[padding row 0]", "[padding row 1]", "[padding row 2]"][:1] + [
        f"[padding row {i}]" for i in range(size, size + 3)
    ]


def test_hash_is_stable_and_sees_one_weight_and_the_tokenizer(folder, folder_of):
    original = load_pretrained(str(folder_of("bert")))
    assert load_pretrained(str(folder)).hash == original.hash
    assert load_pretrained(str(folder), layers="static", name="other").hash == original.hash
    weights = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.bias"
    weights[name][3] += 1e-6
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    changed = load_pretrained(str(folder)).hash
    assert changed != original.hash
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert load_pretrained(str(folder)).hash not in (original.hash, changed)


def test_a_pooler_made_up_on_loading_has_no_part_in_the_hash(folder, folder_of):
    weights = load_file(folder / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if not k.startswith("pooler.")},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    assert (
        load_pretrained(str(folder)).hash
        == load_pretrained(str(folder)).hash
        == load_pretrained(str(folder_of("bert"))).hash
    )


def test_missing_weights_are_an_error_not_random_numbers(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.2.output.dense.bias"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"incomplete: BertModel lacks 1 weights, first encoder\.layer\.2\.output"):
        load_pretrained(str(folder))


@pytest.mark.parametrize("path", ["./no_such_folder", "/no/such/folder", "~/no/such/folder", "a/b/c"])
def test_missing_folders_are_named_with_where_they_were_looked_for(path):
    with pytest.raises(ValueError, match=r"no encoder folder '.*' \(looked for /.*\)"):
        load_pretrained(path)


def test_names_unknown_to_the_hub(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"no encoder 'nobody/no-such-model': it is not a packaged one .* hub did not"):
        load_pretrained("nobody/no-such-model")


def test_a_folder_without_a_model_or_tokenizer(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no encoder that transformers can read"):
        load_pretrained(str(tmp_path / "empty"))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    with pytest.raises(ValueError, match=r"copy has no vocabulary: put its tokenizer\.json beside the model"):
        load_pretrained(str(folder))


def test_encoder_decoders_are_refused(folder):
    config = T5Config(vocab_size=100, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0)
    T5Model(config).save_pretrained(folder)
    with pytest.raises(ValueError, match=r"is an encoder-decoder \(t5\)"):
        load_pretrained(str(folder))


def test_the_encoder_of_an_encoder_decoder_is_read_alone(folder):
    config = T5Config(vocab_size=100, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2, decoder_start_token_id=0)
    model = T5EncoderModel(config).eval()
    model.save_pretrained(folder)
    encoder = load_pretrained(str(folder), layers=[1, 2])
    states = model(**encoder.tokenizer(["the cat"], return_tensors="pt"), output_hidden_states=True).hidden_states
    for i, tokens in encoder.encode_layers(["the cat"]).items():
        np.testing.assert_allclose(tokens.vectors, states[int(i)][0, 1:-1].detach(), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "unknown dtype 'int8': choose one of float32, bfloat16, float16"),
        ({"pooling": "avg"}, "unknown pooling 'avg'"),
        ({"device": "abacus"}, "no device 'abacus' here"),
        ({"layers": 7}, "unknown layers 7: this model has 3 blocks"),
        ({"layers": "static", "pooling": "cls"}, "a static table has no classification token"),
        ({"layers": "static", "special_tokens": True}, "set special_tokens=False"),
    ],
    ids=str,
)
def test_choices_that_do_not_fit(options, message, folder_of):
    with pytest.raises(ValueError, match=message):
        load_pretrained(str(folder_of("bert")), **options)


def test_a_cuda_device_that_is_not_there():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ValueError, match="no device 'cuda' here"):
        load_pretrained("minilm", device="cuda")


def test_names(folder_of):
    assert load_pretrained(str(folder_of("bert")), layers="static").name == folder_of("bert").name
    assert load_pretrained(str(folder_of("bert")), layers="static", name="mine").identity["name"] == "mine"
