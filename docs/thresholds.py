"""Print how thresholds hold on texts that they were not made from, as a Markdown table.

    python docs/thresholds.py corpus=wikipedia_sentences encoder.layers=[3] 'removal=[none,all_but_the_top]'

Settings are those of evaluate.py. The thresholds are made from half of a corpus; the shares are those of all pairs of
texts of the other half, and of each of OTHERS, that lie above them.
"""

from __future__ import annotations

import sys

import numpy as np
from hydra import compose, initialize_config_dir

from uncone.commands.build import make_problem, make_vectors, names
from uncone.commands.schema import register
from uncone.commands.systems import Fits, make_systems
from uncone.data.corpora import load_texts
from uncone.geometry.calibration import RATES, Calibration
from uncone.removal.vectors import Vectors
from uncone.support.files import CONF

OTHERS = ("lee_background", "stsb_train", "sickr_train")


def units_of(vectors: Vectors, texts: list[str]) -> np.ndarray:
    """Directions (n, d) of the texts that the encoder can read."""
    readable = vectors.readable(texts)
    X = vectors.sentences([text for text, known in zip(texts, readable, strict=True) if known])
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def share_above(units: np.ndarray, threshold: float) -> float:
    """The share of all pairs of directions (n, d) whose cosine lies above a threshold."""
    n, above = len(units), 0
    for start in range(0, n, 2000):
        cosines = units[start : start + 2000] @ units.T
        above += np.count_nonzero(cosines > threshold) - np.count_nonzero(np.diagonal(cosines, start) > threshold)
    return above / (n * (n - 1))


def main() -> None:
    """Print the table."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("evaluate", ["output_dir=.", *sys.argv[1:]])
    vectors = make_vectors(config)
    fits = Fits(config, vectors)
    problem = make_problem(config, vectors, fits.default)
    texts = list(vectors.corpus)
    held_out = {f"{config.corpus}, held out": texts[1::2]}
    others = {name: list(load_texts(name, config.data_dir)) for name in OTHERS}
    heads = ("removal", "texts", "median", *(f"threshold {rate:.1%}" for rate in RATES))
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for name in names(config.removal):
        (system,) = make_systems(config, name, problem, fits)
        made = Calibration.sample(system.vectors, texts[::2], config.corpus)
        ends = [f"{made.threshold(rate):.3f} ±{error:.3f}" for rate, error in zip(RATES, made.errors, strict=True)]
        print(f"| {name} | {config.corpus}, {made.texts} | {made.threshold(0.5):.3f} | {' | '.join(ends)} |")
        for other, theirs in (held_out | others).items():
            units = units_of(system.vectors, list(dict.fromkeys(theirs)))
            shares = [f"{share_above(units, made.threshold(rate)):.2%} above" for rate in (0.5, *RATES)]
            print(f"| {name} | {other}, {len(units)} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
