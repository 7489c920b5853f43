"""Local intrinsic dimension: how many directions vectors use around each of them.

A Swiss roll has linear dimension 3 and local dimension 2. `lid` is LID of Cai, Huang, Bian and Church, "Isotropy in the
Contextual Embedding Space: Clusters and Manifolds" (ICLR 2021), with true instead of squared distances.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import torch
from torch import Tensor

from uncone.support.arrays import BLOCK, Array, ArrayT, as_given, as_tensor, matrix, unit_blocks

Distance = Literal["euclidean", "cosine"]

# Numbers held at once by the search for neighbours, in float32 32 MiB and, on an accelerator, 4 GiB: large enough for
# matrix products at full speed.
_SEARCH, _ACCELERATOR_SEARCH = 1 << 23, 1 << 30

# Candidates examined beyond the k-th, so that a bound a little loose still proves the first k to be the nearest.
_SPARE = 32

# Distances that agree on average to a millionth are equal but for rounding.
_EQUAL = 1e-6


class DuplicateWarning(UserWarning):
    """Some rows are exact copies of others. A local dimension presumes a density, in which copies have no place."""


def lid(X: Array, k: int = 100, **options: Any) -> float:
    """Mean local intrinsic dimension: of `local_dimensions`, where options, equation and errors are described.

    Example:
        >>> grid = torch.cartesian_prod(torch.arange(60.0), torch.arange(60.0))
        >>> round(lid(grid, k=40))
        2
    """
    return float(local_dimensions(as_tensor(X), k, **options).mean())


def local_dimensions(
    X: ArrayT,
    k: int = 100,
    *,
    squared: bool = False,
    metric: Distance = "euclidean",
    queries: int | None = None,
    generator: torch.Generator | None = None,
) -> ArrayT:
    """Maximum-likelihood local intrinsic dimension around each vector (Amsaleg et al., KDD 2015).

    LID(p) = −[(1/k) Σ_{i≤k} ln(r_i / r_k)]⁻¹, with r_1 ≤ … ≤ r_k the distances of p to its k nearest neighbours.

    The search is exact, and p is not its own neighbour. Exact copies stand for one point: they are not neighbours of
    each other (r = 0), count once as the neighbour of another point, and are reported in a `DuplicateWarning`.
    Invariant to rotation and scale; the Euclidean one also to translation, the cosine one to the length of each vector.
    Takes queries × n × d multiplications. Memory beside `X` is about two copies of it and a fixed amount.

    Args:
        X: (n, d), n ≥ 3.
        k: number of neighbours, at least 2 and less than the number of distinct rows.
        squared: use squared distances, which halves every estimate exactly. Figures published by Cai et al. do.
        metric: "euclidean", or "cosine" for the chord ‖x̂ − ŷ‖ between unit vectors. A squared chord is 2 (1 − cos), so
            `squared=True` gives the LID of the cosine distance 1 − cos.
        queries: estimate around a random sample of (at most) so many rows, with neighbours among all rows; None: around
            every row.
        generator: draws the sample, `torch.randperm(n, generator=generator)[:queries]`.

    Returns (n,) or (queries,) estimates in float64, positive and finite, in the order of the rows or of the sample. A
    ValueError if an argument does not fit, a row is zero under "cosine", or the k nearest neighbours of a point are all
    equally far from it, where the estimate would be infinite.

    Example:
        >>> swiss_roll = torch.rand(500, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([10.0, 5.0])
        >>> angle, height = swiss_roll.T
        >>> X = torch.stack([angle * angle.cos(), angle * angle.sin(), height], dim=1)
        >>> local_dimensions(X, k=20).median().round()
        tensor(2., dtype=torch.float64)
    """
    points = matrix(X, minimum_rows=3)
    asked = _sample(len(points), queries, generator).to(points.device)
    dtype = torch.promote_types(points.dtype, torch.float32)  # half precision would lose the differences of neighbours
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f'metric must be "euclidean" or "cosine", got {metric!r}')
    if metric == "cosine":
        points = torch.cat([units.to(dtype) for units in unit_blocks(points)])
    points = points.to(dtype)

    first, position = distinct_rows(points)
    distinct = points if len(first) == len(points) else points[first]
    if k < 2 or k >= len(distinct):
        raise ValueError(f"k must be at least 2 and less than the {len(distinct)} distinct rows, got {k}")
    if len(distinct) < len(points):
        warnings.warn(
            f"{len(points) - len(distinct)} of {len(points)} rows are exact copies of another row; "
            "copies are not neighbours of each other and count once as the neighbour of another row",
            DuplicateWarning,
            stacklevel=2,
        )
    asked, repeat = torch.unique(position[asked], return_inverse=True)  # copies share one estimate
    r = _neighbour_distances(distinct, asked, k)  # (q, k)
    mean_logs = (r / r[:, -1:]).log_().mean(1)
    equal = mean_logs > -_EQUAL
    if equal.any():
        row = int(torch.isin(position, asked[equal]).nonzero()[0])
        raise ValueError(
            f"the {k} neighbours of row {row} are all equally far: its LID is infinite; raise k or drop it"
        )
    estimates = -1 / mean_logs[repeat]
    return as_given(estimates / 2 if squared else estimates, X)


def distinct_rows(X: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows are the first of their kind, and the kind of every row.

    Equal rows have equal products with odd numbers, added up in the arithmetic of integers, which knows no rounding;
    whether rows of one product are equal is then looked at, so that the answer is exact.

    Args:
        X: (n, d) float32 or float64, finite.

    Returns:
        (m,) rows, ascending, and (n,) indices into them.

    Example:
        >>> distinct_rows(torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
        (tensor([0, 1]), tensor([0, 1, 0]))
    """
    generator = torch.Generator().manual_seed(0)
    odd = torch.randint(2**62, (X.shape[1],), generator=generator).mul(2).add(1).to(X.device)
    bits = torch.int32 if X.element_size() == 4 else torch.int64
    keys = torch.cat([((block + 0.0).view(bits) * odd).sum(1) for block in X.split(BLOCK)])  # -0.0 + 0.0 is 0.0
    first, kind = _firsts(keys.unique(return_inverse=True)[1])
    copies = (first[kind] != torch.arange(len(X), device=X.device)).nonzero()[:, 0]
    if not torch.equal(X[copies], X[first[kind[copies]]]):
        first, kind = _firsts(X.unique(dim=0, return_inverse=True)[1])
    return first, kind


def _firsts(kind: Tensor) -> tuple[Tensor, Tensor]:
    """The first row (m,) of each kind, ascending, and kinds (n,) numbered in that order."""
    rows = torch.arange(len(kind), device=kind.device)
    first = rows.new_full((int(kind.max()) + 1,), len(kind)).scatter_reduce_(0, kind, rows, "amin")
    first, order = first.sort()
    return first, order.argsort()[kind]


def _sample(n: int, queries: int | None, generator: torch.Generator | None) -> Tensor:
    if queries is None:
        return torch.arange(n)
    if queries < 1:
        raise ValueError(f"queries must be at least 1, or None for every row, got {queries}")
    if generator is None:
        raise ValueError(f"queries={queries} draws a sample: pass generator=torch.Generator().manual_seed(…) with it")
    return torch.randperm(n, generator=generator, device=generator.device)[:queries]


def _neighbour_distances(points: Tensor, asked: Tensor, k: int) -> Tensor:
    """Distances (q, k), ascending, of the points numbered `asked` (q,) to their k nearest others among (n, d).

    Candidates are found by a lower bound on r² = ‖x‖² + ‖y‖² − 2 xᵀy: the products, taken in the precision of the data,
    are off by at most d ε ‖x‖ ‖y‖ ≤ d ε (‖x‖² + ‖y‖²) / 2, so shrinking the squares a little makes up for it. The
    distances of candidates then come from differences, where nothing cancels. If the k-th is below the bound of every
    point left out, the search was exact; the few queries for which it is not are searched again in float64.
    """
    n, d = points.shape
    distances = points.new_empty(len(asked), k, dtype=torch.float64)
    pending = torch.arange(len(asked), device=points.device)
    for dtype in (points.dtype, torch.float64):
        centred = points.to(dtype) - points.mean(0).to(dtype)  # smaller norms, tighter bounds
        squares = centred.square().sum(1) * (1 - 2 * (d + 4) * torch.finfo(dtype).eps)  # (n,)
        uncertain = []
        held = _SEARCH if points.device.type == "cpu" else _ACCELERATOR_SEARCH
        for rows in pending.split(max(1, held // (n + k * d))):
            x = asked[rows]  # (b,)
            bounds = torch.addmm(squares, centred[x], centred.T, alpha=-2)  # (b, n), of r² − ‖x‖²
            bounds.scatter_(1, x[:, None], torch.inf)  # a point is not its own neighbour
            bounds, candidates = bounds.topk(min(k + _SPARE, n - 1), largest=False)
            differences = points[candidates].sub_(points[x, None])  # (b, k + spare, d)
            r = torch.linalg.vector_norm(differences, dim=2, dtype=torch.float64).sort(1).values[:, :k]
            distances[rows] = r
            uncertain.append(rows[r[:, -1].square() > bounds[:, -1] + squares[x]])
        pending = torch.cat(uncertain)
        if not len(pending):
            break
    return distances
