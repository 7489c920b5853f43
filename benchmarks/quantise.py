"""What 8 bits and single bits a number cost, before and after a removal: the ten nearest, found again.

    python benchmarks/quantise.py [--layers last]                    # packaged sentences, with the packaged encoder
    python benchmarks/quantise.py --vectors docs.npy --queries queries.npy [--removal outputs/train/RUN]

As vector databases do: vectors are scaled to length 1. int8 divides the range that each number has in the documents
into 256 steps, of the documents alone (as faiss's QT_8bit); one bit keeps signs and counts those that differ (Hamming
distance), of the query too. Recall@10 is the share of the ten documents with the highest cosine in float32, under the
same removal, that are among the ten that are found. Bits are signs around 0: a removal that centres uses both values.
"""

import argparse
from pathlib import Path

import numpy as np

from uncone import removal as removals
from uncone.data import load_texts
from uncone.encoder import Encoder
from uncone.removal.spectrum import Spectrum

DOCUMENTS, QUERIES, FOUND = 5000, 500, 10


def packaged(layers: str) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of the packaged Wikipedia as documents, later ones as queries."""
    encoder = Encoder.from_pretrained("minilm", layers=int(layers) if layers.isdecimal() else layers)
    texts = load_texts(f"wikipedia_sentences[:{DOCUMENTS + QUERIES}]")
    vectors = encoder.encode(texts)
    return vectors[:DOCUMENTS], vectors[DOCUMENTS:]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)


def nearest(scores: np.ndarray) -> np.ndarray:
    """Rows (m, 10) of documents with the highest scores (m, n); of equal ones, the first."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :FOUND]


def recall(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / FOUND for a, b in zip(found, wanted, strict=True)]))


def measured(docs: np.ndarray, queries: np.ndarray) -> tuple[float, float]:
    """Recall@10 in int8 and in single bits."""
    docs, queries = unit(docs), unit(queries)
    wanted = nearest(queries @ docs.T)
    low, step = docs.min(0), np.ptp(docs, 0).clip(1e-12) / 256
    decoded = low + step * (((docs - low) / step).astype(np.int64).clip(0, 255) + 0.5).astype(np.float32)
    signs = [np.where(each > 0, 1, -1).astype(np.float32) for each in (queries, docs)]  # d − 2 · Hamming distance
    return recall(nearest(queries @ decoded.T), wanted), recall(nearest(signs[0] @ signs[1].T), wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", default="last")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--removal", type=Path)
    arguments = parser.parse_args()
    if arguments.vectors:
        stored = Encoder.from_vectors(arguments.vectors, queries=arguments.queries)
        docs, queries = stored.rows, stored.queries.numpy()
    else:
        docs, queries = packaged(arguments.layers)
    spectrum = Spectrum.fit(docs)
    compared = {
        "none": removals.none(docs.shape[1]),
        "centre": removals.centre(spectrum),
        "all_but_the_top(D=3)": removals.all_but_the_top(spectrum, D=3),
        "soft_zca(eps=0.1)": removals.soft_zca(spectrum),
        "truncation to 128": removals.reduced(removals.centre(spectrum), 128, spectrum),
        "whitening to 128": removals.reduced(removals.whitening(spectrum, D=128), 128),
    }
    if arguments.removal:
        compared[arguments.removal.name] = removals.load(arguments.removal)
    print(f"{len(docs)} documents, {len(queries)} queries of {docs.shape[1]} numbers; recall@10 against float32, ×100")
    print(f"{'removal':24} {'int8':>6} {'1 bit':>6} {'bytes: float32, int8, 1 bit':>30}")
    for name, removal in compared.items():
        int8, bits = measured(removal.apply(docs), removal.apply(queries))
        k = removal.output_dimension
        print(f"{name:24} {100 * int8:6.1f} {100 * bits:6.1f} {f'{4 * k}, {k}, {k // 8}':>30}")


if __name__ == "__main__":
    main()
