"""Encoding 4000 sentences: uncone beside sentence-transformers, same model, same process, same vectors.

    python benchmarks/encode.py [--rounds 3] [--threads 1]

The sentences are the first 4000 of STS-B's training part (column sentence1, in the folder that UNCONE_DATA names), or,
where there is no such folder, the sentences of gensim's Lee corpus.

What bounds it. all-MiniLM-L6-v2 has 6 blocks of width d = 384. In each, a token takes 2·12·d² floating-point
operations in matrix products (queries, keys, values and output have 4d² weights, feed-forward 8d²), 21.2 million in
all; attention adds 4·n·d a block in a text of n tokens, 0.15 million at n = 16. The 42 MB of block weights are read
once a batch: with 2048 tokens that makes 1000 operations a byte, where a core does ten or so while a byte arrives.
The bound is therefore the speed of matrix products; the profiler finds nine tenths of the time in them, on both sides
near the speed of a large product. What is left is to multiply fewer rows: 85 568 tokens in batches of 32 padded to
their longest, 63 829 in batches of one length, 61 054 when a sentence that occurs twice is encoded once, which makes
1.40. Batches three times as large, attention without a mask and no pooler take about 4 % off each row.
"""

import argparse
import os
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch.profiler import ProfilerActivity, profile

from uncone.encoder import Encoder
from uncone.encoder.packages import packaged

SENTENCES, PROFILED = 4000, 1000
PRODUCTS = {"aten::addmm", "aten::mm", "aten::bmm", "aten::_scaled_dot_product_flash_attention_for_cpu"}


def load_sentences() -> list[str]:
    """STS-B's where there is a data folder, Lee's elsewhere."""
    path = Path(os.environ.get("UNCONE_DATA", "")) / "sts" / "stsb_train.tsv"
    if path.is_file():
        header, *rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
        return [row[header.index("sentence1")] for row in rows[:SENTENCES]]
    from gensim.test.utils import datapath

    text = Path(datapath("lee_background.cor")).read_text(encoding="utf-8")
    return [sentence.strip() for sentence in re.split(r"(?<=[.!?])\s+", text) if sentence.strip()][:SENTENCES]


def timed(encode: Callable[[], np.ndarray]) -> tuple[np.ndarray, float, float]:
    """Result, seconds on the clock, and seconds of processor time, which neighbours on the machine disturb less."""
    clock, cpu = time.perf_counter(), _cpu()
    vectors = encode()
    return vectors, time.perf_counter() - clock, _cpu() - cpu


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def outside_products(encode: Callable[[], np.ndarray]) -> float:
    """Share of the processor time that is not spent in matrix products."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        _, _, seconds = timed(encode)
    inside = sum(event.self_cpu_time_total for event in profiled.key_averages() if event.key in PRODUCTS)
    return 1 - inside / 1e6 * torch.get_num_threads() / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sentences = load_sentences()
    theirs = SentenceTransformer(str(packaged("minilm")), device="cpu")
    ours = Encoder.from_pretrained("minilm", device="cpu")
    theirs.encode(sentences[:64])  # first calls allocate, and choose kernels
    ours.encode(sentences[:64])
    print(f"{len(sentences)} sentences, {len(set(sentences))} distinct, {arguments.threads} thread(s)")
    rounds = []
    for _ in range(arguments.rounds):
        a, *their_times = timed(lambda: theirs.encode(sentences, show_progress_bar=False))
        b, *our_times = timed(lambda: ours.encode(sentences, progress=False))
        rounds.append((their_times, our_times))
        print(f"sentence-transformers {their_times[0]:.1f} s, uncone {our_times[0]:.1f} s", flush=True)
    seconds = np.array(rounds)  # (rounds, side, clock or processor)
    for i, title in enumerate(("clock", "processor time")):
        for name, over_rounds in (("median", np.median), ("minimum", np.min)):
            t, u = over_rounds(seconds[:, :, i], axis=0)
            print(f"{title}, {name}: sentence-transformers {t:.1f} s, uncone {u:.1f} s, ratio {t / u:.2f}")
    part = sentences[:PROFILED]
    shares = (
        outside_products(lambda: theirs.encode(part, show_progress_bar=False)),
        outside_products(lambda: ours.encode(part, progress=False)),
    )
    for name, share, processor in zip(
        ("sentence-transformers", "uncone"), shares, np.min(seconds[:, :, 1], 0), strict=True
    ):
        print(f"{name}: {1e4 / len(sentences) * share * processor:.2f} s outside matrix products per 10 000 texts")
    print(f"largest difference of a coordinate: {np.abs(b - a).max():.1e}")


if __name__ == "__main__":
    main()
