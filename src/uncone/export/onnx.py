"""One ONNX file: token types in, corrected vectors out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from timeit import repeat
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from uncone.data.corpora import load_texts
from uncone.encoder import Encoder, TransformerEncoder
from uncone.encoder.layers import average
from uncone.export.base import Exporter, markdown
from uncone.export.parts import (
    affine,
    check_tokenizer,
    check_vectors,
    ends_in_unit_length,
    plain_tokenizer,
    probe_texts,
    type_weights,
    unit,
)
from uncone.removal import Correction, ReducedRemoval, Removal

MODEL, INT8_MODEL = "model.onnx", "model_int8.onnx"
ROUNDS = 3  # of timing; the fastest counts
NEWS, NEWS_LENGTH = 32, 200  # texts on which 8 bits are measured, and letters of each

TINY = 1e-9  # keeps an empty text from dividing by 0


@dataclass(frozen=True)
class OnnxExporter(Exporter):
    """The encoder, its pooling and its correction in one graph of any batch size and length."""

    library: ClassVar[str] = "onnx"
    normalize: bool | None = None  # end in vectors of length 1; None as the encoder's own vectors do
    int8: bool = False  # write a second file whose matrix products are in 8 bits, and measure what it loses and gains

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `Exporter.check`."""
        affine(removal, "ONNX")
        check_tokenizer(encoder, "without a tokenizer that could travel along")
        if encoder.prompt:
            raise ValueError(
                f"an ONNX file takes tokens, and cannot put {encoder.prompt!r} before a text: set encoder.prompt=''"
            )
        packages()

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `Exporter.write`."""
        normalize = ends_in_unit_length(encoder, self.normalize)
        graph = Graph(encoder, affine(removal, "ONNX"), normalize).eval()
        tokenizer = graph_tokenizer(encoder)
        tokenizer.save(str(folder / "tokenizer.json"))
        special = isinstance(encoder, TransformerEncoder)
        trace(graph, feed_of(tokenizer, probe_texts(encoder), special), folder / MODEL)
        session = open_session(folder / MODEL)

        def run(texts: list[str]) -> Any:
            return session.run(None, feed_of(tokenizer, texts, special))[0]

        check_vectors(run, encoder, removal, normalize, f"{MODEL} under onnxruntime")
        if not self.int8:
            return markdown("onnx", special=special, int8=None)
        news = [text[:NEWS_LENGTH] for text in load_texts("lee_background")[:NEWS]]
        news = list(compress(news, encoder.known(news))) or probe_texts(encoder)
        return markdown("onnx", special=special, int8=quantise(folder, feed_of(tokenizer, news, special)))


class Graph(nn.Module):
    """Padded token types in, one corrected vector for each text out.

    Pools padded tokens as `uncone.encoder.pooling.pool` does ragged ones.
    """

    def __init__(self, encoder: Encoder, removal: Removal | ReducedRemoval, normalize: bool):
        super().__init__()
        if isinstance(encoder, TransformerEncoder):
            self.source: nn.Module = encoder.states
        else:
            self.source = nn.Embedding.from_pretrained(encoder.get_buffer("table").float())
        self.pooling, self.tail, self.normalize = encoder.pooling, encoder.tail, normalize
        self.register_buffer("weights", type_weights(encoder))
        self.classification = encoder.tokenizer.cls_token_id if encoder.pooling == "cls" else -1
        W, b = removal.fold()
        self.register_buffer("W", W)
        self.register_buffer("b", b)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors (n, k) of token types (n, m), padded on the right; the mask is 1 for tokens, 0 for padding."""
        if isinstance(self.source, nn.Embedding):
            tokens = self.source(input_ids)
        else:
            tokens = average(self.source(input_ids, attention_mask)).float()  # (n, m, d)
        pooled = self.tail(self._pool(tokens, input_ids, attention_mask))
        vectors = nn.functional.linear(pooled, self.get_buffer("W"), self.get_buffer("b"))
        return nn.functional.normalize(vectors, dim=1) if self.normalize else vectors

    def _pool(self, tokens: Tensor, ids: Tensor, attention: Tensor) -> Tensor:
        weights = self.get_buffer("weights")[ids] * attention  # (n, m), 0 for what is left out
        if self.pooling == "max":
            return tokens.masked_fill((weights == 0)[:, :, None], -torch.inf).amax(1)
        if self.pooling in ("first", "last", "cls"):
            wanted = ids.eq(self.classification) if self.pooling == "cls" else weights > 0
            places = torch.arange(ids.shape[1], device=ids.device)
            order = -places if self.pooling == "last" else places
            chosen = torch.where(wanted, order, ids.shape[1]).argmin(1)
            return tokens.gather(1, chosen[:, None, None].expand(-1, 1, tokens.shape[2]))[:, 0]
        if self.pooling == "weightedmean":
            weights = weights * (weights > 0).cumsum(1)
        total = (tokens * weights[:, :, None]).sum(1)
        return total if self.pooling == "sum" else total / weights.sum(1, keepdim=True).clamp_min(TINY)


def packages() -> Any:
    """The module onnxruntime; a ValueError names what an export lacks."""
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(f"format=onnx needs {error.name}: pip install 'uncone[onnx]'") from error
    return onnxruntime


def open_session(path: Path) -> Any:
    """An onnxruntime session on the CPU, on as many threads as torch uses."""
    runtime = packages()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def graph_tokenizer(encoder: Encoder) -> Any:
    """A tokenizer, of the library of that name, which cuts and pads by itself."""
    plain = plain_tokenizer(encoder)
    tokenizer = plain.backend_tokenizer
    if isinstance(encoder, TransformerEncoder):
        tokenizer.enable_truncation(encoder.max_length)
    tokenizer.enable_padding(pad_id=plain.pad_token_id or 0, pad_token=plain.pad_token or "")
    return tokenizer


def feed_of(tokenizer: Any, texts: list[str], special: bool) -> dict[str, np.ndarray]:
    """What the graph reads, (n, m) int64 each."""
    encoded = tokenizer.encode_batch(texts, add_special_tokens=special)
    return {
        "input_ids": np.array([text.ids for text in encoded]),
        "attention_mask": np.array([text.attention_mask for text in encoded]),
    }


def trace(graph: Graph, feed: dict[str, np.ndarray], path: Path) -> None:
    """Write the graph with free batch size and length."""
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    with quietly():
        torch.onnx.export(
            graph,
            tuple(map(torch.from_numpy, feed.values())),
            str(path),
            input_names=list(feed),
            output_names=["vectors"],
            dynamic_shapes=(free, free),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings that torch and onnxruntime address to each other's authors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def quantise(folder: Path, feed: dict[str, np.ndarray]) -> dict[str, Any]:
    """Write the 8-bit model, and measure it on the n texts that `feed` holds.

    Returns:
        Its cosines (n,) with the whole model's vectors, how many times as fast it is, and the sizes of both in MB.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quietly():
        quantize_dynamic(folder / MODEL, folder / INT8_MODEL, per_channel=True, weight_type=QuantType.QInt8)
    sessions = [open_session(folder / name) for name in (MODEL, INT8_MODEL)]
    whole, small = (unit(session.run(None, feed)[0]) for session in sessions)
    slow, fast = (min(repeat(partial(session.run, None, feed), number=1, repeat=ROUNDS)) for session in sessions)
    whole_size, size = ((folder / name).stat().st_size / 1e6 for name in (MODEL, INT8_MODEL))
    return {"cosine": (whole * small).sum(1), "speed": slow / fast, "size": size, "whole_size": whole_size}
