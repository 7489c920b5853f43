"""A tiny random BERT with the packaged vocabulary, and a corpus."""

import pytest
import torch
from transformers import BertConfig, BertModel

from uncone.encoder import Encoder, TransformerEncoder

SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
TEXTS = tuple(
    f"Number {i % 7} was seen by {name}. It ran to the {place}, didn't it? {name} saw {i} of them!"
    for i in range(20)
    for name, place in (("Anna", "river"), ("Bob", "old mill"), ("the captain", "sea"))
)


@pytest.fixture(scope="session")
def tokenizer():
    return Encoder.from_pretrained("minilm", layers=0).tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer), **SHAPE)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def tiny(tiny_folder, tokenizer):
    model = BertModel.from_pretrained(tiny_folder)
    return TransformerEncoder(model, tokenizer, "tiny", "0", layers="all", token_budget=256)


@pytest.fixture
def texts():
    return TEXTS
