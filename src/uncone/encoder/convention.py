"""How a folder of sentence-transformers says that its vectors are made: what stands beside the transformer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from uncone.support.files import reading

POOLING_OF = {"mean": "mean", "max": "max", "cls": "cls", "lasttoken": "last", "weightedmean": "weightedmean"}
ACTIVATIONS = {"Identity": nn.Identity, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "GELU": nn.GELU, "SiLU": nn.SiLU}
TEXTS = "sentence_embedding"
TOKENS_IN = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}


class Normalize(nn.Module):
    """Vectors (n, d) made of length 1; a vector of zeros stays."""

    def forward(self, vectors: Tensor) -> Tensor:
        """See the class."""
        return nn.functional.normalize(vectors, dim=1)


class Dense(nn.Module):
    """A linear map, of `weight` (e, d) and maybe `bias` (e,), and an activation."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: nn.Module):
        super().__init__()
        self.linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        self.linear.load_state_dict({"weight": weight} | ({} if bias is None else {"bias": bias}))
        self.activation = activation

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (n, e) of vectors (n, d)."""
        mapped: Tensor = self.activation(self.linear(vectors))
        return mapped


@dataclass(frozen=True)
class Convention:
    """What a folder says of itself; the defaults are those of any other encoder.

    Attributes:
        subfolder: of the transformer, or of the table.
        is_table: whether it is a static table.
        pooling: one of `uncone.encoder.pooling.POOLINGS`.
        tail: what follows the pooling, each `Dense` or `Normalize`; empty if nothing does.
        max_length: tokens that are read; None if it does not say.
        lowercase: whether text is lower-cased before the tokenizer sees it.
        prompts: what goes before a text, by what the text is ("query", "document", …).
        prompt: which of them goes before a text of which nothing is said; None for none.
        pools_prompt: whether the tokens of a prompt are pooled.
    """

    subfolder: str = ""
    is_table: bool = False
    pooling: str = "mean"
    tail: nn.Sequential = field(default_factory=nn.Sequential)
    max_length: int | None = None
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None
    pools_prompt: bool = True

    @classmethod
    def of(cls, where: str, whole: bool = True) -> Convention:
        """That of a folder, or of a name on the Hugging Face hub.

        Args:
            whole: read the modules that follow the first, too; else pooling and tail stay the defaults.

        Raises:
            ValueError: for files that cannot be read, and modules that uncone does not know.
        """
        path = find_file(where, "modules.json")
        if path is None:
            return cls()
        with reading(path, "modules of sentence-transformers"):
            modules = json.loads(path.read_text(encoding="utf-8"))
            kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
            paths = ["" if module["path"] in ("", ".") else str(PurePosixPath(module["path"])) for module in modules]
        if kinds[:1] not in (["Transformer"], ["StaticEmbedding"]):
            raise ValueError(f"{path} does not begin with a Transformer or a StaticEmbedding, which uncone reads")
        read, said = (
            _settings(where, "sentence_bert_config.json", paths[0]),
            _settings(where, "config_sentence_transformers.json"),
        )
        limit = read.get("max_seq_length")
        found = cls(
            subfolder=paths[0],
            is_table=kinds[0] == "StaticEmbedding",
            max_length=limit if isinstance(limit, int) else None,
            lowercase=bool(read.get("do_lower_case")),
            prompts={name: text for name, text in (said.get("prompts") or {}).items() if text},
            prompt=said.get("default_prompt_name"),
        )
        if not whole:
            return found
        if read.get("modality_config", TOKENS_IN).get("text") != TOKENS_IN["text"]:
            raise _unknown(path, "what its Transformer hands on")
        return found._with_modules(where, path, kinds[1:], paths[1:])

    def _with_modules(self, where: str, path: Path, kinds: Sequence[str], paths: Sequence[str]) -> Convention:
        """With the pooling and the tail that the modules behind the first make up."""
        found, tail = self, nn.Sequential()
        for place, (kind, subfolder) in enumerate(zip(kinds, paths, strict=True)):
            settings = _settings(where, "config.json", subfolder)
            if kind == "Pooling" and place == 0 and not self.is_table:
                modes = _pooling_modes(settings)
                if len(modes) != 1 or modes[0] not in POOLING_OF:
                    raise _unknown(path, f"pooling by {' and '.join(modes)}")
                includes = bool(settings.get("include_prompt", True))
                if modes[0] == "weightedmean" and not includes:
                    raise _unknown(path, "a weighted mean without the prompt")
                found = replace(self, pooling=POOLING_OF[modes[0]], pools_prompt=includes)
            elif kind == "Dense":
                tail.append(_dense(where, path, settings, subfolder))
            elif kind == "Normalize":
                tail.append(Normalize())
            else:
                raise _unknown(path, f"a module {kind} in place {place + 1}")
        if not self.is_table and kinds[:1] != ["Pooling"]:
            raise _unknown(path, "no Pooling behind its Transformer")
        return replace(found, tail=tail.requires_grad_(False))


def find_file(where: str, name: str, subfolder: str = "") -> Path | None:
    """A file of a folder or of a name on the hub; None if there is none."""
    from transformers.utils.hub import cached_file

    if ".." in Path(subfolder).parts or Path(subfolder).is_absolute():
        raise ValueError(f"{where} names a module outside itself: {subfolder!r}")
    found = cached_file(
        where,
        name,
        subfolder=subfolder,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        _raise_exceptions_for_gated_repo=False,
    )
    return None if found is None else Path(found)


def read_tensors(where: str, subfolder: str) -> dict[str, Tensor]:
    """The weights of a module."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        path = find_file(where, name, subfolder)
        if path is not None:
            with reading(path, "weights of a module"):
                is_safe = path.suffix == ".safetensors"
                tensors: dict[str, Tensor] = (
                    load_file(path) if is_safe else torch.load(path, weights_only=True, map_location="cpu")
                )
                return tensors
    raise ValueError(f"{where} has no weights in {subfolder or 'it'}: put its model.safetensors there")


def _settings(where: str, name: str, subfolder: str = "") -> dict[str, Any]:
    """A JSON file of settings; empty if there is none."""
    path = find_file(where, name, subfolder)
    if path is None:
        return {}
    with reading(path, "settings"):
        return dict(json.loads(path.read_text(encoding="utf-8")))


def _pooling_modes(settings: Mapping[str, Any]) -> list[str]:
    """Names of the poolings that are put side by side, in the present spelling or in that of old folders."""
    stated = settings.get("pooling_mode")
    if stated is not None:
        return [stated] if isinstance(stated, str) else list(map(str, stated))
    before, after = "pooling_mode_", "_token"
    chosen = [name for name, on in settings.items() if name.startswith(before) and on is True]
    return [name.removeprefix(before).removesuffix("s").removesuffix(after) for name in chosen] or ["mean"]


def _dense(where: str, path: Path, settings: Mapping[str, Any], subfolder: str) -> Dense:
    activation = str(settings.get("activation_function", "Tanh")).rpartition(".")[2]
    ends = {str(settings.get(f"module_{end}_name") or TEXTS) for end in ("input", "output")} - {TEXTS}
    if activation not in ACTIVATIONS or settings.get("use_residual") or ends:
        raise _unknown(path, f"a Dense with {activation}, of {', '.join(sorted(ends)) or 'text vectors'}")
    tensors = {name.removeprefix("linear."): x.float() for name, x in read_tensors(where, subfolder).items()}
    with reading(path, "a model with a Dense"):
        return Dense(tensors["weight"], tensors.get("bias"), ACTIVATIONS[activation]())


def _unknown(path: Path, what: str) -> ValueError:
    return ValueError(
        f"{path} has {what}, which uncone cannot read: encoder.pooling=mean, or another, reads its transformer alone"
    )
