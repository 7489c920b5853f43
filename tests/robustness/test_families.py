"""Many families, tiny and random: layer i is layer i, whatever stands beside a text, or the model is refused."""

import numpy as np
import pytest
import torch
from tiny_models import word_piece_tokenizer
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

from uncone.encoder import TransformerEncoder

DEPTH = 3
TEXTS = [
    "the cat sat",
    "a dog barked at the cat on the mat!",
    "un believ able the dog sat on the mat, the cat barked at it",
]
COMMON = {"hidden_size": 16, "num_hidden_layers": DEPTH, "num_attention_heads": 2, "intermediate_size": 24}
GPT = {"n_embd": 16, "n_layer": DEPTH, "n_head": 2, "n_positions": 64}
GROUPED = {**COMMON, "num_key_value_heads": 2, "head_dim": 8}
T5 = {"d_model": 16, "num_layers": DEPTH, "num_heads": 2, "d_kv": 8, "d_ff": 24, "num_decoder_layers": DEPTH}
FAMILIES = {
    "albert": {**COMMON, "embedding_size": 8},
    "bert": COMMON,
    "bert-generation": COMMON,
    "big_bird": {**COMMON, "attention_type": "original_full"},
    "biogpt": COMMON,
    "bloom": {"hidden_size": 16, "n_layer": DEPTH, "n_head": 2},
    "camembert": COMMON,
    "canine": COMMON,
    "codegen": {**GPT, "n_embd": 32, "n_head": 4, "rotary_dim": 4, "n_ctx": 64},
    "convbert": {**COMMON, "embedding_size": 16, "conv_kernel_size": 3, "head_ratio": 1, "num_groups": 1},
    "ctrl": {"n_embd": 16, "n_layer": DEPTH, "n_head": 2, "dff": 24, "n_positions": 64},
    "data2vec-text": COMMON,
    "deberta": {**COMMON, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "max_relative_positions": 16},
    "deberta-v2": {**COMMON, "conv_kernel_size": 3, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "distilbert": {"dim": 16, "n_layers": DEPTH, "n_heads": 2, "hidden_dim": 24},
    "electra": {**COMMON, "embedding_size": 8},
    "ernie": COMMON,
    "esm": {**COMMON, "position_embedding_type": "rotary"},
    "falcon": {"hidden_size": 16, "num_hidden_layers": DEPTH, "num_attention_heads": 2},
    "flaubert": {"emb_dim": 16, "n_layers": DEPTH, "n_heads": 2},
    "fnet": {"hidden_size": 16, "num_hidden_layers": DEPTH, "intermediate_size": 24},
    "gemma": GROUPED,
    "gpt2": GPT,
    "gpt_bigcode": GPT,
    "gpt_neo": {
        "hidden_size": 16,
        "num_layers": DEPTH,
        "num_heads": 2,
        "attention_types": [[["global", "local", "local"], 1]],
    },
    "gpt_neox": COMMON,
    "gptj": {**GPT, "rotary_dim": 4},
    "ibert": COMMON,
    "layoutlm": COMMON,
    "llama": GROUPED,
    "longformer": {**COMMON, "attention_window": 8, "max_position_embeddings": 64},
    "luke": {**COMMON, "entity_emb_size": 8, "entity_vocab_size": 10},
    "mamba": {"hidden_size": 16, "num_hidden_layers": DEPTH, "state_size": 4},
    "markuplm": COMMON,
    "megatron-bert": COMMON,
    "mistral": GROUPED,
    "mobilebert": {**COMMON, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
    "modernbert": {**COMMON, "local_attention": 8},
    "mpnet": COMMON,
    "mpt": {"d_model": 16, "n_layers": DEPTH, "n_heads": 2},
    "nystromformer": {**COMMON, "segment_means_seq_len": 64, "num_landmarks": 64},
    "olmo": GROUPED,
    "openai-gpt": GPT,
    "opt": {**COMMON, "word_embed_proj_dim": 8, "ffn_dim": 24},
    "persimmon": COMMON,
    "phi": GROUPED,
    "qwen2": GROUPED,
    "reformer": {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "attention_head_size": 8,
        "axial_pos_embds_dim": [8, 8],
        "attn_layers": ["local"] * DEPTH,
    },
    "rembert": {**COMMON, "input_embedding_size": 8},
    "roberta": COMMON,
    "roberta-prelayernorm": COMMON,
    "roc_bert": COMMON,
    "roformer": {**COMMON, "embedding_size": 16},
    "rwkv": {"hidden_size": 16, "num_hidden_layers": DEPTH, "context_length": 64},
    "splinter": COMMON,
    "squeezebert": {**COMMON, "embedding_size": 16},
    "stablelm": GROUPED,
    "starcoder2": GROUPED,
    "t5": T5,
    "umt5": T5,
    "xglm": {"d_model": 16, "num_layers": DEPTH, "attention_heads": 2, "ffn_dim": 24},
    "xlm": {"emb_dim": 16, "n_layers": DEPTH, "n_heads": 2},
    "xlm-roberta": COMMON,
    "xlm-roberta-xl": COMMON,
    "xlnet": {"d_model": 16, "n_layer": DEPTH, "n_head": 2, "d_inner": 24},
    "xmod": {**COMMON, "default_language": "en_XX"},
    "yoso": COMMON,
}
ENCODERS = ("t5", "umt5")  # half of a model that also writes
BESIDE = "is not what the model says of a text alone"
REFUSED = {"canine": BESIDE, "convbert": BESIDE, "fnet": BESIDE, "nystromformer": BESIDE, "yoso": BESIDE}
WIDTHS_DIFFER = {"opt": [1, 2], "reformer": [1, 2]}  # the last layer is narrower or wider than the others


def untouched(kind):
    """A model of one family at random weights, and its tokenizer."""
    tokenizer = word_piece_tokenizer()
    sizes = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "initializer_range": 0.3}
    family = AutoModelForTextEncoding if kind in ENCODERS else AutoModel
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return family.from_config(AutoConfig.for_model(kind, **sizes, **FAMILIES[kind])).eval(), tokenizer


def alone(model, tokenizer, text):
    """The states (DEPTH + 1) × (t, d) of the tokens of one text, special ones left out."""
    read = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    with torch.no_grad():
        output = model(input_ids=read["input_ids"], output_hidden_states=True)
    own = read["special_tokens_mask"][0] == 0
    return [state[0, : len(own)][own] for state in (*output.hidden_states[:DEPTH], output.last_hidden_state)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FAMILIES)
def test_layers_are_what_the_model_says_of_each_text_alone(kind):
    model, tokenizer = untouched(kind)
    if kind in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[kind]):
            TransformerEncoder(model, tokenizer, kind, "")
        return
    states = [alone(model, tokenizer, text) for text in TEXTS]
    whole = TransformerEncoder(model, tokenizer, kind, "", special_tokens=False)
    for padding_side, pad_token in (("right", tokenizer.pad_token), ("left", None)):
        tokenizer.padding_side, tokenizer.pad_token = padding_side, pad_token
        for choice in (0, 1, "last", WIDTHS_DIFFER.get(kind, "first_last")):
            encoder = whole.at_layers(choice)
            expected = np.stack([torch.stack([s[i] for i in encoder.layer_indices]).mean((0, 1)) for s in states])
            np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5 * float(1 + np.abs(expected).max()))


def test_one_family_of_each_kind():
    """One that its blocks tell, one that its outputs tell, and one that is refused."""
    for kind in ("longformer", "albert", "fnet"):
        test_layers_are_what_the_model_says_of_each_text_alone(kind)
