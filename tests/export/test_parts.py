"""What formats share: models that need no hooks, plain tokenizers, and the affine map that makes export exact."""

import copy

import numpy as np
import pytest
import torch
from transformers import AutoModel

from uncone.export.parts import (
    affine,
    check_vectors,
    corrected,
    framing,
    model_options,
    plain_model,
    plain_tokenizer,
    probe_texts,
    type_weights,
)
from uncone.removal import Removal

from .conftest import KINDS, TEXTS, clusters_for, removal_for


def random_removal(seed, d=12):
    generator = torch.Generator().manual_seed(seed)
    k = int(torch.randint(0, d + 1, (1,), generator=generator))
    U = torch.linalg.qr(torch.randn(d, d, generator=generator))[0][:, :k]
    return Removal(torch.randn(d, generator=generator), U, 3 * torch.rand(k, generator=generator), "random")


@pytest.mark.parametrize("seed", range(20))
def test_a_removal_folds_and_commutes_with_means(seed):
    removal, generator = random_removal(seed), torch.Generator().manual_seed(seed + 1)
    X = 5 * torch.randn(30, removal.dimension, generator=generator, dtype=torch.float64)
    W, b = removal.fold()
    torch.testing.assert_close(X @ W.T.double() + b, removal.apply(X), rtol=1e-6, atol=1e-5)
    weights = torch.rand(30, generator=generator, dtype=torch.float64)
    weights /= weights.sum()
    torch.testing.assert_close(weights @ removal.apply(X), removal.apply(weights @ X), rtol=1e-9, atol=1e-9)
    kept = Removal(torch.zeros_like(removal.centre), removal.components, torch.ones_like(removal.gains), "w = 0")
    torch.testing.assert_close(kept.apply(X), X, rtol=1e-9, atol=1e-9)


def test_exporting_leaves_the_encoder_as_it_was(kind, encoder_of):
    encoder = encoder_of(kind)
    before, config = encoder.encode(TEXTS), copy.deepcopy(encoder.states.model.config)
    plain_model(encoder)[0].config.output_hidden_states = True
    plain_tokenizer(encoder).pad_token = plain_tokenizer(encoder).convert_ids_to_tokens(5)
    np.testing.assert_array_equal(encoder.encode(TEXTS), before)
    assert encoder.states.model.config.to_dict() == config.to_dict()


def test_weights_are_shared_not_copied(encoder_of):
    encoder = encoder_of("bert")
    own = {parameter.data_ptr() for parameter in encoder.states.parameters()}
    assert {parameter.data_ptr() for parameter in plain_model(encoder)[0].parameters()} == own


def test_a_plain_tokenizer_feeds_as_the_encoder_does(kind, encoder_of, tmp_path):
    from transformers import AutoTokenizer

    encoder = encoder_of(kind)
    plain_tokenizer(encoder).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    fed = tokenizer(TEXTS, truncation=True, padding=True)
    lengths = [sum(mask) for mask in fed["attention_mask"]]
    rows = [row[:length] for row, length in zip(fed["input_ids"], lengths, strict=True)]
    assert [i for row in rows for i in row] == encoder.reader.read(TEXTS).types.tolist()
    assert max(lengths) == encoder.max_length == tokenizer.model_max_length
    assert tokenizer.padding_side == "right"


def test_what_stands_around_a_text(encoder_of):
    found = {kind: framing(encoder_of(kind).tokenizer) for kind in KINDS}
    assert found["bert"] == ([2], [3])
    assert found["roberta"] == ([0], [2])
    assert found["gpt2"] == ([], [])


def test_weights_of_types(encoder_of):
    assert (type_weights(encoder_of("gpt2")) == 1).all()
    assert (type_weights(encoder_of("bert", special_tokens=True)) == 1).all()
    weights = type_weights(encoder_of("bert", pooling="sif"))
    assert torch.nonzero(weights == 0)[:, 0].tolist() == [2, 3]
    torch.testing.assert_close(weights[4:], encoder_of("bert", pooling="sif").weights[4:])


def test_probes_are_ragged_known_and_whole(kind, encoder_of):
    encoder = encoder_of(kind)
    texts = probe_texts(encoder)
    lengths = [len(row) for row in encoder.tokenize(texts)]
    assert len(texts) >= 3
    assert len(set(lengths)) > 1
    assert max(lengths) < encoder.max_length


def test_a_model_with_code_of_its_own_is_refused(encoder_of, monkeypatch):
    encoder = encoder_of("bert")
    own = type("OwnModel", (type(encoder.states.model),), {"__module__": "transformers_modules.stranger"})
    monkeypatch.setattr(encoder.states.model, "__class__", own)
    with pytest.raises(ValueError, match="needs code of its own"):
        plain_model(encoder)


def test_other_vectors_and_other_maps_are_refused(encoder_of):
    encoder = encoder_of("bert")
    removal = removal_for(encoder)
    size = max(1, np.abs(corrected(encoder, removal, probe_texts(encoder))).max())

    def check(error):
        check_vectors(lambda texts: corrected(encoder, removal, texts) + error, encoder, removal, False, "it")

    check(5e-6 * size)
    with pytest.raises(ValueError, match="it gives vectors that differ by"):  # as if padding mattered
        check_vectors(lambda texts: corrected(encoder, removal, texts) + len(texts) - 1, encoder, removal, False, "it")
    for error in (2e-5 * size, np.nan):
        with pytest.raises(ValueError, match="it gives vectors that differ by"):
            check(error)
    assert affine(removal_for(encoder), "it") is not None
    with pytest.raises(ValueError, match="it takes one affine map, and this is clustered"):
        affine(clusters_for(encoder, "tokens"), "it")


def test_the_model_loads_by_itself(encoder_of, tmp_path):
    encoder = encoder_of("bert")
    plain_model(encoder)[0].save_pretrained(tmp_path)
    loaded, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True, **model_options(encoder))
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert loaded.config.num_hidden_layers == 2
