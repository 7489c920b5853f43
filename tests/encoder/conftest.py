from functools import cache

import pytest
from transformers import AutoModel, AutoTokenizer

KINDS = ("bert", "distilbert", "electra", "roberta", "mpnet", "gpt2")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def reference(folder_of):
    """Hidden states (layers, tokens, d) of a text, and which of its tokens are special, from the untouched model."""

    @cache
    def states(kind, text):
        model, tokenizer = (
            AutoModel.from_pretrained(folder_of(kind)).eval(),
            AutoTokenizer.from_pretrained(folder_of(kind)),
        )
        encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True, return_token_type_ids=False)
        special = encoded.pop("special_tokens_mask")[0].bool()
        hidden = model(**encoded, output_hidden_states=True).hidden_states
        return [state[0].detach() for state in hidden], special, encoded["input_ids"][0]

    return states
