"""Time and memory of a survey over 50 thousand to a million tokens, without those of an encoder.

Token states come from a synthetic source (Zipf-distributed types, a Gaussian around each), so what is measured is the
survey itself: sums for every layer, the sample, and all measures. Each size runs in a process of its own, whose peak
memory is compared with that of the same process before the survey began.

    python benchmarks/analyze_scaling.py
    python benchmarks/analyze_scaling.py --layers 13 --dimension 768 --tokens 50000 200000 1000000

The target: time linear in tokens, and a million tokens within 4 GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch

from uncone.geometry.atlas.occurrences import Batch, Drawn, Occurrences
from uncone.geometry.atlas.sampled import SampledSettings
from uncone.geometry.atlas.survey import survey
from uncone.geometry.atlas.views import view_points
from uncone.removal import none

VOCABULARY = 30_522
BATCH = 2048
PILOT = 10  # batches
SAMPLE = 80_000  # the default of analyze.py
GIB = 1 << 30


class SyntheticOccurrences(Occurrences):
    """Zipf-distributed types whose vectors scatter around a mean of each type, in a cone."""

    def __init__(self, tokens: int, layers: int, dimension: int, size: int):
        self.tokens, self.dimension = tokens, dimension
        self.layers = [str(i) for i in range(layers)]
        self.sentences, self.texts = {}, 0
        self.probabilities = 1 / np.arange(1, VOCABULARY + 1)
        self.probabilities /= self.probabilities.sum()
        self.counts = np.zeros(VOCABULARY, dtype=np.int64)
        self.drawn = Drawn(size)
        generator = np.random.default_rng(0)
        for codes, types in self._types():
            self.counts += np.bincount(types, minlength=VOCABULARY)
            self.drawn.add(codes, types, generator)
        self.means = torch.randn(VOCABULARY, dimension, generator=torch.Generator().manual_seed(0)) + 1

    def _types(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        generator = np.random.default_rng(1)
        for start in range(0, self.tokens, BATCH):
            codes = np.arange(start, min(start + BATCH, self.tokens))
            yield codes * (1 << 12), generator.choice(VOCABULARY, size=len(codes), p=self.probabilities)

    def _batches(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(2)
        for codes, types in self._types():
            index = torch.from_numpy(types)
            X = self.means[index] + torch.randn(len(index), self.dimension, generator=generator)
            yield Batch(dict.fromkeys(self.layers, X), index, self.drawn.slots(codes))

    def pilot(self) -> Iterator[Batch]:
        """The first occurrences: they are in random order."""
        return islice(self._batches(), PILOT)

    def rest(self) -> Iterator[Batch]:
        """All others."""
        return islice(self._batches(), PILOT, None)


def measure(tokens: int, layers: int, dimension: int) -> dict[str, float]:
    occurrences = SyntheticOccurrences(tokens, layers, dimension, SAMPLE)
    frequency = np.log10(np.maximum(occurrences.counts, 1) / tokens)
    shown = view_points(occurrences.drawn.types, [], seed=0)
    streamed = 0.0

    def timed(batches: Iterator[Batch], total: int) -> Iterator[Batch]:
        nonlocal streamed
        start = time.process_time()
        yield from batches
        streamed = time.process_time() - start

    before, start = peak(), time.process_time()
    settings = SampledSettings()
    raw = {"none": none(dimension)}
    maps = list(survey(occurrences, lambda *_: raw, frequency, shown, settings, timed))
    seconds = time.process_time() - start
    return {"maps": len(maps), "seconds": seconds, "streamed": streamed, "memory": peak() - before}


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[50_000, 200_000, 1_000_000])
    parser.add_argument("--layers", type=int, default=7)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument(
        "--threads", type=int, default=1, help="more of them spin while they wait, which counts as time"
    )
    parser.add_argument("--one", action="store_true", help="measure the first size in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.one:
        torch.set_num_threads(arguments.threads)
        print(json.dumps(measure(arguments.tokens[0], arguments.layers, arguments.dimension)))
        return
    shape = [f"--{name}={getattr(arguments, name)}" for name in ("layers", "dimension", "threads")]
    print(f"{arguments.layers} layers of {arguments.dimension} dimensions, CPU seconds of the process")
    print("    tokens   streamed   per 1000 tokens   measures   extra memory")
    for tokens in arguments.tokens:
        command = [sys.executable, __file__, "--one", "--tokens", str(tokens), *shape]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        row = json.loads(output.splitlines()[-1])
        print(
            f"{tokens:10,} {row['streamed']:9.1f}s {1000 * row['streamed'] / tokens:16.4f}s "
            f"{row['seconds'] - row['streamed']:9.1f}s {row['memory'] / GIB:10.2f} GiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
