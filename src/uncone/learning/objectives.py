"""From predicted similarities and human scores to a loss.

Every objective maps predictions (…, n, M) of M removals, scores (…, n) in [-1, 1] and data-set numbers (…, n) to losses
(…, M); in front may stand seeds, each with pairs of its own. The losses of different removals share nothing, so their
sum trains each as if it were alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Objective(nn.Module):
    """What all objectives have in common.

    Args:
        members: removals that are trained at once, those of all seeds together.
        datasets: data sets that the pairs come from.
    """

    def __init__(self, members: int = 1, datasets: int = 1):
        super().__init__()
        self.members, self.datasets = members, datasets

    def forward(self, predictions: Tensor, scores: Tensor, dataset: Tensor) -> Tensor:
        """Losses (…, M)."""
        raise NotImplementedError


class MeanSquaredError(Objective):
    """Mean of (ŷ − y)², the objective of Liang et al. 2021. It asks cosines to equal scores, scale and all.

    Example:
        >>> MeanSquaredError()(torch.tensor([[1.0], [0.0]]), torch.tensor([1.0, 1.0]), torch.zeros(2))
        tensor([0.5000])
    """

    def forward(self, predictions: Tensor, scores: Tensor, dataset: Tensor) -> Tensor:
        """Losses (…, M)."""
        return (predictions - scores[..., None]).square().mean(-2)


class CalibratedMeanSquaredError(Objective):
    """Mean of (a ŷ + b − y)² with a, b learned beside the removal.

    People's scores are no cosines: sets differ in what their zero means and how far they reach. Calibration leaves the
    removal to model the order and spacing only.

    Args:
        members: see `Objective`.
        datasets: see `Objective`.
        per_dataset: an a and a b for every data set.
    """

    def __init__(self, members: int = 1, datasets: int = 1, per_dataset: bool = False):
        super().__init__(members, datasets)
        count = datasets if per_dataset else 1
        self.per_dataset = per_dataset
        self.scale = nn.Parameter(torch.ones(members, count))
        self.offset = nn.Parameter(torch.zeros(members, count))

    def forward(self, predictions: Tensor, scores: Tensor, dataset: Tensor) -> Tensor:
        """Losses (…, M)."""
        row = dataset.long() if self.per_dataset else torch.zeros_like(dataset, dtype=torch.long)
        sets = F.one_hot(row, self.scale.shape[1]).to(predictions.dtype)  # (…, n, sets)
        shape = (*predictions.shape[:-2], predictions.shape[-1], -1)  # (…, M, sets)
        scale, offset = sets @ self.scale.view(shape).mT, sets @ self.offset.view(shape).mT  # (…, n, M)
        return (scale * predictions + offset - scores[..., None]).square().mean(-2)


class PearsonLoss(Objective):
    """One minus Pearson's correlation, computed inside each data set of the batch and averaged by its number of pairs.

    Example:
        >>> p = torch.tensor([[0.1], [0.2], [0.3]])
        >>> PearsonLoss()(p, torch.tensor([-1.0, 0.0, 1.0]), torch.zeros(3, dtype=torch.long)).abs() < 1e-5
        tensor([True])
    """

    def forward(self, predictions: Tensor, scores: Tensor, dataset: Tensor) -> Tensor:
        """Losses (…, M), each in [0, 2]."""
        groups = F.one_hot(dataset.long(), self.datasets).to(predictions.dtype)  # (…, n, sets)
        counts = groups.sum(-2)[..., None]  # (…, sets, 1)
        p = predictions - groups @ (groups.mT @ predictions / counts.clamp_min(1))  # centred inside each data set
        y = scores[..., None]
        y = y - groups @ (groups.mT @ y / counts.clamp_min(1))
        covariance = groups.mT @ (p * y)  # (…, sets, M)
        r = covariance / ((groups.mT @ p.square()) * (groups.mT @ y.square()) + 1e-12).sqrt()
        return 1 - (counts * r).sum(-2) / scores.shape[-1]


def neighbour_contrast(cosines: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE over a batch of neighbouring sentences (van den Oord et al. 2018, arXiv 1807.03748).

    Each sentence should be closer to its own neighbour than to those of the others in the batch; no label is needed.

    Args:
        cosines: (…, M, n, n) of the n first with the n second sentences, neighbours on the diagonal.
        temperature: τ > 0 that the cosines are divided by.

    Returns:
        Losses (…, M); log n where all cosines are equal.

    Example:
        >>> neighbour_contrast(torch.zeros(1, 4, 4), 0.05).exp().round()
        tensor([4.])
    """
    logits = cosines / temperature
    forward, backward = logits.log_softmax(-1), logits.log_softmax(-2)
    return -(forward + backward).diagonal(dim1=-2, dim2=-1).mean(-1) / 2


def relative_alignment(cosines: Tensor) -> Tensor:
    """Log of the mean squared distance of pairs that say the same, over that of random ones.

    For unit vectors ‖x − y‖² = 2 − 2 cos(x, y). The numerator is the alignment of Wang & Isola 2020 (arXiv 2005.10242);
    over the spread of everything, it is not made smaller by drawing all vectors together, and a linear map that shrinks
    what differs inside pairs against what differs between them makes it smaller: Fisher's criterion, on the sphere.

    Args:
        cosines: (…, M, n, n) of n first with n second vectors, pairs on the diagonal.

    Returns:
        Losses (…, M); 0 where pairs are as far apart as any, and not below log 1e-6.

    Example:
        >>> relative_alignment(torch.tensor([[[0.9, 0.1], [0.1, 0.9]]])).exp()
        tensor([0.2000])
    """
    apart = 1 - cosines
    alignment, spread = apart.diagonal(dim1=-2, dim2=-1).mean(-1), apart.mean((-2, -1))
    return (alignment / spread.clamp_min(1e-12)).clamp_min(1e-6).log()


class RankLoss(Objective):
    """A smooth rank objective: for every two pairs of one data set, log(1 + exp(−(ŷ_i − ŷ_j)/τ)) where y_i > y_j.

    It is the logistic surrogate of the share of wrongly ordered couples, which Kendall's and Spearman's coefficients
    count.

    Args:
        members: see `Objective`.
        datasets: see `Objective`.
        temperature: τ, in units of cosine; differences far above it count as settled.
    """

    def __init__(self, members: int = 1, datasets: int = 1, temperature: float = 0.1):
        super().__init__(members, datasets)
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.temperature = temperature

    def forward(self, predictions: Tensor, scores: Tensor, dataset: Tensor) -> Tensor:
        """Losses (…, M)."""
        couples = (scores[..., :, None] > scores[..., None, :]) & (dataset[..., :, None] == dataset[..., None, :])
        excess = predictions[..., None, :, :] - predictions[..., :, None, :]  # (…, n, n, M): ŷ_j − ŷ_i
        losses = F.softplus(excess / self.temperature) * couples[..., None]
        return losses.sum((-3, -2)) / couples.sum((-2, -1)).clamp_min(1)[..., None]  # a batch of ties says nothing


OBJECTIVES: dict[str, type[Objective]] = {
    "pearson": PearsonLoss,
    "mse": MeanSquaredError,
    "calibrated_mse": CalibratedMeanSquaredError,
    "rank": RankLoss,
}


def make_objective(name: str, settings: Mapping[str, Any], members: int, datasets: int) -> Objective:
    """The objective of a name in `OBJECTIVES`, with settings of its own.

    Raises:
        ValueError: for a setting that it does not have.
    """
    try:
        return OBJECTIVES[name](members, datasets, **settings)
    except TypeError as error:
        raise ValueError(f"the objective {name} has no such settings as {dict(settings)}: {error}") from None
