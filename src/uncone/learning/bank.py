"""A bank of removals that are learned side by side in one fit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from uncone.learning.basis import Basis, Neighbours, PairBatch
from uncone.removal import Removal


class Member(NamedTuple):
    """One removal of a bank.

    Attributes:
        D: how many leading components it learns.
        seed: of its initial weights and of the order in which it sees the pairs.
        pull: strength of its pull toward the identity.
        learning_rate: of its Adam.
    """

    D: int
    seed: int = 0
    pull: float = 0.1
    learning_rate: float = 0.01


def members(
    D: Sequence[int],
    seeds: Sequence[int] = (0,),
    pulls: Sequence[float] = (0.1,),
    learning_rates: Sequence[float] = (0.01,),
) -> list[Member]:
    """Every combination, one seed after another: the order in which `RemovalModule` takes them.

    Example:
        >>> [member.D for member in members([1, 2], seeds=[0, 1])]
        [1, 2, 1, 2]
    """
    return [Member(count, seed, pull, rate) for seed, count, pull, rate in product(seeds, D, pulls, learning_rates)]


def candidates(bank: Sequence[Member]) -> list[dict[str, float]]:
    """What each member is: its number of components D, and whatever else not all members share.

    Example:
        >>> candidates(members([10], seeds=[0, 1]))
        [{'D': 10, 'seed': 0}, {'D': 10, 'seed': 1}]
    """
    varying = [key for key in ("seed", "pull", "learning_rate") if len({getattr(member, key) for member in bank}) > 1]
    return [{"D": member.D, **{key: getattr(member, key) for key in varying}} for member in bank]


def labels(bank: Sequence[Member]) -> list[str]:
    """What the log calls each member.

    Example:
        >>> labels(members([10, 20]))
        ['10', '20']
        >>> labels(members([10], seeds=[0, 1], pulls=[0.1, 1.0]))
        ['10_seed0_pull0.1', '10_seed0_pull1', '10_seed1_pull0.1', '10_seed1_pull1']
    """
    short = {"D": "", "seed": "_seed", "pull": "_pull", "learning_rate": "_rate"}
    return ["".join(f"{short[key]}{value:g}" for key, value in each.items()) for each in candidates(bank)]


class _Cosine(torch.autograd.Function):
    """dot / √(norm1 norm2), with the gradient written out, in a third of the operations that PyTorch would start."""

    @staticmethod
    def forward(ctx: Any, dot: Tensor, norm1: Tensor, norm2: Tensor) -> Tensor:
        scale = (norm1 * norm2).rsqrt_()
        cosine = dot * scale
        ctx.save_for_backward(norm1, norm2, scale, cosine)
        return cosine

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        norm1, norm2, scale, cosine = ctx.saved_tensors
        half = gradients[0] * cosine
        half = half.mul_(-0.5)
        return gradients[0] * scale, half / norm1, half / norm2


class RemovalBank(nn.Module):
    """M removals in one component basis, as trainable tensors with a row for each.

    A pair enters their cosines through its coordinates a = Uᵀ(e₁ − c), b = Uᵀ(e₂ − c) alone: with s_i = g_i² and
    g_i = 1 − w_i,

        e'₁·e'₂ = rest + Σ_i s_i a_i b_i,    ‖e'₁‖² = rest₁ + Σ_i s_i a_i²,

    so the cosines of n pairs under M weight vectors are one product of (3n, k) with (k, M). A learned centre
    c + U diag(√λ) δ adds the terms linear in δ.

    With a rank r > 0 directions are learned as well: corrected coordinates z are mixed, z + (z A) Bᵀ with A, B (k, r).
    A cosine sees no more of the whole map W than W Wᵀ, so that the outcome again is one removal, along the eigenvectors
    of W Wᵀ in place of the principal components (`Basis.removal`).

    Args:
        basis: centre, components and eigenvalues.
        members: see `members`: sorted by seed, the same number for each. A member of D components learns the first D
            weights and keeps the rest at 0.
        parameterisation: "log_gains" learns θ with g = exp θ from θ = 0: positive gains, of which each has one θ, and a
            gradient that is alive at hard removal. "paper" learns w with g = 1 − w from w ~ N(0, 1): w and 2 − w are
            the same model, and w = 1 is always a stationary point.
        learn_centre: learn δ too.
        rank: of the mixing of components; 0 keeps the principal ones.

    Raises:
        ValueError: for a number of components beyond the basis, or members out of order.
    """

    deviations: Tensor
    mask: Tensor

    def __init__(
        self,
        basis: Basis,
        members: Sequence[Member],
        parameterisation: str = "log_gains",
        learn_centre: bool = False,
        rank: int = 0,
    ):
        super().__init__()
        k = basis.components.shape[1]
        counts = [member.D for member in members]
        seeds = list(dict.fromkeys(member.seed for member in members))
        if not counts or not all(1 <= D <= k for D in counts):
            raise ValueError(f"numbers of components D must lie in 1..{k} (those of the basis), got {counts}")
        if [member.seed for member in members] != [seed for seed in seeds for _ in range(len(counts) // len(seeds))]:
            raise ValueError("members must be sorted by seed, as many for each: see uncone.learning.bank.members")
        self.basis, self.members, self.parameterisation, self.rank = basis, tuple(members), parameterisation, rank
        # The basis is derived from stored features: it is rebuilt rather than saved.
        self.register_buffer("deviations", basis.eigenvalues.clamp_min(0).sqrt().float(), persistent=False)
        self.register_buffer("mask", (torch.arange(k) < torch.tensor(counts)[:, None]).float(), persistent=False)
        self._whole = bool(self.mask.all())
        start = torch.zeros_like(self.mask)  # (M, k)
        if parameterisation == "paper":  # what a seed draws for a component does not depend on how many there are
            start = self._draws((k,), 0)
        self.theta = nn.Parameter(start * self.mask)
        self.shift = nn.Parameter(torch.zeros_like(self.mask)) if learn_centre else None
        self.mixing = nn.ParameterList()  # A and B, (M, k, r) each, if there is a mixing
        if rank:  # A = 0 starts at no mixing; B may then be anything but 0
            right = self._draws((k, rank), 1) * k**-0.5
            self.mixing.extend([torch.zeros_like(right), right * self.mask[..., None]])

    def _draws(self, shape: tuple[int, ...], stream: int) -> Tensor:
        """Standard normal numbers (M, …), the same for members of one seed."""
        draws = [np.random.default_rng([member.seed, stream]).standard_normal(shape) for member in self.members]
        return torch.tensor(np.array(draws), dtype=torch.float32)

    def gains(self) -> Tensor:
        """(M, k) gains g = 1 − w of every member; 1 beyond its components."""
        return self.theta.exp() if self.parameterisation == "log_gains" else 1 - self.theta

    def keep_in_place(self) -> None:
        """Take from the gradients what would move a member beyond its components, where its tensors are 0."""
        if self._whole:
            return
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(self.mask.view(*self.mask.shape, *[1] * (parameter.ndim - 2)))

    def _parameters_for(self, batch_shape: torch.Size) -> tuple[Tensor, Tensor | None]:
        """Gains, and shifts in units of the vectors: (M, k), or (S, M / S, k) for a batch with S seeds in front."""
        gains = self.gains()
        delta = None if self.shift is None else self.shift * self.deviations
        if len(batch_shape) == 1:
            return gains, delta
        seeds = (batch_shape[0], -1)
        return gains.unflatten(0, seeds), None if delta is None else delta.unflatten(0, seeds)

    def similarities(self, batch: PairBatch) -> Tensor:
        """Cosines (n, M) of pairs after the correction of every member; (S, n, M / S) for pairs of each of S seeds."""
        gains, delta = self._parameters_for(batch.score.shape)
        if self.rank:
            first, second = (self._mixed(side.unsqueeze(-3), gains, delta) for side in (batch.a, batch.b))
            products = [(x * y).sum(-1).mT for x, y in ((first, second), (first, first), (second, second))]  # (…, n, M)
            dot, norm1, norm2 = (value + batch.rest[..., i : i + 1] for i, value in enumerate(products))
            return _Cosine.apply(dot, norm1, norm2)
        s = (gains * gains).mT  # (…, k, M)
        values = (batch.products.flatten(-3, -2) @ s).unflatten(-2, (-1, 3)) + batch.rest[..., None]  # (…, n, 3, M)
        dot, norm1, norm2 = values.unbind(-2)
        if delta is not None:
            linear, constant = s * delta.mT, (s * delta.mT.square()).sum(-2, keepdim=True)
            a, b = batch.a @ linear, batch.b @ linear  # (…, n, M)
            dot, norm1, norm2 = dot - a - b + constant, norm1 - 2 * a + constant, norm2 - 2 * b + constant
        return _Cosine.apply(dot, norm1, norm2)

    def _mixed(self, x: Tensor, gains: Tensor, delta: Tensor | None) -> Tensor:
        """Corrected coordinates (…, M, n, k) of texts (…, 1, n, k)."""
        z = (x if delta is None else x - delta.unsqueeze(-2)) * gains.unsqueeze(-2)
        if not self.rank:
            return z
        left, right = (part.view(*gains.shape, -1) for part in self.mixing)  # (…, M, k, r)
        return z + z @ left @ right.mT

    def sentence_similarities(self, neighbours: Neighbours) -> Tensor:
        """Cosines (M, n, n) of all first with all second sentences after the correction of every member."""
        gains, delta = self._parameters_for(neighbours.a.shape[:-1])
        a, b, a_rest, b_rest = (part.unsqueeze(-3) for part in neighbours)  # (…, 1, n, ·)
        first, second = self._mixed(a, gains, delta), self._mixed(b, gains, delta)  # (…, M, n, k)
        dot = first @ second.mT + a_rest @ b_rest.mT  # (…, M, n, n)
        norm1 = first.square().sum(-1) + a_rest.square().sum(-1)  # (…, M, n)
        norm2 = second.square().sum(-1) + b_rest.square().sum(-1)
        return dot * (norm1[..., :, None] * norm2[..., None, :]).clamp_min(1e-24).rsqrt()

    def penalty(self) -> Tensor:
        """(M,) mean squared distance from the identity over each member's components."""
        count = self.mask.sum(1)
        penalty = self.theta.square().sum(1) / count
        if self.shift is not None:
            penalty = penalty + self.shift.square().sum(1) / count
        return penalty

    def mixing_penalty(self) -> Tensor:
        """(M,) ‖A Bᵀ‖² / k of every member, for its k components."""
        left, right = self.mixing
        return ((left.mT @ left) * (right.mT @ right)).sum((1, 2)) / self.mask.sum(1)

    def removal(self, member: int, **description: Any) -> Removal:
        """The removal that a member stands for; with its method, settings and encoder."""
        with torch.no_grad():
            gains = self.gains()[member].cpu()
            shift = torch.zeros_like(gains) if self.shift is None else self.shift[member].cpu()
            if self.rank:
                left, right = (part[member].cpu() for part in self.mixing)
                description["mixing"] = left @ right.T
        return self.basis.removal(gains, shift, self.members[member].D, **description)
