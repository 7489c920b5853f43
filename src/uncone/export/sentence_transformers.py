"""Models of sentence-transformers, in memory and as folders: its stock modules, but for clusters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules.module import Module
from sentence_transformers.sentence_transformer import modules as stock
from torch import Tensor, nn

from uncone.encoder import Encoder, TransformerEncoder
from uncone.encoder.convention import Dense
from uncone.encoder.pooling import WEIGHTED
from uncone.export.base import Exporter, markdown
from uncone.export.parts import (
    affine,
    check_one_centre,
    check_tokenizer,
    check_vectors,
    ends_in_unit_length,
    framing,
    model_options,
    plain_model,
    plain_tokenizer,
    type_weights,
)
from uncone.removal import ClusteredRemoval, Correction, ReducedRemoval, Removal

INPUTS = {"tokens": "token_embeddings", "texts": "sentence_embedding"}


@dataclass(frozen=True)
class SentenceTransformersExporter(Exporter):
    """The cut model, pooling, and the folded correction as a Dense module; or a StaticEmbedding of corrected rows."""

    library: ClassVar[str] = "sentence-transformers"
    normalize: bool | None = None  # end in vectors of length 1; None as the encoder's own vectors do

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `Exporter.check`."""
        check_one_centre(removal, "a SentenceTransformer")
        pooling_mode(encoder)

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `Exporter.write`."""
        normalize = ends_in_unit_length(encoder, self.normalize)
        model = sentence_transformer(encoder, removal, normalize)
        model.save(str(folder), create_model_card=False)
        if isinstance(encoder, TransformerEncoder):  # what the Transformer module reads but does not write
            path = folder / "sentence_bert_config.json"
            path.write_text(
                json.dumps(json.loads(path.read_text()) | {"model_kwargs": model_options(encoder)}, indent=2)
            )
        custom = any(isinstance(module, ClusteredCorrection) for module in model)
        loaded = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=custom)
        encode = partial(loaded.encode, show_progress_bar=False)
        check_vectors(encode, encoder, removal, normalize, "the exported folder")
        return markdown("sentence_transformers", needs_uncone=custom)


def sentence_transformer(encoder: Encoder, removal: Correction, normalize: bool = False) -> SentenceTransformer:
    """An encoder with its removal as a model of sentence-transformers, in memory, on the device of a transformer.

    Raises:
        ValueError: if modules of sentence-transformers cannot express the encoder or the removal.
    """
    check_one_centre(removal, "a SentenceTransformer")
    mode = pooling_mode(encoder)
    if isinstance(encoder, TransformerEncoder):
        modules, device = _transformer(encoder), str(encoder.device)
        pooling, tail, correction = _pooling(encoder, mode), _tail(encoder), _correction(removal)
        before = removal.corrects_tokens
        if isinstance(correction, stock.Dense) and len(pooling) > 1 and not tail:
            # a mean of what is mapped is the mean, mapped; and after weighting, half precision would be single
            before, name = True, INPUTS["tokens"]
            correction.module_input_name = correction.module_output_name = name
            pooling[-1] = stock.Pooling(removal.output_dimension, mode, encoder.pools_prompt)
        modules += [correction, *pooling, *tail] if before else [*pooling, *tail, correction]
    else:
        modules, device = _static(encoder, removal), "cpu"
    if normalize:
        modules.append(stock.Normalize())
    names = [name for name, text in encoder.prompts.items() if encoder.prompt and text == encoder.prompt]
    return SentenceTransformer(
        modules=modules,
        device=device,
        similarity_fn_name="cosine",
        prompts=dict(encoder.prompts),
        default_prompt_name=next(iter(names), None),
    )


def attach(removal: Removal | ReducedRemoval, model: SentenceTransformer) -> SentenceTransformer:
    """Put a removal behind a model of sentence-transformers, as a Dense module in place; returns the model.

    Vectors of length 1 stay so. `model.save(folder)` keeps both.

    Raises:
        ValueError: if the removal belongs to another model, to another of its layers, or is no single affine map.
    """
    if removal.encoder:
        removal.check_encoder(Encoder.from_pretrained(model, device="cpu"))
    dense = _correction(affine(removal, "a Dense module"))
    unit = isinstance(list(model)[-1], stock.Normalize)
    model.append(dense.to(model.device, next(model.parameters()).dtype))
    if unit:
        model.append(stock.Normalize())
    return model


def pooling_mode(encoder: Encoder) -> str:
    """How the Pooling module calls an encoder's pooling; a ValueError says what to use where it has no name for it."""
    if not isinstance(encoder, TransformerEncoder):
        check_tokenizer(encoder, "and sentence-transformers has no tokenizer that leaves unknown words out")
        if encoder.pooling != "mean":
            raise ValueError(
                f"sentence-transformers can only average the rows of a static table, not pool them by "
                f"{encoder.pooling!r}: set encoder.pooling=mean, or format=onnx"
            )
        return "mean"
    before, after = framing(encoder.tokenizer)
    left_out = not encoder.pools_special()
    refusals = {
        "sum": (True, "a sum over tokens; set encoder.pooling=mean, which has the same direction before correction"),
        "first": (left_out and before, "the first token after a special one; set encoder.special_tokens=true"),
        "last": (left_out and after, "the last token before a special one; set encoder.special_tokens=true"),
        "max": (left_out and (before or after), "a maximum without special tokens; set encoder.special_tokens=true"),
        "weightedmean": (left_out and before, "positions without special tokens; set encoder.special_tokens=true"),
        "cls": (before[:1] != [encoder.tokenizer.cls_token_id], "a classification token that does not come first"),
    }
    refused, why = refusals.get(encoder.pooling, (False, ""))
    if refused:
        raise ValueError(f"sentence-transformers has no module for {why}, or format=onnx")
    modes = {"first": "cls", "last": "lasttoken", **dict.fromkeys(WEIGHTED, "mean")}
    return modes.get(encoder.pooling, encoder.pooling)


def _transformer(encoder: TransformerEncoder) -> list[nn.Module]:
    """The model, and the average over its layers if there are several."""
    model, is_output = plain_model(encoder)
    indices, several = encoder.layer_indices, len(encoder.layer_indices) > 1
    model.config.output_hidden_states = several
    output = "last_hidden_state" if is_output or several else ["hidden_states", indices[0]]
    with TemporaryDirectory() as folder:  # the module reads files alone
        model.save_pretrained(folder)
        plain_tokenizer(encoder).save_pretrained(folder)
        transformer = stock.Transformer(
            folder,
            model_kwargs=model_options(encoder),
            modality_config={"text": {"method": "forward", "method_output_name": output}},
            module_output_name=INPUTS["tokens"],
        )
    if not several:
        return [transformer]
    first, depth = indices[0], model.config.num_hidden_layers
    weights = torch.tensor([float(i in indices) for i in range(first, depth + 1)])
    return [transformer, stock.WeightedLayerPooling(encoder.states.width(), depth, first, nn.Parameter(weights))]


def _pooling(encoder: TransformerEncoder, mode: str) -> list[nn.Module]:
    """Pooling, after weights of token types if some weigh more or nothing."""
    pooling = stock.Pooling(encoder.states.width(), mode, encoder.pools_prompt)
    weights = type_weights(encoder)
    if mode != "mean" or (weights == 1).all():
        return [pooling]
    names = encoder.tokenizer.convert_ids_to_tokens(list(range(len(encoder.tokenizer))))
    names = [f"[no token {i}]" if name is None else name for i, name in enumerate(names)]
    differ = {name: weight for name, weight in zip(names, weights.tolist(), strict=False) if weight != 1}
    # the module gives a name that it does not know the weight of its lower case
    weight_of = {name: 1.0 for name in names if name.lower() in differ} | differ
    return [stock.WordWeights(names, weight_of, unknown_word_weight=1), pooling]


def _correction(removal: Correction) -> nn.Module:
    if isinstance(removal, ClusteredRemoval):
        return ClusteredCorrection(removal)
    W, b = affine(removal, "a Dense module").fold()
    return stock.Dense(
        removal.dimension, removal.output_dimension, bias=True, activation_function=None, init_weight=W, init_bias=b
    )


def _tail(encoder: Encoder) -> list[nn.Module]:
    """What the folder of the encoder puts behind the pooling."""
    modules = list[nn.Module]()
    for module in encoder.tail:
        if isinstance(module, Dense):
            linear, bias = module.linear, module.linear.bias
            size = linear.in_features, linear.out_features
            modules.append(stock.Dense(*size, bias is not None, module.activation, linear.weight, bias))
        else:
            modules.append(stock.Normalize())
    return modules


def _static(encoder: Encoder, removal: Correction) -> list[nn.Module]:
    """The mean of corrected rows: that of an affine map is the corrected mean of rows."""
    table = encoder.get_buffer("table").float().cpu()
    behind = len(encoder.tail) > 0 or (isinstance(removal, ClusteredRemoval) and removal.level == "texts")
    rows = table if behind else removal.apply(table)
    embedding = stock.StaticEmbedding(plain_tokenizer(encoder).backend_tokenizer, embedding_weights=rows)
    return [embedding, *_tail(encoder), _correction(removal)] if behind else [embedding]


class ClusteredCorrection(Module):
    """A `ClusteredRemoval` of token vectors or of text vectors, between the modules of a `SentenceTransformer`."""

    save_in_root = False

    def __init__(self, removal: ClusteredRemoval):
        super().__init__()
        self.removal = removal

    def forward(self, features: dict[str, Tensor | Any], **_: Any) -> dict[str, Tensor | Any]:
        """Correct the vectors that the removal is for."""
        name = INPUTS[self.removal.level]
        features[name] = self.removal.apply(features[name])
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write what `Removal.save` writes."""
        self.removal.save(output_path)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **options: Any) -> Self:  # type: ignore[override]
        """Read it back, from a folder or from the hub."""
        where: Any = {key: options.get(key) for key in ("token", "cache_folder", "revision", "local_files_only")}
        folder = cls.load_dir_path(model_name_or_path, subfolder, **where)
        if folder is None:
            raise ValueError(f"no removal in {subfolder} of {model_name_or_path}")
        return cls(ClusteredRemoval.load(folder))
