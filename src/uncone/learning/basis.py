"""Pairs of vectors in a component basis: all that the gains of its components need to know of them."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from uncone.removal import Removal
from uncone.removal.spectrum import Spectrum

TINY = 1e-12


class Basis(NamedTuple):
    """Where a removal is learned.

    Attributes:
        centre: (d,) c.
        components: (d, k) U, orthonormal columns.
        eigenvalues: (k,) variance along each.
        start: what all vectors are corrected with before; None leaves them as they are.
    """

    centre: Tensor
    components: Tensor
    eigenvalues: Tensor
    start: Removal | None = None

    @classmethod
    def of(cls, spectrum: Spectrum, k: int, centred: bool, start: Removal | None = None) -> Basis:
        """The k leading components of the spectrum of corrected vectors, about its mean or the origin."""
        centre = spectrum.mean if centred else torch.zeros_like(spectrum.mean)
        return cls(centre, spectrum.components[:, :k], spectrum.eigenvalues[:k], start)

    def _centred(self, e: Tensor, precision: torch.dtype) -> Tensor:
        """Vectors (n, d) after the start, about the centre."""
        return self.started(e.to(precision)) - self.centre.to(precision)

    def pairs(self, e1: Tensor, e2: Tensor, score: Tensor, dataset: Tensor) -> PairBatch:
        """Scored pairs of vectors (n, d)."""
        U = self.components.double()
        e1, e2 = (self._centred(e, torch.float64) for e in (e1, e2))
        a, b = e1 @ U, e2 @ U
        e1, e2 = e1 - a @ U.T, e2 - b @ U.T
        # the nil vector has a tiny length, so that its cosines are 0
        rest = torch.stack([(e1 * e2).sum(1), e1.square().sum(1) + TINY, e2.square().sum(1) + TINY], 1)
        return PairBatch(a.float(), b.float(), rest.float(), score, dataset)

    def neighbours(self, e1: Tensor, e2: Tensor) -> Neighbours:
        """Pairs without scores."""
        U = self.components.float()
        e1, e2 = (self._centred(e, torch.float32) for e in (e1, e2))
        a, b = e1 @ U, e2 @ U
        return Neighbours(a, b, e1 - a @ U.T, e2 - b @ U.T)

    def removal(
        self, gains: Tensor, shift: Tensor, count: int, mixing: Tensor | None = None, **description: Any
    ) -> Removal:
        """The removal of the leading components, or of directions in their span.

        Coordinates x become x diag(g) (I + mixing) = x W. Inner products see W Wᵀ = V diag(g'²) Vᵀ alone, so the
        removal along the orthonormal directions U V with gains g' gives the same cosines and lengths.

        Args:
            gains: (k,) g of every component.
            shift: (k,) of the centre along them, in units of √λ.
            count: components that it has.
            mixing: (k, k), nil outside the leading `count` rows and columns; None for none.
            **description: method, settings and encoder.
        """
        U = self.components.float()
        centre = self.centre.float() + U @ (shift * self.eigenvalues.clamp_min(0).sqrt().float())
        U, gains = U[:, :count], gains[:count]
        if mixing is not None:
            W = gains.double()[:, None] * (torch.eye(count) + mixing[:count, :count]).double()
            V, singular, _ = torch.linalg.svd(W)
            order = (self.eigenvalues[:count].double() @ V.square()).argsort(descending=True)  # by variance
            U, gains = (self.components[:, :count].double() @ V[:, order]).float(), singular[order].float()
        return Removal(centre, U, gains, **description)

    def whole(self, removal: Removal) -> Removal:
        """The start and a removal of what it leaves, as one."""
        return removal if self.start is None else self.start.then(removal)

    def started(self, e: Tensor) -> Tensor:
        """Vectors (n, d) after the start."""
        return e if self.start is None else self.start.apply(e)


class PairBatch(NamedTuple):
    """Scored pairs in a component basis. In a step, (S, n, …) in place of (n, …) for several seeds.

    Attributes:
        a: (n, k) = (e₁ − c) U.
        b: (n, k) = (e₂ − c) U.
        rest: (n, 3) e₁·e₂, ‖e₁‖², ‖e₂‖² of what lies outside U.
        score: (n,) in [-1, 1].
        dataset: (n,) number of the data set.
    """

    a: Tensor
    b: Tensor
    rest: Tensor
    score: Tensor
    dataset: Tensor

    @property
    def products(self) -> Tensor:
        """(n, 3, k) a∘b, a∘a, b∘b: what squared gains are multiplied with."""
        return torch.stack([self.a * self.b, self.a * self.a, self.b * self.b], -2)


class Neighbours(NamedTuple):
    """Neighbouring sentences in a component basis. In a step, (S, n, …) in place of (n, …) for several seeds.

    Attributes:
        a: (n, k) = (e₁ − c) U of the first sentences.
        b: (n, k) of the second.
        a_rest: (n, d) what of the first lies outside U.
        b_rest: (n, d) of the second.
    """

    a: Tensor
    b: Tensor
    a_rest: Tensor
    b_rest: Tensor


Some = TypeVar("Some", PairBatch, Neighbours)


def take(part: Some | None, rows: Tensor) -> Some | None:
    """Some of the pairs, by row numbers of any shape (…, n)."""
    return None if part is None else type(part)(*(each[rows] for each in part))


class TrainingBatch(NamedTuple):
    """One step: scored pairs, or neighbouring sentences, or both; and the first of these with a view of each."""

    pairs: PairBatch | None
    neighbours: Neighbours | None
    views: Neighbours | None = None


class Steps(NamedTuple):
    """Several steps behind each other, gathered and moved at once.

    Attributes:
        whole: all of them, (S, n, …) with a seed's pairs in the order of the steps.
        pairs: how many a step has; the last may have fewer.
        neighbours: how many a step has.
    """

    whole: TrainingBatch
    pairs: int
    neighbours: int

    def split(self) -> list[TrainingBatch]:
        """One batch a step."""
        pairs, neighbours = _split(self.whole.pairs, self.pairs), _split(self.whole.neighbours, self.neighbours)
        views = _split(self.whole.views, self.neighbours)
        return [TrainingBatch(*each) for each in zip_longest(pairs, neighbours, views)]


def _split(part: Any, size: int) -> list[Any]:
    """A tensor (S, n, …), or all tensors of a batch, in pieces of this size along n; no pieces of None."""
    if part is None:
        return []
    if isinstance(part, Tensor):
        return list(part.split(size, 1))
    return [type(part)(*each) for each in zip(*(_split(each, size) for each in part), strict=True)]
