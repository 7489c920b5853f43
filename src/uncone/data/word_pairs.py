"""Word similarity sets: two words and how similar people find them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncone.data.files import Source, Table, read, read_table
from uncone.data.pairs import ScoredPairs, concatenate

COLUMNS = ("word1", "word2", "score")

SOURCES: dict[str, Source] = {
    "men3k": Source("wordsim/men3k.tsv", 3000),  # Bruni et al. 2014
    "simverb3500": Source("wordsim/simverb3500.tsv", 3500),  # Gerz et al. 2016
    "simlex999": Source("wordsim/simlex999.tsv", 999, packaged="simlex999.txt"),  # Hill et al. 2015
    "rw2034": Source("wordsim/rw2034.tsv", 2034),  # Luong et al. 2013, rare words
    "ws353": Source("wordsim/ws353.tsv", 353, packaged="wordsim353.tsv"),  # Finkelstein et al. 2002
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
    "liang_train": Source("liang2021/word_simi_train.csv", 7703),
    "liang_test": Source("liang2021/word_simi_test.csv", 2447),
}

PACKAGED = ("ws353", "simlex999")  # there without any data folder
LIANG_SETS = ("men3k", "simverb3500", "simlex999", "rw2034", "ws353", "mturk771", "mturk287", "rg65")


def load_word_pairs(
    sets: str | Path | Sequence[str | Path] = PACKAGED, data_dir: str | Path | None = None
) -> ScoredPairs:
    """Load word similarity sets.

    Args:
        sets: one or several of the names in `SOURCES`, of "liang_train" and "liang_test" (the split of Liang et al.
            2021, which brings its eight data sets under their names there), or paths of your own files: `.csv` (comma
            separated, quoted) or any other suffix (tab separated) with a header line naming word1, word2 and score.

    Returns:
        The sets behind each other. Scores are raw; `scaled_score` has them in [-1, 1].

    Raises:
        DataUnavailable: if a set cannot be found.
        ValueError: if a name is unknown or a file malformed; the message names file and line.

    Example:
        >>> pairs = load_word_pairs("simlex999")
        >>> len(pairs), pairs.text1[0], pairs.text2[0], float(pairs.score[0])
        (999, 'old', 'new', 1.58)
    """
    chosen = [sets] if isinstance(sets, (str, Path)) else sets
    return concatenate([_load_one(name, data_dir) for name in chosen])


def _load_one(name: str | Path, data_dir: str | Path | None) -> ScoredPairs:
    if name in SOURCES:
        return _pairs(read(SOURCES[str(name)], COLUMNS, data_dir), str(name))
    if name in LIANG:
        table = read(LIANG[str(name)], ("word1", "word2", "simi", "dataset_name"), data_dir)
        dataset = table.text("dataset_name")
        return ScoredPairs(
            table.text("word1"),
            table.text("word2"),
            table.numbers("simi"),
            dataset,
            ranges=dict.fromkeys(dataset, (-1.0, 1.0)),
        )
    path = Path(name)
    if not path.suffix:
        raise ValueError(
            f"unknown word similarity set {str(name)!r}; known: {', '.join([*SOURCES, *LIANG])}, or a file"
        )
    return _pairs(read_table(path, COLUMNS), path.stem)


def _pairs(table: Table, dataset: str) -> ScoredPairs:
    return ScoredPairs(table.text("word1"), table.text("word2"), table.numbers("score"), (dataset,) * len(table))
