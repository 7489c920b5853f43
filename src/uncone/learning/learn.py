"""Learning a removal in one call: what train.py learns, without a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from uncone.encoder import Encoder, StoredEncoder
from uncone.learning.fit import follow
from uncone.learning.problem import Problem
from uncone.learning.recipe import Recipe
from uncone.removal import Removal
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.support.arrays import Array
from uncone.support.files import CONF

Pairs = Iterable[tuple[Any, Any, float]]


def learn(
    source: Encoder | Array,
    pairs: str | Path | Sequence[str | Path] | Pairs | None = None,
    texts: str | Path | Iterable[str] | None = None,
    recipe: str | Recipe | None = None,
    seed: int = 0,
) -> Removal:
    """Learn how much of each dominant component to remove: with all left out, what train.py learns for an encoder.

    Args:
        source: an encoder; or a matrix (n, d) of vectors, which is learned from scored pairs of its rows, or by a
            label-free recipe from rows that follow each other (`Encoder.from_vectors` knows other rows that belong
            together).
        pairs: what people find similar, (one, other, score) each: two words, two sentences (if any of them has a
            blank in it) or two row numbers, and a number on any scale. A fifth of them chooses, the others are learned
            from. Or names of sets and files, as `data.sets` takes them, which are divided as in train.py: a fifth is
            left for tests. None takes the packaged word pairs.
        texts: running text, documents or paragraphs of several sentences each, or the name of a corpus; None takes the
            corpus of the recipe.
        recipe: a file of conf/recipe by its name, or a `Recipe`; None is "learned", and "pairs" for a matrix.
        seed: of all that is left to chance.

    Raises:
        ValueError: for pairs or texts that are not of use, or that the recipe does not look at.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(400, 5)) * [9, 1, 1, 1, 1]
        >>> scores = [-np.linalg.norm(X[i, 1:] - X[i + 200, 1:]) for i in range(200)]
        >>> removal = learn(X, pairs=[(i, i + 200, score) for i, score in enumerate(scores)])
        >>> removal.gains.argmin()
        tensor(0)
    """
    is_encoder = isinstance(source, Encoder)
    if recipe is None:
        recipe = "learned" if is_encoder else "pairs"
    recipe = Recipe.named(recipe) if isinstance(recipe, str) else recipe
    if pairs is not None and not recipe.looks_at_scores:
        raise ValueError("this recipe looks at no scores: leave out pairs, or take recipe='learned'")
    if texts is not None and not (recipe.contrast.weight and is_encoder):
        raise ValueError("texts are read by an encoder, under a recipe with contrast.weight above 0, such as 'learned'")
    if isinstance(texts, (str, Path)):
        recipe, texts = recipe.but(contrast={"corpus": str(texts)}), None
    if not isinstance(source, Encoder):
        if not recipe.looks_at_scores:
            return replace(follow(Problem.of_rows(source, seed=seed), recipe), encoder={})  # nobody's vectors
        if pairs is None:
            raise ValueError(
                "a matrix is learned from scored pairs of its rows, pairs=[(i, j, score), …]; or by "
                "recipe='label_free' from rows that follow each other"
            )
        one, other, scores = _columns(pairs)
        problem = Problem.of_rows(source, (np.asarray(one), np.asarray(other)), scores, seed=seed)
        return replace(follow(problem, recipe), encoder={})
    vectors = Vectors(source)
    spectra = Spectra.of(vectors)
    if isinstance(source, StoredEncoder) and pairs is None:
        return follow(Problem(vectors, spectra, None, seed=seed), recipe)
    if sets := _sets(pairs):
        data = yaml.safe_load((CONF / "data" / "word_pairs.yaml").read_text(encoding="utf-8")) | sets
        problem = Problem.of(vectors, spectra, data | {"seed": seed}, seed)
    else:
        problem = Problem.of_pairs(vectors, spectra, *_columns(pairs), seed=seed)
    problem.texts = None if texts is None else tuple(texts)
    return follow(problem, recipe)


def _sets(pairs: Any) -> dict[str, Any]:
    """What is said of data sets: nothing if pairs are given themselves."""
    if pairs is None:
        return {"kind": "words"}
    names = [pairs] if isinstance(pairs, (str, Path)) else pairs
    if not all(isinstance(name, (str, Path)) for name in names):
        return {}
    return {"sets": [str(name) for name in names]}


def _columns(pairs: Any) -> tuple[list[Any], list[Any], np.ndarray]:
    """Ones, others and scores of pairs."""
    rows = [tuple(pair) for pair in pairs]
    if wrong := [row for row in rows if len(row) != 3]:
        raise ValueError(f"a pair is (one, other, score), got {wrong[0]!r}")
    return [row[0] for row in rows], [row[1] for row in rows], np.array([row[2] for row in rows], dtype=np.float64)
