"""Print how thresholds hold on texts that they were not made from, as a Markdown table.

    python docs/thresholds.py corpus=wikipedia_sentences encoder.layers=[3] 'removal=[none,all_but_the_top]'

Settings are those of evaluate.py. The thresholds are made from half of a corpus; the share of random pairs that they
let through is that of 2000 texts (or all) of the other half, and of each of OTHERS.
"""

from __future__ import annotations

import sys
from itertools import chain

from hydra import compose, initialize_config_dir

from uncone.commands.build import make_problem, make_vectors, names
from uncone.commands.schema import register
from uncone.commands.systems import Fits, make_systems
from uncone.data.corpora import load_texts
from uncone.geometry.calibration import RATES, Calibration
from uncone.support.files import CONF

OTHERS = ("wikipedia_sentences", "lee_background", "stsb_train", "sickr_train")


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
    others = {name: load_texts(name, config.data_dir) for name in OTHERS if name != config.corpus}
    heads = ("removal", "corpus", "median", *(f"above the threshold of {100 * rate:g} %" for rate in RATES))
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for name in names(config.removal):
        (system,) = make_systems(config, name, problem, fits)
        made = Calibration.sample(system.vectors, texts[::2], config.corpus)
        thresholds = [f"{made.threshold(r):.3f} ±{e:.3f}" for r, e in zip(RATES, made.errors, strict=True)]
        print(f"| {name} | {config.corpus}, {made.texts} | {made.threshold(0.5):.3f} | {' | '.join(thresholds)} |")
        for other, theirs in chain(held_out.items(), others.items()):
            found = Calibration.sample(system.vectors, theirs, other, seed=1)
            shares = [f"{100 - found.percentile(made.threshold(rate)):.2f} %" for rate in RATES]
            print(f"| {name} | {other}, {found.texts} | {found.threshold(0.5):.3f} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
