"""Word similarity sets: two words and how similar people find them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncone.data.files import Table, stream_rows
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.data.sources import Source, listed, read, read_known

COLUMNS = ("word1", "word2", "score")


def _read_packaged(path: Path) -> Table:
    """Read one of gensim's files: tab separated, comments in place of a header."""
    return Table.of(path, COLUMNS, ((line, row) for line, row in stream_rows(path) if not row[0].startswith("#")))


SOURCES: dict[str, Source] = {
    "men3k": Source("wordsim/men3k.tsv", 3000),  # Bruni et al. 2014
    "simverb3500": Source("wordsim/simverb3500.tsv", 3500),  # Gerz et al. 2016
    # Hill et al. 2015
    "simlex999": Source("wordsim/simlex999.tsv", 999, packaged="simlex999.txt", foreign=_read_packaged),
    "rw2034": Source("wordsim/rw2034.tsv", 2034),  # Luong et al. 2013, rare words
    # Finkelstein et al. 2002
    "ws353": Source("wordsim/ws353.tsv", 353, packaged="wordsim353.tsv", foreign=_read_packaged),
    "ws353_sim": Source("wordsim/ws353_sim.tsv", 203),  # Agirre et al. 2009: similarity apart from relatedness
    "ws353_rel": Source("wordsim/ws353_rel.tsv", 252),
    "mturk287": Source("wordsim/mturk287.tsv", 287),  # Radinsky et al. 2011
    "mturk771": Source("wordsim/mturk771.tsv", 771),  # Halawi et al. 2012
    "rg65": Source("wordsim/rg65.tsv", 65),  # Rubenstein and Goodenough 1965
    "mc30": Source("wordsim/mc30.tsv", 30),  # Miller and Charles 1991
    "yp130": Source("wordsim/yp130.tsv", 130),  # Yang and Powers 2006, verbs
    "verb143": Source("wordsim/verb143.tsv", 144),  # Baker et al. 2014; the file holds 144 pairs
}

# The split of Liang et al. 2021: eight sets in one file, scores already scaled to [-1, 1] over each whole set.
LIANG = {
    "liang_train": Source("liang2021/word_simi_train.csv", 7703, renamed={"simi": "score"}),
    "liang_test": Source("liang2021/word_simi_test.csv", 2447, renamed={"simi": "score"}),
}

PACKAGED = ("ws353", "simlex999")  # there without any data folder
LIANG_SETS = ("men3k", "simverb3500", "simlex999", "rw2034", "ws353", "mturk771", "mturk287", "rg65")


def load_word_pairs(
    sets: str | Path | Sequence[str | Path] = PACKAGED, data_dir: str | Path | None = None
) -> ScoredPairs:
    """Load word similarity sets behind each other; scores are raw, `scaled_score` has them in [-1, 1].

    Args:
        sets: one or several of the names in `SOURCES`, of "liang_train" and "liang_test" (the split of Liang et al.
            2021, which brings its eight data sets under their names there), or paths of your own files with a header
            line naming word1, word2 and score.

    Raises:
        ValueError: if the name is unknown or the file malformed; DataUnavailable, if the set cannot be found.

    Example:
        >>> pairs = load_word_pairs("simlex999")
        >>> len(pairs), pairs.text1[0], pairs.text2[0], float(pairs.score[0])
        (999, 'old', 'new', 1.58)
    """
    return concatenate([_load_one(name, data_dir) for name in listed(sets)])


def _load_one(name: str | Path, data_dir: str | Path | None) -> ScoredPairs:
    if name in LIANG:
        table = read(LIANG[str(name)], (*COLUMNS, "dataset_name"), data_dir)
        return ScoredPairs.from_table(table, COLUMNS, table.text("dataset_name"), (-1.0, 1.0))
    table = read_known(name, SOURCES, COLUMNS, "word similarity set", data_dir, others=list(LIANG))
    return ScoredPairs.from_table(table, COLUMNS, (Path(name).stem,) * len(table))
