"""Every removal on STS12–15 and STS-B: from a warm feature store, beside one method at a time with fresh encoding.

    python benchmarks/evaluate.py [--layers 6] [--resamples 1000]

Needs the folder that UNCONE_DATA names. Two processes are timed:

- cold: one removal (none), encoding into an empty store, as it would be done for each method by itself;
- warm: all removals of conf/methods.yaml, each at one setting, from the store that the cold run has filled.

What bounds it. The 12 737 pairs hold some 20 000 distinct sentences of 270 000 tokens. Encoding them takes 21 million
operations a token in the matrix products of all-MiniLM-L6-v2, 6 · 10¹² in all: minutes. A removal of pooled vectors
takes 2 · 20 000 · 384² = 6 · 10⁹ operations, a fraction of a second, and a cluster-wise one reads 0.4 GB of token
vectors. What is left is the bootstrap: ranks of n pairs in 1000 resamples for each task, its parts and each removal,
some 10⁹ numbers moved per removal.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hydra import compose, initialize_config_dir

ROOT = Path(__file__).resolve().parents[1]
TASKS = ("sts12", "sts13", "sts14", "sts15", "stsb")
ONE_SETTING = {
    "all_but_the_top.D": "3",
    "all_but_the_top_uncentred.D": "3",
    "conceptor.alpha": "2",
    "whitening.D": "256",
    "soft_zca.eps": "0.1",
    "clustered.clusters": "10",
    "clustered.D": "3",
}


def run(folder: Path, name: str, removals: list[str], arguments: argparse.Namespace) -> float:
    """Seconds of one evaluate.py, from start to end of the process."""
    command = [
        *(sys.executable, str(ROOT / "evaluate.py"), f"encoder.layers=[{arguments.layers}]", "fit.level=tokens"),
        *(f"cache_dir={folder}/features", f"output_dir={folder}/{name}", f"resamples={arguments.resamples}"),
        *(f"removal=[{','.join(removals)}]", f"task=[{','.join(TASKS)}]"),
        *(f"methods.{key}={value}" for key, value in ONE_SETTING.items()),
    ]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--resamples", type=int, default=1000)
    arguments = parser.parse_args()
    if not os.environ.get("UNCONE_DATA"):
        raise SystemExit("name the folder that holds sts/ in UNCONE_DATA")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        from uncone.commands.schema import register

        register()
        removals = [name for name in compose("evaluate").methods if name != "transductive"]  # which fits on each task
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run(folder, "first", ["none", "clustered"], arguments)  # fills the store with token and pooled vectors
        warm = run(folder, "warm", removals, arguments)
        cold = run(folder / "fresh", "cold", ["none"], arguments)
    number = len(removals)
    print(f"{number} removals on {', '.join(TASKS)}, minilm layer {arguments.layers}")
    print(f"all from a warm store: {warm:.1f} s")
    print(
        f"one (none), encoding afresh: {cold:.1f} s; {number} one by one, as {number} times that: {number * cold:.0f} s"
    )
    print(f"ratio: {number * cold / warm:.1f}")


if __name__ == "__main__":
    main()
