"""The geometry of models that are trained elsewhere, as they are at that moment."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as stock
from transformers import AutoModel, AutoTokenizer

from uncone import GeometryWatch, LightningWatch, TrainerWatch
from uncone.encoder import Encoder
from uncone.geometry.cosine import type_sums

WORDS = ("cat", "dog", "the", "a", "story", "word")
TEXTS = [f"the {a} and a {b} un believable." for a in WORDS for b in WORDS]


@pytest.fixture(scope="module")
def bert(folder_of):
    folder = str(folder_of("bert"))
    return AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def test_is_the_geometry_of_the_encoder(bert, folder_of):
    """Of its tokens in the same texts, special ones left out; dropout is off meanwhile, and on again after."""
    model, tokenizer = bert
    model.train()
    measured = GeometryWatch(TEXTS, tokenizer, queries=50).measure(model)
    tokens = Encoder.from_pretrained(folder_of("bert"), layers="last", device="cpu").encode_tokens(
        TEXTS, progress=False
    )
    sums = type_sums(tokens.vectors, tokens.types)
    assert measured["s_intra"] == pytest.approx(float(sums.s_intra()), abs=1e-4)
    assert measured["s_inter"] == pytest.approx(float(sums.s_inter()), abs=1e-4)
    assert {"log10_isotropy", "lid", "frequency_pc1"} <= measured.keys()
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_changes_with_the_weights(bert):
    model, tokenizer = bert
    watch = GeometryWatch(TEXTS, tokenizer, queries=50)
    before = watch.measure(model)
    with torch.no_grad():
        model.encoder.layer[-1].output.LayerNorm.bias += 5.0  # a cone
    after = watch.measure(model)
    assert after["s_inter"] > 0.99 > before["s_inter"]


def test_sentence_transformers_and_ones_own(bert, folder_of):
    tokenizer = bert[1]
    whole = SentenceTransformer(modules=[stock.Transformer(str(folder_of("bert"))), stock.Pooling(16)], device="cpu")
    theirs = GeometryWatch(TEXTS, tokenizer, queries=50).measure(whole)
    plain = GeometryWatch(TEXTS, tokenizer, queries=50).measure(AutoModel.from_pretrained(str(folder_of("bert"))))
    assert theirs == pytest.approx(plain, abs=1e-3)
    table = torch.nn.Embedding(len(tokenizer), 8)
    with pytest.raises(ValueError, match="Embedding gives neither hidden_states nor token_embeddings: say how"):
        GeometryWatch(TEXTS, tokenizer).measure(table)

    generator = torch.Generator().manual_seed(0)

    def noisy_rows(model, batch):
        rows = model(batch["input_ids"])
        return rows + 1e-3 * torch.randn(rows.shape, generator=generator)

    own = GeometryWatch(TEXTS, tokenizer, states=noisy_rows, queries=50)
    assert own.measure(table)["s_intra"] == pytest.approx(1, abs=1e-3)  # of a token, all vectors are nearly the same


def test_needs_tokens(bert):
    with pytest.raises(ValueError, match="the geometry of 0 tokens cannot be measured"):
        GeometryWatch([], bert[1])


def test_hooks_log_under_the_names_of_training(bert):
    """Before training and after each epoch, of the model that the trainer hands over."""
    model, tokenizer = bert
    watch, logged = GeometryWatch(TEXTS, tokenizer, queries=50), []
    hooks = TrainerWatch(watch, logged.append)
    hooks.on_train_begin(None, None, None, model=model)
    hooks.on_epoch_end(None, None, None, model=model, optimizer=None)
    assert logged[0] == logged[1]
    assert logged[0].keys() == {f"geometry/{name}" for name in watch.measure(model)}
    assert LightningWatch(watch).model(model) is model


def test_a_trainer_of_transformers(bert, tmp_path):
    """Its own history holds the figures of every epoch."""
    pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate")
    from transformers import BertForMaskedLM, Trainer, TrainingArguments

    model, tokenizer = BertForMaskedLM(bert[0].config), bert[1]
    rows = [{**tokenizer(text, padding="max_length", truncation=True, max_length=16)} for text in TEXTS]
    for row in rows:
        row["labels"] = row["input_ids"]
    settings = {"output_dir": str(tmp_path), "report_to": [], "num_train_epochs": 2, "use_cpu": True}
    trainer = Trainer(model, TrainingArguments(**settings, save_strategy="no", disable_tqdm=True), train_dataset=rows)
    trainer.add_callback(TrainerWatch(GeometryWatch(TEXTS, tokenizer, queries=50), trainer.log))
    trainer.train()
    values = [line["geometry/s_inter"] for line in trainer.state.log_history if "geometry/s_inter" in line]
    assert len(values) == 3
    assert len(np.unique(values)) == 3
