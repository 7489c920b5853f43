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

from uncone.data.corpora import load_texts
from uncone.encoder import Encoder, TransformerEncoder
from uncone.export.base import EncoderExporter
from uncone.export.graph import Graph
from uncone.export.parts import affine, check_equal, corrected, plain_tokenizer, probe_texts, unit
from uncone.removal import Correction

MODEL, INT8_MODEL = "model.onnx", "model_int8.onnx"
ROUNDS = 3  # of timing; the fastest counts
NEWS, NEWS_LENGTH = 32, 200  # texts on which 8 bits are measured, and letters of each

USAGE = """\
```python
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("FOLDER/tokenizer.json")  # cuts and pads as the model was exported to
session = onnxruntime.InferenceSession("FOLDER/model.onnx")
encoded = tokenizer.encode_batch(["a narrow cone", "an open field"]ADD)
vectors = session.run(None, {
    "input_ids": np.array([text.ids for text in encoded]),
    "attention_mask": np.array([text.attention_mask for text in encoded]),
})[0]
```

onnxruntime and tokenizers are all that this needs. Pooling and correction are inside the graph."""


@dataclass(frozen=True)
class OnnxExporter(EncoderExporter):
    """The encoder, its pooling and its correction in one graph of any batch size and length.

    Args:
        normalize: end in vectors of length 1.
        int8: write a second file whose matrix products are in 8 bits, and measure what it loses and gains.
    """

    library: ClassVar[str] = "onnx"
    normalize: bool = False
    int8: bool = False

    def check(self, encoder: Encoder, removal: Correction) -> None:
        """See `EncoderExporter.check`."""
        affine(removal, "ONNX")
        if encoder.tokenizer is None:
            raise ValueError(
                f"{encoder.name} is a table of whole words without a tokenizer that could travel along: "
                "export it with format=word2vec or format=numpy"
            )
        packages()

    def write(self, encoder: Encoder, removal: Correction, folder: Path) -> str:
        """See `EncoderExporter.write`."""
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
        add = "" if special else ", add_special_tokens=False"
        usage = USAGE.replace("ADD", add)
        if not self.int8:
            return usage
        news = [text[:NEWS_LENGTH] for text in load_texts("lee_background")[:NEWS]]
        known = [text for text, is_known in zip(news, encoder.known(news), strict=True) if is_known]
        return f"{usage}\n\n{quantise(folder, feed_of(tokenizer, known or texts, special))}"


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


def quantise(folder: Path, feed: dict[str, np.ndarray]) -> str:
    """Write the 8-bit model; returns what it loses and gains on the texts that `feed` holds, in words."""
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
    cosine = (outputs[0] * outputs[1]).sum(1)
    sizes = [(folder / name).stat().st_size / 1e6 for name in (MODEL, INT8_MODEL)]
    return (
        f"`{INT8_MODEL}` computes matrix products in 8 bits: {sizes[1]:.1f} MB instead of {sizes[0]:.1f}, "
        f"{seconds[0] / seconds[1]:.2f} times as fast on the machine that exported it. The cosine between its vectors "
        f"and those of `{MODEL}` is {cosine.mean():.4f} on average over {len(cosine)} texts, "
        f"{cosine.min():.4f} at worst."
    )
