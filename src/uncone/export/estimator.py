"""A removal as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from uncone import removal
from uncone.removal import Correction, Removal
from uncone.removal.clustering import Clustering
from uncone.removal.spectra import Spectra
from uncone.removal.spectrum import Spectrum
from uncone.support.wording import meant

if TYPE_CHECKING:
    from uncone.learning.recipe import Recipe

FIXED = (
    *("none", "centre", "all_but_the_top", "common_components", "conceptor", "whitening", "spectral_tempering"),
    *("soft_zca", "standardize", "renormalize"),
)
METHODS = (*FIXED, "clustered", "learned")
FLOATS = (np.float64, np.float32)

Pairs = tuple[Sequence[int], Sequence[int]]


class DominantComponentRemoval(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Take dominant components out of vectors: `uncone.removal` for pipelines of scikit-learn.

    The features stay the features: the corrected vector has the axes, the names and the dtype (float32 or float64) of
    the given one. `transform` does not scale to unit length; a `Normalizer` behind it does.

    Args:
        method: one of `FIXED`, each as in `uncone.removal`; "clustered", which finds clusters with k-means first;
            "learned", which `fit` needs pairs for; or a `Removal` or `ClusteredRemoval`, for instance a loaded
            one, which is applied as it is.
        D: of all_but_the_top and clustered, the components to remove; None for d/100, at least 1. Of common_components
            too; None for 1. Of whitening and spectral_tempering, the components to keep; None for all. Of learned, the
            leading components to learn; None is as the recipe says.
        centred: of all_but_the_top and learned, whether the mean is subtracted; None is True, or as the recipe says.
        alpha: of conceptor.
        eps: of soft_zca.
        variant: of renormalize.
        n_clusters: of clustered.
        recipe: of learned, a file of conf/recipe by its name, or a `uncone.learning.recipe.Recipe`; "label_free" needs
            no scores.
        pull: of learned, the strength of the pull toward the identity; None is as the recipe says.
        random_state: of clustered, for k-means; of learned, for the split into training and validation pairs and the
            order of the batches.

    Attributes:
        removal_: the fitted `Removal` or `ClusteredRemoval`. A pickle is for a process and its workers; files are for
            `removal_.save(folder)`, which `DominantComponentRemoval(uncone.removal.load(folder))` takes up again.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(500, 3)) * [9, 1, 1]
        >>> Y = DominantComponentRemoval("all_but_the_top", D=1).fit_transform(X)
        >>> Y.std(0).round() == [0, 1, 1]
        array([ True,  True,  True])
    """

    removal_: Correction

    def __init__(
        self,
        method: str | Correction = "all_but_the_top",
        D: int | None = None,
        *,
        centred: bool | None = None,
        alpha: float = 2.0,
        eps: float = 0.1,
        variant: str = "R2",
        n_clusters: int = 8,
        recipe: str | Recipe = "pairs",
        pull: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.method = method
        self.D = D
        self.centred = centred
        self.alpha = alpha
        self.eps = eps
        self.variant = variant
        self.n_clusters = n_clusters
        self.recipe = recipe
        self.pull = pull
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        pairs: Pairs | None = None,
        scores: Sequence[float] | None = None,
    ) -> Self:
        """Fit the removal.

        Args:
            X: (n, d) vectors, n ≥ 2.
            sample_weight: (n,) weights of the rows in mean and components. With the probabilities of words, whitening
                is Zipfian whitening.
            pairs: of learned, row numbers (i, j) of `X`, two lists of m.
            scores: of learned, (m,) how similar people find each pair, on any scale. Without scores, the pairs are rows
                that belong together, such as a query and its document, and the recipe is a label-free one; without
                pairs, it takes rows that follow each other.

        Raises:
            ValueError: for an unknown method, a setting that does not fit `X`, pairs missing or without need.

        Example:
            >>> X = np.random.default_rng(0).normal(size=(60, 5)) + [9, 0, 0, 0, 0]
            >>> i, j = np.arange(30), np.arange(30, 60)
            >>> scores = -np.linalg.norm(X[i, 1:] - X[j, 1:], axis=1)
            >>> DominantComponentRemoval("learned").fit(X, pairs=(i, j), scores=scores).removal_.method
            'learned'
        """
        X = validate_data(self, X, dtype=FLOATS, order="C", ensure_min_samples=2)
        if self.method != "learned" and (pairs is not None or scores is not None):
            raise ValueError(f"only method='learned' learns from pairs and scores, got method={self.method!r}")
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if isinstance(self.method, Correction):
            if self.method.dimension != X.shape[1]:
                raise ValueError(f"this removal corrects {self.method.dimension} dimensions, X has {X.shape[1]}")
            self.removal_ = self.method
        elif self.method in FIXED:
            self.removal_ = self._fixed(self.method, Spectrum.fit(X, sample_weight))
        elif self.method == "clustered":
            if sample_weight is not None:
                raise ValueError("method='clustered' weighs all rows equally: leave out sample_weight")
            clustering = Clustering.fit(X, _whole(self.n_clusters), self._seed())
            self.removal_ = removal.clustered(clustering, self._components(min(X.shape)), "texts")
        elif self.method == "learned":
            self.removal_ = self._learned(X, sample_weight, pairs, scores)
        else:
            raise ValueError(
                f"unknown method {self.method!r}: choose one of {', '.join(METHODS)}, or give a Removal"
                f"{meant(self.method, METHODS)}"
            )
        return self

    def _fixed(self, method: str, spectrum: Spectrum) -> Removal:
        """What the constructor of that name makes with those parameters of the estimator that it has."""
        if method == "none":
            return removal.none(len(spectrum.mean))
        make = getattr(removal, method)
        settings = {name: _whole(getattr(self, name, None)) for name in signature(make).parameters}
        settings = {name: value for name, value in settings.items() if value is not None}
        if method == "all_but_the_top":
            settings = {"D": self._components(spectrum.rank), "centred": self.centred is not False}
            if not spectrum.rank:  # all rows are equal: there is no component to remove
                return removal.centre(spectrum) if settings["centred"] else removal.none(len(spectrum.mean))
        return make(spectrum, **settings)

    def _learned(self, X: np.ndarray, weights: np.ndarray | None, pairs: Pairs | None, scores: Any) -> Removal:
        # these import Lightning, which no fixed method needs
        from uncone.learning.fit import follow
        from uncone.learning.problem import Problem
        from uncone.learning.recipe import Recipe

        recipe = Recipe.named(self.recipe) if isinstance(self.recipe, str) else self.recipe
        if recipe.looks_at_scores and (pairs is None or scores is None):
            raise ValueError(
                "method='learned' needs scored pairs: fit(X, pairs=(i, j), scores=scores); or recipe='label_free', "
                "which needs rows that belong together alone"
            )
        given = {"D": _whole(self.D), "centred": self.centred, "pull": self.pull}
        changes = {key: value for key, value in given.items() if value is not None}
        if self.centred is False:
            changes["learn_centre"] = False
        if weights is not None:
            changes["uniform_share"] = 0
        spectra = Spectra(lambda: X, None if weights is None else lambda: weights)
        asked = None if pairs is None else list(map(np.asarray, pairs))
        problem = Problem.of_rows(X, asked, None if scores is None else np.asarray(scores), spectra, self._seed())
        return replace(follow(problem, recipe.but(**changes)), encoder={})  # nobody says whose vectors these are

    def _components(self, rank: int) -> Any:
        """D, or about a hundredth of the dimension."""
        return min(max(1, round(self.n_features_in_ / 100)), rank) if self.D is None else _whole(self.D)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def transform(self, X: Any) -> Any:
        """Corrected vectors (n, d), of the dtype of `X`; a data frame after `set_output(transform="pandas")`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, order="C", reset=False)
        return self.removal_.apply(X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _whole(value: Any) -> Any:
    """Numpy's whole numbers, which parameter grids are made of, as Python's."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value
