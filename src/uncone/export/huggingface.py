"""A folder for transformers: the cut model with its tokenizer, and the correction beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save_file

from uncone.encoder import Encoder, TransformerEncoder
from uncone.export.base import EncoderExporter
from uncone.export.parts import PlainModel, affine, check_equal, plain_model, plain_tokenizer, probe_texts
from uncone.removal import Correction

CORRECTION, EMBEDDINGS = "correction.safetensors", "embeddings.safetensors"

MODEL_USAGE = """\
The model is uncorrected: none of its weights could take the correction in. That is beside it, in
`correction.safetensors`, folded into one linear map for pooled vectors.

```python
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
model = AutoModel.from_pretrained("FOLDER"OPTIONS).eval()
correction = load_file("FOLDER/correction.safetensors")

texts = ["a narrow cone", "an open field"]
encoded = tokenizer(texts, padding=True, truncation=True, return_tensors="pt", return_special_tokens_mask=True)
special = encoded.pop("special_tokens_mask")
with torch.no_grad():
    output = model(**encoded, output_hidden_states=True)
tokens = STATES  # (n, m, d)
kept = KEPT  # (n, m)
pooled = POOLED
vectors = torch.nn.functional.linear(pooled, correction["weight"], correction["bias"])
```"""

POOLED = {
    "mean": "(tokens * kept[:, :, None]).sum(1) / kept.sum(1, keepdim=True)",
    "sum": "(tokens * kept[:, :, None]).sum(1)",
    "max": "tokens.masked_fill(kept[:, :, None] == 0, -torch.inf).amax(1)",
    "first": "tokens[range(len(tokens)), kept.argmax(1)]",
    "last": "tokens[range(len(tokens)), kept.shape[1] - 1 - kept.flip(1).argmax(1)]",
}

TABLE_USAGE = """\
`embeddings.safetensors` is the input table with every row corrected: `weight` (V, d), in the order of the tokenizer's
types. The mean of corrected rows is the corrected mean.

```python
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
embeddings = torch.nn.Embedding.from_pretrained(load_file("FOLDER/embeddings.safetensors")["weight"])
ids = tokenizer("a narrow cone", add_special_tokens=False, return_tensors="pt")["input_ids"]
vector = embeddings(ids).mean(1)
```"""


@dataclass(frozen=True)
class HuggingFaceExporter(EncoderExporter):
    """An `AutoModel` folder with the folded correction beside it; or the corrected input table and its tokenizer."""

    library: ClassVar[str] = "transformers"

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `EncoderExporter.check`."""
        affine(removal, "format=huggingface")
        if not encoder.is_static and pooling_of(encoder) not in POOLED:
            raise ValueError(
                f"the weights of {encoder.pooling} pooling have no place in a folder for transformers: "
                "use format=sentence_transformers or format=onnx"
            )
        if encoder.tokenizer is None:
            raise ValueError(
                f"{encoder.name} is a table of whole words, not a model of transformers: "
                "export it with format=word2vec or format=numpy"
            )

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `EncoderExporter.write`."""
        plain_tokenizer(encoder).save_pretrained(folder)
        if not isinstance(encoder, TransformerEncoder):
            rows = removal.apply(encoder.get_buffer("table").float().cpu())
            save_file({"weight": rows}, folder / EMBEDDINGS)
            return TABLE_USAGE
        plain = plain_model(encoder)
        plain.model.save_pretrained(folder)
        W, b = affine(removal, "format=huggingface").fold()
        save_file({"weight": W, "bias": b}, folder / CORRECTION)
        check_states(encoder, plain, folder)
        return model_usage(encoder, plain)


@torch.no_grad()
def check_states(encoder: TransformerEncoder, plain: PlainModel, folder: Path) -> None:
    """Raise a ValueError if the model in a folder gives other states than the encoder."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, **plain.options).eval()
    for text in probe_texts(encoder):
        ids = torch.tensor(encoder.tokenizer([text])["input_ids"])
        output = model(input_ids=ids, output_hidden_states=True)
        states = [output.last_hidden_state] if plain.is_output else [output.hidden_states[i] for i in plain.indices]
        for state, wanted in zip(states, encoder.states(ids, None).values(), strict=True):
            check_equal(state.numpy(), wanted.numpy(), "the model of the exported folder")


def model_usage(encoder: TransformerEncoder, plain: PlainModel) -> str:
    """How to get the encoder's vectors with transformers."""
    layers = list(plain.indices)
    states = f"torch.stack([output.hidden_states[i] for i in {layers}]).mean(0)"
    if len(layers) == 1:
        states = "output.last_hidden_state" if plain.is_output else f"output.hidden_states[{layers[0]}]"
    kept = 'encoded["attention_mask"]' + ("" if encoder.special_tokens else " * (1 - special)")
    if encoder.pooling == "cls":
        kept = '(encoded["input_ids"] == tokenizer.cls_token_id).long()'
    options = "".join(f", {key}={value}" for key, value in plain.options.items())
    filled = {"STATES": states, "KEPT": kept, "POOLED": POOLED[pooling_of(encoder)], "OPTIONS": options}
    usage = MODEL_USAGE
    for name, code in filled.items():
        usage = usage.replace(name, code)
    return usage


def pooling_of(encoder: Encoder) -> str:
    """The entry of POOLED for an encoder: a classification token is the first of its type."""
    return "first" if encoder.pooling == "cls" else encoder.pooling
