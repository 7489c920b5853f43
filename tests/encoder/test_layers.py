"""Layer choices against `output_hidden_states=True` of the untouched model."""

import copy

import numpy as np
import pytest
import torch
from tiny_models import CORPUS, DEPTH
from torch import nn
from transformers import AlbertConfig, AlbertModel, AutoModel

from uncone.encoder import Encoder
from uncone.encoder.layers import LayerStates, find_blocks, resolve_layers

CHOICES = {
    0: [0],
    1: [1],
    "last": [DEPTH],
    "first_last": [1, DEPTH],
    -2: [DEPTH - 1],
    (2, 0): [0, 2],
    "all": list(range(DEPTH + 1)),
}


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_states_are_those_of_the_untouched_model(kind, choice, folder_of, reference):
    layers = list(choice) if isinstance(choice, tuple) else choice
    encoder = Encoder.from_pretrained(str(folder_of(kind)), layers=layers, special_tokens=True)
    tokens = encoder.encode_tokens(CORPUS)
    assert encoder.layers == "+".join(map(str, CHOICES[choice]))
    for i, text in enumerate(CORPUS):
        hidden, _, ids = reference(kind, text)
        expected = torch.stack([hidden[layer] for layer in CHOICES[choice]]).mean(0)
        np.testing.assert_array_equal(tokens.types[tokens.texts == i], ids)
        np.testing.assert_allclose(tokens.vectors[tokens.texts == i], expected, atol=1e-5)


@pytest.mark.parametrize(("layers", "kept"), [(0, 1), (1, 1), ([0, 2], 2), (-1, DEPTH)], ids=str)
def test_blocks_above_the_highest_layer_are_gone(kind, layers, kept, folder_of):
    block = type(find_blocks(AutoModel.from_pretrained(folder_of(kind)), DEPTH)[0])
    encoder = Encoder.from_pretrained(str(folder_of(kind)), layers=layers)
    calls = []
    for module in encoder.modules():
        if isinstance(module, block):
            module.register_forward_hook(lambda *_: calls.append(1))
    encoder.encode(CORPUS[:1])
    assert len(calls) == sum(isinstance(module, block) for module in encoder.modules()) == kept


@pytest.mark.parametrize("layers", ["static", 0, 1, "last", [0, 2]], ids=str)
def test_other_layers_of_loaded_weights_are_those_of_a_fresh_model(kind, layers, folder_of):
    """To the bit, whether or not they are the deepest ones; and they share the weights."""
    whole = Encoder.from_pretrained(str(folder_of(kind)), layers="all")
    before = whole.encode(CORPUS)
    found, expected = whole.at_layers(layers), Encoder.from_pretrained(str(folder_of(kind)), layers=layers)
    assert found.settings == expected.settings
    assert found.identity == expected.identity
    np.testing.assert_array_equal(found.encode(CORPUS), expected.encode(CORPUS))
    np.testing.assert_array_equal(whole.encode(CORPUS), before)
    owned = {parameter.data_ptr() for parameter in (*whole.parameters(), *whole.buffers())}
    assert {tensor.data_ptr() for tensor in (*found.parameters(), *found.buffers())} <= owned


def test_layers_that_were_cut_off_are_refused(folder_of):
    encoder = Encoder.from_pretrained(str(folder_of("gpt2")), layers=1)
    np.testing.assert_array_equal(encoder.at_layers([1]).encode(CORPUS), encoder.encode(CORPUS))
    with pytest.raises(ValueError, match=f"layer {DEPTH} was cut off"):
        encoder.at_layers("last")


def test_hooks_leave_no_trace(folder_of):
    model = AutoModel.from_pretrained(folder_of("bert"))
    states = LayerStates(model, [0, 2])
    clone = copy.deepcopy(states)
    ids = torch.tensor([[2, 5, 6, 3]])
    for parameter in clone.parameters():
        parameter.data.zero_()
    assert all(x.abs().sum() > 0 for x in states(ids, None).values())
    assert all(x.abs().sum() == 0 for x in clone(ids, None).values())  # of its own blocks, not of the original's
    with pytest.raises(IndexError):
        states(torch.tensor([[10**6]]), None)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in states.modules())


@pytest.mark.parametrize("choice", [4, -4, [1, 9], [], "middle", 1.5, [1, "1"]], ids=str)
def test_unknown_layers_name_the_choices(choice):
    with pytest.raises(ValueError, match=r"unknown layers .*3 blocks.*first_last"):
        resolve_layers(choice, 3)


def test_models_without_distinct_blocks_are_refused():
    config = AlbertConfig(
        vocab_size=10, embedding_size=4, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8
    )
    with pytest.raises(ValueError, match="AlbertModel has no list of 3 blocks"):
        find_blocks(AlbertModel(config), 3)


def test_blocks_are_the_first_list_of_the_right_length():
    model = nn.ModuleDict(
        {"heads": nn.ModuleList([nn.Identity()]), "layers": nn.ModuleList(nn.Linear(1, 1) for _ in "ab")}
    )
    assert find_blocks(model, 2) is model["layers"]
