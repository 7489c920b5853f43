"""An inner layer, cut free and exported, beside the full model: same library, same process, same sentences.

    python benchmarks/export.py [--layer 3] [--rounds 3] [--threads 1]

Both are folders for sentence-transformers, written here with nothing removed. The sentences are 2000 of STS-B's
training part (in the folder that UNCONE_DATA names), or, where there is no such folder, of gensim's Lee corpus. Where
STS-B is at hand, its test score computed from the exported folder is compared with that of evaluate.py's task.

What bounds it. Almost all time is spent in blocks, so that 3 of 6 blocks take half of it. What both sides share is the
tokenizer, the embedding layer and pooling: at most a twentieth here. The bound is therefore a little under 2.

The target: layer 3 of all-MiniLM-L6-v2 at least 1.6 times as fast as the full model.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from encode import load_sentences
from sentence_transformers import SentenceTransformer

from uncone.encoder import Encoder
from uncone.export.sentence_transformers import SentenceTransformersExporter
from uncone.removal import none
from uncone.removal.vectors import Vectors
from uncone.tasks import Sts, evaluate

SENTENCES = 2000


class Exported:
    """A folder, as a task sees vectors."""

    def __init__(self, model: SentenceTransformer):
        self.model = model

    def sentences(self, texts: list[str]) -> np.ndarray:
        """Vectors (n, d) of texts."""
        return self.model.encode(list(texts), show_progress_bar=False)


def exported(encoder: Encoder, folder: Path) -> SentenceTransformer:
    """The encoder alone, written and read back."""
    SentenceTransformersExporter().write(encoder, none(encoder.dimension), folder)
    return SentenceTransformer(str(folder), device="cpu")


def size(folder: Path) -> float:
    """Megabytes of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sentences = load_sentences()[:SENTENCES]
    with tempfile.TemporaryDirectory() as place:
        folders = {"full": Path(place) / "full", "cut": Path(place) / "cut"}
        encoders = {
            "full": Encoder.from_pretrained("minilm", layers="last", device="cpu"),
            "cut": Encoder.from_pretrained("minilm", layers=arguments.layer, device="cpu"),
        }
        models = {name: exported(encoders[name], folder) for name, folder in folders.items()}
        print(f"{len(sentences)} sentences, {arguments.threads} thread(s)")
        seconds: dict[str, list[tuple[float, float]]] = {"full": [], "cut": []}
        for _ in range(arguments.rounds):
            for name, model in models.items():
                clock, cpu = time.perf_counter(), time.process_time()
                model.encode(sentences, show_progress_bar=False)
                seconds[name].append((time.perf_counter() - clock, time.process_time() - cpu))
        for i, title in enumerate(("clock", "processor time")):
            full, cut = (min(times[i] for times in seconds[name]) for name in ("full", "cut"))
            print(f"{title}, minimum: full {full:.2f} s, layer {arguments.layer} {cut:.2f} s, ratio {full / cut:.2f}")
        print(f"size: full {size(folders['full']):.0f} MB, layer {arguments.layer} {size(folders['cut']):.0f} MB")
        data = os.environ.get("UNCONE_DATA")
        if data:
            systems = {"evaluate.py": Vectors(encoders["cut"]), "exported": Exported(models["cut"])}
            rows, _ = evaluate([Sts("stsb_test", data_dir=data)], systems, resamples=100)
            scores = {row.removal: row.value for row in rows if row.metric == "spearman"}
            print("STS-B test, Spearman: " + ", ".join(f"{name} {100 * value:.4f}" for name, value in scores.items()))


if __name__ == "__main__":
    main()
