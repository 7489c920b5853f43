"""What a GPU makes of uncone: encoding beside sentence-transformers, a sweep, local dimensions and an atlas.

    python benchmarks/gpu.py [--only encoding sweep recipe local_dimension atlas]

Needs no network: a BERT-base and a MiniLM of random weights read random frequent words through the packaged tokenizer.
On one GPU it is meant to take less than four minutes; without one, a miniature of everything runs on the CPU, which
shows that it works and nothing about speed. Ends with an error if vectors are not those of float32 on the CPU: to 1e-5
of their largest coordinate in float32, to a cosine of 0.999 in bfloat16.

- Encoding: texts of 12 words on average, of 128 and of 512 tokens, in float32 and bfloat16. sentence-transformers runs
  at the batch size that was best on an eighth of the texts. Both read all texts twice, and the second time counts:
  the first time, memory is allocated and kernels are loaded for every shape. The share is that of the matrix products
  of a large square, measured here; a token of n costs 24 d² + 4 n d operations in each block of width d. "tokenizer
  alone" is its rate without a model behind it, "waiting" the share of the time in which the model had nothing to read.
- Sweep: 40 numbers of components × 5 learning rates in one bank, as in benchmarks/sweep.py, here and, in a process
  beside, on the CPU.
- Recipe: `train.py` on the input table of the MiniLM, which is random, trained here and on the CPU.
- Local dimension: k = 100 among 768-dimensional points, around all of them; on the CPU around some, which must agree.
- Atlas: `analyze`, from its start to the page, of all layers of the BERT-base over made texts; and a small one of the
  MiniLM on both devices, which must agree.
"""

import argparse
import json
import logging
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sweep import NUMBERS, bank, random_pairs
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.utils.logging import disable_progress_bar

from uncone.encoder import Encoder
from uncone.encoder.frequency import frequent_words
from uncone.encoder.packages import packaged
from uncone.encoder.pieces import read_tokens
from uncone.geometry.local_dimension import local_dimensions
from uncone.learning.basis import Basis
from uncone.removal.spectrum import Spectrum
from uncone.support.terminal import told_seconds

ROOT = Path(__file__).resolve().parents[1]
SHAPES = {"MiniLM": (384, 6), "BERT-base": (768, 12)}  # width and blocks
RATES = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3]
COMPARED = 32  # texts that the CPU encodes, too
NEIGHBOURS, WIDTH = 100, 768
T = TypeVar("T")


class Scale(NamedTuple):
    """How much of everything."""

    texts: dict[str, int]
    batches: list[int]
    square: int
    epochs: int
    points: int
    queries: int
    windows: int
    sample: int


FULL = Scale({"short": 30_000, "128": 4096, "512": 1024}, [128, 512, 1024], 8192, 200, 100_000, 1000, 15_600, 80_000)
MINIATURE = Scale({"short": 32, "128": 4}, [32], 512, 1, 2000, 100, 20, 500)
PARTS = ("encoding", "sweep", "recipe", "local_dimension", "atlas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    only = parser.parse_args().only
    for name in ("pytorch_lightning", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    disable_progress_bar()
    has_gpu, start = torch.cuda.is_available(), time.perf_counter()
    device, scale = ("cuda", FULL) if has_gpu else ("cpu", MINIATURE)
    shapes = SHAPES if has_gpu else {"MiniLM": SHAPES["MiniLM"]}
    print(torch.cuda.get_device_name() if has_gpu else "no GPU here: a miniature of everything, on the CPU")
    wrong = []
    beside = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    with tempfile.TemporaryDirectory() as name, beside:
        folder = Path(name)
        on_cpu = beside.submit(sweep_losses, "cpu", scale.epochs) if "sweep" in only else None
        for model, (width, blocks) in shapes.items():
            make_model(folder / model, width, blocks)
            for kind, count in scale.texts.items():
                if "encoding" in only:
                    wrong += encoding(folder / model, kind, make_texts(kind, count, seed=0), device, scale)
        if on_cpu is not None:
            wrong += sweep(on_cpu, device, scale)
        if "recipe" in only:
            recipe(folder, device)
        if "local_dimension" in only:
            wrong += local_dimension(device, scale)
        if "atlas" in only:
            wrong += atlas(folder, list(shapes)[-1], device, scale)
    print(f"{time.perf_counter() - start:.0f} s in all")
    if wrong:
        sys.exit("not what the CPU finds in float32: " + "; ".join(wrong))


def timed(work: Callable[[], T], synchronise: bool = True) -> tuple[T, float]:
    """What some work gives, and its seconds."""
    start = time.perf_counter()
    found = work()
    if synchronise and torch.cuda.is_available():
        torch.cuda.synchronize()
    return found, time.perf_counter() - start


def make_model(folder: Path, width: int, blocks: int) -> None:
    """A BERT of random weights with the packaged tokenizer, which reads 512 tokens."""
    tokenizer = AutoTokenizer.from_pretrained(packaged("minilm"), model_max_length=512)
    shape = {"hidden_size": width, "num_hidden_layers": blocks, "intermediate_size": 4 * width}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer), num_attention_heads=12, **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_texts(kind: str, count: int, seed: int) -> list[str]:
    """Texts of frequent words, one token each: short ones as in STS, or of as many tokens as `kind` says."""
    pieces = AutoTokenizer.from_pretrained(packaged("minilm")).get_vocab()
    words = np.array([word for word in frequent_words(3000)[0] if word in pieces])
    generator = np.random.default_rng(seed)
    sizes = 3 + generator.poisson(9, count) if kind == "short" else np.full(count, int(kind) - 2)  # [CLS] and [SEP]
    return [" ".join(generator.choice(words, size)) for size in sizes]


def product_rate(dtype: torch.dtype, device: str, n: int) -> float:
    """Operations a second in the product of two square matrices of n rows."""
    a = torch.randn(n, n, device=device, dtype=dtype)
    timed(lambda: a @ a)
    return 10 * 2 * n**3 / timed(lambda: [a @ a for _ in range(10)])[1]


def encoding(folder: Path, kind: str, texts: list[str], device: str, scale: Scale) -> list[str]:
    """Print a line for each precision; returns what differs from the CPU's vectors in float32."""
    limit = 512 if kind == "short" else int(kind)
    expected = Encoder.from_pretrained(folder, device="cpu", layers="last", max_length=limit).encode(texts[:COMPARED])
    wrong = []
    for dtype in ("float32", "bfloat16"):
        precision = getattr(torch, dtype)
        ours = Encoder.from_pretrained(folder, device=device, layers="last", dtype=dtype, max_length=limit)
        theirs = SentenceTransformer(str(folder), device=device, model_kwargs={"dtype": precision})
        theirs.max_seq_length = limit
        read = read_tokens(ours.tokenizer, texts, limit)
        alone = min(timed(lambda encoder=ours: read_tokens(encoder.tokenizer, texts, limit))[1] for _ in range(2))
        tokens, longest_sum = len(read.types), int((read.lengths**2).sum())
        width, blocks = ours.dimension, len(ours.states.model.encoder.layer)
        operations = blocks * (24 * width**2 * tokens + 4 * width * longest_sum)
        part = texts[: max(len(texts) // 8, 8)]

        def their_seconds(batch: int, texts: list[str], model: SentenceTransformer = theirs) -> float:
            return timed(lambda: model.encode(texts, batch_size=batch, convert_to_numpy=True))[1]

        their_seconds(scale.batches[0], part[:COMPARED])
        best = min(scale.batches, key=lambda batch: their_seconds(batch, part))
        # the first time that a shape is met, memory is allocated and kernels are chosen and loaded
        first, their = (their_seconds(best, texts) for _ in range(2))
        our_first = timed(lambda encoder=ours: encoder.encode(texts, progress=False))[1]
        waited = Waiting(ours)
        found, our = timed(lambda encoder=ours: encoder.encode(texts, progress=False))
        share = ""
        if device != "cpu":
            share = f", {operations / our / product_rate(precision, device, scale.square):.1%} of matrix products"
        vectors = found[: len(expected)]
        error = np.abs(vectors - expected).max() / np.abs(expected).max()
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(expected, axis=1)
        cosine = ((vectors * expected).sum(1) / norms).min()
        agrees = error <= 1e-5 if dtype == "float32" else cosine >= 0.999
        told = f"error {error:.0e}" if dtype == "float32" else f"cosine {cosine:.5f}"
        what = f"{folder.name}, {kind} texts, {dtype}"
        print(
            f"{what}: uncone {len(texts) / our:,.0f} texts/s, {tokens / our:,.0f} tokens/s{share}; ratio "
            f"{their / our:.2f} to sentence-transformers at batch {best} ({len(texts) / their:,.0f} texts/s), the "
            f"first time {first / our_first:.2f} ({len(texts) / our_first:,.0f} and {len(texts) / first:,.0f}); "
            f"tokenizer alone {len(texts) / alone:,.0f} texts/s, of which {alone / our:.0%}, waiting "
            f"{waited.seconds / our:.0%}; {told}",
            flush=True,
        )
        wrong += [] if agrees else [f"{what}, {told}"]
    return wrong


class Waiting:
    """Counts the seconds in which an encoder waits for its tokenizer."""

    def __init__(self, encoder: Any):
        self.seconds, self._portions = 0.0, encoder.reader.portions
        encoder.reader.portions = self

    def __call__(self, *given: Any) -> Iterator[Any]:
        """Portions, as the reader gives them."""
        portions, nothing_left = self._portions(*given), object()
        while True:
            portion, seconds = timed(lambda: next(portions, nothing_left), synchronise=False)
            self.seconds += seconds
            if portion is nothing_left:
                return
            yield portion


def sweep_losses(accelerator: str, epochs: int) -> tuple[list[float], float]:
    """Losses of the bank of 40 × 5 members, and seconds."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    table, pairs, first, second = random_pairs()
    basis = Basis.of(Spectrum.fit(table), max(NUMBERS), centred=False)
    torch.manual_seed(0)
    _, losses, seconds = bank(basis, pairs, first, second, "adam", epochs, RATES, accelerator)
    return losses.tolist(), seconds


def sweep(on_cpu: Future[tuple[list[float], float]], device: str, scale: Scale) -> list[str]:
    """The bank on the device, beside what the CPU found meanwhile; returns what differs."""
    found, seconds = sweep_losses("gpu" if device == "cuda" else "cpu", scale.epochs)
    expected, of_cpu = on_cpu.result()
    difference = float(np.abs(np.array(found) - expected).max())
    print(
        f"sweep of {len(found)} members, {scale.epochs} epochs: {seconds:.1f} s; on the CPU, one thread beside all of "
        f"the above, {of_cpu:.1f} s; losses from "
        f"{min(expected):.2e} to {max(expected):.2e} differ by {difference:.0e} at most",
        flush=True,
    )
    return [] if difference <= 1e-4 else [f"sweep, losses differ by {difference:.0e}"]


def command(script: str, output: Path, **settings: Any) -> str:
    """Run one over a model of the benchmark; its seconds, start included, and those of its steps."""
    given = [f"{key}={value}" for key, value in {**settings, "output_dir": output}.items()]
    line = [sys.executable, str(ROOT / script), "encoder=local", *given]
    seconds = timed(lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL))[1]
    steps = json.loads((output / "environment.json").read_text())["seconds"]
    return f"{seconds:.0f} s, of which {told_seconds(steps)}"


def recipe(folder: Path, device: str) -> None:
    """The default recipe by the command, on the device and on the CPU."""
    for accelerator in dict.fromkeys(["cpu", "gpu" if device == "cuda" else "cpu"]):
        output = folder / f"recipe_{accelerator}"
        where = {"encoder.path": folder / "MiniLM", "encoder.layers": "static", "trainer": accelerator}
        print(f"default recipe, trainer={accelerator}: {command('train.py', output, **where)}", flush=True)


def local_dimension(device: str, scale: Scale) -> list[str]:
    """Around all points on the device, and around some on the CPU; returns what differs."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(scale.points, WIDTH, generator=generator) * torch.arange(1, WIDTH + 1) ** -0.5
    there = X.to(device)
    local_dimensions(there[: 2 * NEIGHBOURS], NEIGHBOURS)  # first calls choose kernels
    found, seconds = timed(lambda: local_dimensions(there, NEIGHBOURS))
    drawn = torch.Generator().manual_seed(1)
    some, of_cpu = timed(lambda: local_dimensions(X, NEIGHBOURS, queries=scale.queries, generator=drawn))
    rows = torch.randperm(scale.points, generator=torch.Generator().manual_seed(1))[: scale.queries]
    error = float((found.cpu()[rows] / some - 1).abs().max())
    print(
        f"local dimension, k = {NEIGHBOURS}, {scale.points:,} × {WIDTH}: {seconds:.2f} s; on the CPU around "
        f"{scale.queries:,} points {of_cpu:.2f} s; relative difference {error:.0e}",
        flush=True,
    )
    return [] if error <= 1e-4 else [f"local dimension, relative difference {error:.0e}"]


def atlas(folder: Path, large: str, device: str, scale: Scale) -> list[str]:
    """All layers of a model over many texts, by the command; and of a small one over few, on both devices."""
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(make_texts("64", scale.windows, seed=1)), encoding="utf-8")

    def run(model: str, where: str, **settings: Any) -> tuple[dict[str, float], str]:
        output = folder / f"atlas_{len(list(folder.iterdir()))}"
        settings |= {"encoder.path": folder / model, "encoder.device": where, "corpus": corpus}
        seconds = command("analyze.py", output, **settings)
        rows = json.loads((output / "results.json").read_text())
        return {f"{row['metric']} of layer {row['layers']}": row["value"] for row in rows}, seconds

    seconds = run(large, device, sample=scale.sample)[1]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(
        f"atlas of {scale.windows:,} texts of 64 tokens, {large}, all layers: {seconds}; "
        f"at most {peak:.1f} GiB of main memory",
        flush=True,
    )
    few = {"corpus_limit": 100, "sample": 500, "measures.neighbours": 10, "measures.clusters": [2], "resamples": 10}
    on_device, on_cpu = (run("MiniLM", where, **few)[0] for where in (device, "cpu"))
    kinds = ("s_inter", "s_intra", "mean_cosine", "norm_mean", "isoscore", "lid ")
    compared = [key for key, value in on_cpu.items() if key.startswith(kinds) and value is not None]
    error = max(abs(on_device[key] - on_cpu[key]) / max(1, abs(on_cpu[key])) for key in compared)
    print(f"atlas of 100 texts on both devices: {len(compared)} figures differ by {error:.0e} at most")
    return [] if error <= 1e-4 else [f"atlas, figures differ by {error:.0e}"]


if __name__ == "__main__":
    main()
