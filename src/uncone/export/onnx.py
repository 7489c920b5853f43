"""One ONNX file: token types in, corrected vectors out."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from uncone.data.corpora import load_texts
from uncone.encoder import Encoder, TransformerEncoder
from uncone.encoder.layers import average
from uncone.export.base import Exporter
from uncone.export.markdown import markdown
from uncone.export.parts import (
    affine,
    check_equal,
    check_tokenizer,
    corrected,
    plain_tokenizer,
    probe_texts,
    type_weights,
    unit,
)
from uncone.removal import Correction, Removal

MODEL, INT8_MODEL = "model.onnx", "model_int8.onnx"
ROUNDS = 3  # of timing; the fastest counts
NEWS, NEWS_LENGTH = 32, 200  # texts on which 8 bits are measured, and letters of each

TINY = 1e-9  # keeps an empty text from dividing by 0


@dataclass(frozen=True)
class OnnxExporter(Exporter):
    """The encoder, its pooling and its correction in one graph of any batch size and length.

    Args:
        normalize: end in vectors of length 1.
        int8: write a second file whose matrix products are in 8 bits, and measure what it loses and gains.
    """

    library: ClassVar[str] = "onnx"
    normalize: bool = False
    int8: bool = False

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `Exporter.check`."""
        affine(removal, "ONNX")
        check_tokenizer(encoder, "without a tokenizer that could travel along")
        packages()

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `Exporter.write`."""
        graph = Graph(encoder, affine(removal, "ONNX"), self.normalize).eval()
        tokenizer = graph_tokenizer(encoder)
        tokenizer.save(str(folder / "tokenizer.json"))
        texts = probe_texts(encoder)
        special = isinstance(encoder, TransformerEncoder)
        feed = feed_of(tokenizer, texts, special)
        trace(graph, feed, folder / MODEL)
        expected = corrected(encoder, removal, texts)
        expected = unit(expected) if self.normalize else expected
        session = open_session(folder / MODEL)
        check_equal(session.run(None, feed)[0], expected, f"{MODEL} under onnxruntime")
        for i in range(len(texts)):  # alone, without padding
            alone = {name: value[i : i + 1, : feed["attention_mask"][i].sum()] for name, value in feed.items()}
            check_equal(session.run(None, alone)[0], expected[i : i + 1], f"{MODEL} without padding")
        if not self.int8:
            return markdown("onnx", special=special, int8=None)
        news = [text[:NEWS_LENGTH] for text in load_texts("lee_background")[:NEWS]]
        known = [text for text, is_known in zip(news, encoder.known(news), strict=True) if is_known]
        return markdown("onnx", special=special, int8=quantise(folder, feed_of(tokenizer, known or texts, special)))


class Graph(nn.Module):
    """Padded token types in, one corrected vector for each text out.

    Pools padded tokens as `uncone.encoder.pooling.pool` does ragged ones.

    Args:
        encoder: of any kind.
        removal: folded into one affine map.
        normalize: end in vectors of length 1.
    """

    def __init__(self, encoder: Encoder, removal: Removal, normalize: bool):
        super().__init__()
        self.source: nn.Module = encoder.states if isinstance(encoder, TransformerEncoder) else nn.Identity()
        if not isinstance(encoder, TransformerEncoder):
            self.register_buffer("table", encoder.get_buffer("table").float())
        self.pooling, self.normalize = encoder.pooling, normalize
        weights = type_weights(encoder)
        self.register_buffer("weights", torch.ones(len(encoder.pieces)) if weights is None else weights)
        self.classification = encoder.tokenizer.cls_token_id if encoder.pooling == "cls" else -1
        W, b = removal.fold()
        self.register_buffer("W", W)
        self.register_buffer("b", b)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode, pool, correct.

        Args:
            input_ids: (n, m) token types, padded on the right.
            attention_mask: (n, m) 1 for tokens, 0 for padding.

        Returns:
            (n, d) float32.
        """
        if isinstance(self.source, nn.Identity):
            tokens = self.get_buffer("table")[input_ids]
        else:
            tokens = average(self.source(input_ids, attention_mask)).float()  # (n, m, d)
        pooled = self._pool(tokens, input_ids, attention_mask)
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
        total = (tokens * weights[:, :, None]).sum(1)
        return total if self.pooling == "sum" else total / weights.sum(1, keepdim=True).clamp_min(TINY)


def packages() -> Any:
    """The module onnxruntime, after checking that everything for an export is installed.

    Raises:
        ValueError: if it is not.
    """
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
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    with quietly():
        torch.onnx.export(
            graph,
            tuple(torch.from_numpy(feed[name]) for name in ("input_ids", "attention_mask")),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
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
    """Write the 8-bit model.

    Returns:
        What it loses and gains on the n texts that `feed` holds: cosines (n,) with the whole model's vectors, how many
        times as fast it is, and the sizes of both in MB.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quietly():
        quantize_dynamic(folder / MODEL, folder / INT8_MODEL, per_channel=True, weight_type=QuantType.QInt8)
    outputs, seconds = [], []
    for name in (MODEL, INT8_MODEL):
        session = open_session(folder / name)
        outputs.append(unit(session.run(None, feed)[0]))
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            session.run(None, feed)
            times.append(time.perf_counter() - start)
        seconds.append(min(times))
    whole_size, size = ((folder / name).stat().st_size / 1e6 for name in (MODEL, INT8_MODEL))
    cosine = (outputs[0] * outputs[1]).sum(1)
    return {"cosine": cosine, "speed": seconds[0] / seconds[1], "size": size, "whole_size": whole_size}
