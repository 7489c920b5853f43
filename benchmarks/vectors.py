"""Correcting a stored matrix: format=vectors beside a plain numpy loop, same file, same chunks, same process.

    python benchmarks/vectors.py [--rows 400000] [--dimension 384] [--rounds 3]

Both read an .npy file of float32 and write another. The loop does what one would write by hand: it maps both files and
computes `X @ W.T + b` for every chunk. Ours also checks that every row, before and after, holds numbers alone, and
writes aside and renames. One thread on either side.

What bounds it. A chunk of n rows takes 2·n·d² operations in the product with W, and moves 8·n·d bytes from file to
file: d/4 = 96 operations a byte at d = 384. A core does some ten while a byte arrives from the page cache, so the bound
of a dense map is the speed of matrix products; a learned removal has all components, and is one. A removal of D leading
components takes 4·n·d·D operations in two thin products, D/2 a byte: two at D = 4, where memory is the bound. The loop
cannot see that W is the identity but for D directions.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from uncone import removal as removals
from uncone.export.vector_files import CHUNK
from uncone.export.vectors import StoredVectors
from uncone.removal import ReducedRemoval, Removal
from uncone.removal.spectrum import Spectrum


def by_hand(source: Path, target: Path, removal: Removal | ReducedRemoval) -> None:
    """The loop that one would write."""
    W, b = (part.numpy() for part in removal.fold())
    X = np.load(source, mmap_mode="r")
    Y = np.lib.format.open_memmap(target, "w+", X.dtype, (len(X), len(b)))
    step = CHUNK // X[:1].nbytes
    for start in range(0, len(X), step):
        Y[start : start + step] = X[start : start + step] @ W.T + b
    Y.flush()


def ours(source: Path, target: Path, removal: Removal | ReducedRemoval) -> None:
    """The command, without the console."""
    StoredVectors(str(source), str(target)).run(removal, overwrite=True, console=Console(quiet=True))


def seconds(
    correct: Callable[[Path, Path, Removal | ReducedRemoval], None],
    source: Path,
    target: Path,
    removal: Removal | ReducedRemoval,
) -> tuple[float, float]:
    """Time on the clock, and of the processor, which neighbours on the machine disturb less; to a new file."""
    target.unlink(missing_ok=True)
    clock, processor = time.perf_counter(), time.process_time()
    correct(source, target, removal)
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    d = arguments.dimension
    block = np.random.default_rng(0).normal(size=(4096, d)).astype(np.float32) + 1
    spectrum = Spectrum.fit(block)
    with tempfile.TemporaryDirectory() as folder:
        source, target, other = (Path(folder) / f"{name}.npy" for name in ("raw", "ours", "loop"))
        np.save(source, np.resize(block, (arguments.rows, d)))
        gigabytes = source.stat().st_size / 1e9
        print(f"{arguments.rows} vectors of {d} dimensions, {gigabytes:.2f} GB of float32, 1 thread")
        for name, removal in {
            "dense (all components)": removals.soft_zca(spectrum),
            "thin (D = 4)": removals.all_but_the_top(spectrum, D=4),
            "a third of the dimensions": removals.reduced(removals.soft_zca(spectrum), d // 3, spectrum),
        }.items():
            rounds = [
                (seconds(by_hand, source, other, removal), seconds(ours, source, target, removal))
                for _ in range(arguments.rounds)
            ]
            chunks = (np.array_split(np.load(path, mmap_mode="r"), 20) for path in (target, other))
            difference = max(np.abs(a - b).max() for a, b in zip(*chunks, strict=True))
            print(f"{name}; largest difference {difference:.0e}")
            for i, title in enumerate(("clock", "processor time")):
                loop, mine = np.median(rounds, axis=0)[:, i]
                print(
                    f"  {title}, median of {arguments.rounds}: numpy loop {gigabytes / loop:.2f} GB/s, "
                    f"uncone {gigabytes / mine:.2f} GB/s, ratio {loop / mine:.2f}"
                )


if __name__ == "__main__":
    main()
