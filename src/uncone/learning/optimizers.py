"""What moves the weights of a bank of removals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

OPTIMIZERS = ("adam", "lbfgs")
ITERATIONS = 20  # of L-BFGS in one step


class RowAdam(torch.optim.Adam):
    """Adam in which every row of a parameter has a learning rate of its own.

    A step of Adam is linear in the rate: one with the rate of its group is scaled, row by row.

    Args:
        groups: of parameters (M, …), each with a rate "lr".
        rates: (M,) factors on these rates.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], rates: Tensor):
        super().__init__(groups, fused=True)
        self.rates = rates

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returns, which is called before anything moves."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        tensors = [parameter for group in self.param_groups for parameter in group["params"]]
        before = [tensor.detach().clone() for tensor in tensors]
        super().step()
        with torch.no_grad():
            for tensor, start in zip(tensors, before, strict=True):
                self.rates = self.rates.to(tensor)
                rates = self.rates.view(-1, *[1] * (tensor.ndim - 1))
                tensor.copy_(start + rates * (tensor - start))
        return value


def make_optimizer(
    name: str, groups: Sequence[dict[str, Any]], learning_rates: Sequence[float]
) -> torch.optim.Optimizer:
    """The optimizer of a bank.

    Args:
        name: "adam"; or "lbfgs", which takes 20 iterations a step with a line search. Members share a step length
            there, so their paths depend on each other, though not their optima.
        groups: "params", tensors with one row for each member, and "scale", a factor on their learning rates.
        learning_rates: of each member; L-BFGS, whose line search finds its own, ignores them.
    """
    if name == "lbfgs":
        everything = [parameter for group in groups for parameter in group["params"]]
        return torch.optim.LBFGS(everything, max_iter=ITERATIONS, line_search_fn="strong_wolfe")
    if len(set(learning_rates)) == 1:
        return torch.optim.Adam(
            [{"params": group["params"], "lr": group["scale"] * learning_rates[0]} for group in groups], fused=True
        )
    scaled = [{"params": group["params"], "lr": group["scale"]} for group in groups]
    return RowAdam(scaled, torch.tensor([float(rate) for rate in learning_rates]))
