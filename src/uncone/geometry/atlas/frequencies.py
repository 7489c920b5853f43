"""How frequent token types are: counted in the corpus, from `wordfreq`, or from a file of word counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from uncone.data.files import read_table
from uncone.encoder import Encoder, StoredEncoder
from uncone.encoder.frequency import frequent_words, piece_mass


def type_frequencies(encoder: Encoder, source: str, counts: np.ndarray) -> np.ndarray:
    """Log10 of the probability of each token type (V,) in running text; NaN for a type that the source does not know.

    `source` is "corpus" for `counts` (V,), the occurrences of each type; "wordfreq" for the frequencies of English
    words, each piece collecting those of the words it is part of; or a table of word and count, treated likewise. Of
    stored vectors nobody knows it.
    """
    if isinstance(encoder, StoredEncoder):
        return np.full(len(encoder.pieces), np.nan)
    if source == "corpus":
        mass = counts.astype(np.float64)
    elif source == "wordfreq":
        mass = piece_mass(encoder, *frequent_words()).numpy()
    elif Path(source).suffix:
        table = read_table(source, ("word", "count"))
        mass = piece_mass(encoder, table.text("word"), table.numbers("count")).numpy()
    else:
        raise ValueError(f"unknown frequencies {source!r}: choose corpus, wordfreq, or a table of word and count")
    with np.errstate(divide="ignore"):
        log10 = np.log10(mass / mass.sum())
    return np.where(np.isfinite(log10), log10, np.nan)
