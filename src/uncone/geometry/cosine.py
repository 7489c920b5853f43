"""Cosine similarities: how narrow the cone is, over all vectors, inside word types and between them.

None of them forms a pair. For unit vectors x̂ the mean cosine over all n(n − 1) ordered pairs of distinct vectors is

    (‖Σ x̂‖² − n) / (n (n − 1)),

linear in n, so that sums of unit vectors are all that a stream has to keep. Sums are in float64.

`s_intra` and `s_inter` are S_intra and S_inter of Cai, Huang, Bian and Church, "Isotropy in the Contextual Embedding
Space: Clusters and Manifolds" (ICLR 2021). All measures here lie in [−1, 1], are invariant to rotation and to the
length of every vector, and depend on where the origin is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from uncone.geometry.rows import BLOCK, rows_of, unit_blocks, zero_vector
from uncone.support.arrays import Array, as_tensor, matrix


def mean_cosine(X: Array) -> float:
    """Mean cosine over all pairs of distinct rows: 0 for directions that cancel out, 1 for a single direction.

    Args:
        X: (n, d), n ≥ 2, no zero row.

    Returns:
        A value in [−1/(n − 1), 1].

    Raises:
        ValueError: if `X` is not a finite matrix of at least two rows, or a row is zero.

    Example:
        >>> mean_cosine(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]))  # one pair of three is parallel
        0.3333333333333333
    """
    vectors = matrix(X, minimum_rows=2)
    total = torch.stack([units.sum(0) for units in unit_blocks(vectors)]).sum(0)  # (d,)
    return float(_mean_over_pairs(total, torch.tensor(len(vectors))))


def s_intra(X: Array, types: Array) -> float:
    """S_intra: how similar the occurrences of one word type are to each other, averaged over types.

    The mean cosine over the pairs of occurrences of a type, then the unweighted mean over the types that occur at
    least twice. 1 means that context makes no difference.

    Args:
        X: (n, d), the vector of each occurrence, no zero row.
        types: (n,) integers, the word type of each occurrence.

    Returns:
        A value in [−1, 1].

    Raises:
        ValueError: if `X` is not a finite matrix, a row is zero, `types` does not fit, or no type occurs twice.

    Example:
        >>> s_intra(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), torch.tensor([7, 7, 3]))
        1.0
    """
    vectors = matrix(X, minimum_rows=2)
    ids, index = torch.unique(_type_ids(types, vectors), return_inverse=True)
    sums = vectors.new_zeros(len(ids), vectors.shape[1], dtype=torch.float64)
    counts = index.new_zeros(len(ids))
    _add_to_types(sums, counts, vectors, index)
    return float(_intra(sums, counts))


def s_inter(X: Array, types: Array, generator: torch.Generator) -> float:
    """S_inter: mean cosine over pairs of different word types, each represented by one random occurrence.

    Every occurrence draws a uniform key, in order, and each type is represented by the occurrence with its largest key.
    So the choice depends on the generator's seed and the order of the rows alone, not on how they are cut into chunks.

    Args:
        X: (n, d), the vector of each occurrence; those chosen must not be zero.
        types: (n,) integers, the word type of each occurrence, at least two different ones.
        generator: draws the keys.

    Returns:
        A value in [−1, 1].

    Raises:
        ValueError: if `X` is not a finite matrix, a chosen row is zero, `types` does not fit, or there is only one.

    Example:
        >>> X = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> s_inter(X, torch.tensor([7, 7, 3]), torch.Generator().manual_seed(0))
        0.0
    """
    vectors = matrix(X, minimum_rows=2)
    _, chosen = _choose(vectors, _type_ids(types, vectors), generator)
    return _inter(chosen)


class MeanCosine(Metric):
    """Streaming `mean_cosine`.

    Args:
        dim: d, the length of the vectors.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = MeanCosine(dim=2)
        >>> metric.update(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        >>> metric.update(torch.tensor([[3.0, 0.0]]))
        >>> metric.compute()
        tensor(0.3333, dtype=torch.float64)
    """

    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.zeros(dim, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, X: Array) -> None:
        """Add the vectors `X` (n, dim), n ≥ 1."""
        vectors = rows_of(X, dim=len(self.total))
        for units in unit_blocks(vectors):
            self.total += units.sum(0)
        self.count += len(vectors)

    def compute(self) -> Tensor:
        """Mean cosine, a float64 scalar."""
        if self.count < 2:
            raise ValueError(f"MeanCosine needs at least 2 vectors, got {int(self.count)}; update it with more")
        return _mean_over_pairs(self.total, self.count)


class IntraSimilarity(Metric):
    """Streaming `s_intra`. Keeps one float64 sum per word type: n_types × dim × 8 bytes.

    Args:
        n_types: size of the vocabulary; type ids lie in [0, n_types).
        dim: d, the length of the vectors.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = IntraSimilarity(n_types=10, dim=2)
        >>> metric.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([7, 3]))
        >>> metric.update(torch.tensor([[2.0, 0.0]]), torch.tensor([7]))
        >>> metric.compute()
        tensor(1., dtype=torch.float64)
    """

    is_differentiable = False
    full_state_update = False
    sums: Tensor
    counts: Tensor

    def __init__(self, n_types: int, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("sums", torch.zeros(n_types, dim, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(n_types, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, X: Array, types: Array) -> None:
        """Add the occurrences `X` (n, dim) of the word types `types` (n,), n ≥ 1."""
        vectors = rows_of(X, dim=self.sums.shape[1])
        _add_to_types(self.sums, self.counts, vectors, _type_ids(types, vectors, n_types=len(self.counts)))

    def compute(self) -> Tensor:
        """S_intra, a float64 scalar."""
        return _intra(self.sums, self.counts)


class InterSimilarity(Metric):
    """Streaming `s_inter`. Keeps one occurrence per word type: n_types × (1 + dim) × 8 bytes.

    On one process, the result is that of `s_inter` on all rows with a generator of the same seed. Across processes the
    occurrence with the largest key still wins, so give each process a seed of its own (for example seed + rank): equal
    seeds would draw equal keys. `reset` forgets the occurrences but leaves the generator, which is yours, where it is.

    Args:
        n_types: size of the vocabulary; type ids lie in [0, n_types).
        dim: d, the length of the vectors.
        generator: draws the keys.
        kwargs: passed on to `torchmetrics.Metric`.

    Example:
        >>> metric = InterSimilarity(n_types=10, dim=2, generator=torch.Generator().manual_seed(0))
        >>> metric.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([7, 3]))
        >>> metric.update(torch.tensor([[2.0, 0.0]]), torch.tensor([7]))
        >>> metric.compute()
        tensor(0., dtype=torch.float64)
    """

    is_differentiable = False
    full_state_update = False
    chosen: Tensor

    def __init__(self, n_types: int, dim: int, generator: torch.Generator, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generator = generator
        nothing = torch.zeros(n_types, 1 + dim, dtype=torch.float64)
        nothing[:, 0] = -1  # below every key
        self.add_state("chosen", nothing, dist_reduce_fx=_largest_key)

    def update(self, X: Array, types: Array) -> None:
        """Add the occurrences `X` (n, dim) of the word types `types` (n,), n ≥ 1."""
        vectors = rows_of(X, dim=self.chosen.shape[1] - 1)
        ids, chosen = _choose(vectors, _type_ids(types, vectors, n_types=len(self.chosen)), self.generator)
        self.chosen[ids] = _largest_key(torch.stack([self.chosen[ids], chosen]))

    def compute(self) -> Tensor:
        """S_inter, a float64 scalar."""
        seen = self.chosen[:, 0] >= 0
        return torch.tensor(_inter(self.chosen[seen]), dtype=torch.float64)


def _mean_over_pairs(total: Tensor, count: Tensor) -> Tensor:
    """Mean cosine over pairs from sums (..., d) of `count` (...) unit vectors."""
    n = count.double()
    return (total.square().sum(-1) - n) / (n * (n - 1))


def _type_ids(types: Array, vectors: Tensor, n_types: int | None = None) -> Tensor:
    ids = as_tensor(types)
    if ids.shape != (len(vectors),) or ids.is_floating_point() or ids.is_complex():
        raise ValueError(
            f"types must be {len(vectors)} integers, one for each row of X, got shape {tuple(ids.shape)} of {ids.dtype}"
        )
    ids = ids.to(vectors.device, torch.long)
    if n_types is not None and not 0 <= int(ids.min()) <= int(ids.max()) < n_types:
        raise ValueError(
            f"types must lie in [0, {n_types}), as the metric was made for, got [{int(ids.min())}, {int(ids.max())}]; "
            "make it with n_types = the size of the vocabulary"
        )
    return ids


def _add_to_types(sums: Tensor, counts: Tensor, vectors: Tensor, index: Tensor) -> None:
    """Add the unit vectors of `vectors` (n, d) to the rows `index` (n,) of `sums` (t, d), and count them."""
    for units, types in zip(unit_blocks(vectors), index.split(BLOCK), strict=True):
        sums.index_add_(0, types, units)
    counts += torch.bincount(index, minlength=len(counts))


def _intra(sums: Tensor, counts: Tensor) -> Tensor:
    repeated = counts >= 2
    if not repeated.any():
        raise ValueError(
            f"no type occurs twice (of {int((counts > 0).sum())} types), so S_intra has no pair; give more text"
        )
    return _mean_over_pairs(sums[repeated], counts[repeated]).mean()


def _choose(vectors: Tensor, ids: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One random occurrence per type: the types present (t,), and a row [key, vector] of each (t, 1 + d)."""
    keys = torch.rand(len(vectors), generator=generator, device=generator.device, dtype=torch.float64)
    keys = keys.to(vectors.device)
    present, index = torch.unique(ids, return_inverse=True)
    largest = keys.new_zeros(len(present)).scatter_reduce(0, index, keys, "amax")
    rows = (keys == largest[index]).nonzero()[:, 0]  # the winners, one per type, in the order of the rows
    winner = torch.empty_like(present)
    winner[index[rows]] = rows
    chosen = vectors[winner].double()  # (t, d)
    zero = (chosen == 0).all(1)
    if zero.any():
        raise zero_vector(int(winner[zero][0]))
    return present, torch.cat([largest[:, None], chosen], dim=1)


def _largest_key(stacked: Tensor) -> Tensor:
    """Of m choices (m, t, 1 + d), keep for each of t types the row with the largest key."""
    best = stacked[:, :, 0].argmax(0)  # (t,)
    return stacked[best, torch.arange(stacked.shape[1], device=stacked.device)]


def _inter(chosen: Tensor) -> float:
    if len(chosen) < 2:
        raise ValueError(f"S_inter compares different types and needs at least 2 of them, got {len(chosen)}")
    return mean_cosine(chosen[:, 1:])
