"""Learning how much of each component to remove: the Lightning module."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from uncone.bank import Member, labels
from uncone.data.basis import Basis, Neighbours, PairBatch, Steps, TrainingBatch
from uncone.data.clustered_pairs import ClusteredBasis, ClusteredNeighbours, ClusteredPairBatch, corrected
from uncone.encoder import Encoder
from uncone.objectives import neighbour_contrast
from uncone.optimizers import make_optimizer
from uncone.removal import ClusteredRemoval, Removal
from uncone.statistics import spearman_each

PARAMETERISATIONS = ("log_gains", "paper")


class RemovalModule(pl.LightningModule):
    """A bank of trainable removals behind a frozen encoder; a single removal is a bank of one.

    A pair enters the loss through its coordinates a = Uᵀ(e₁ − c), b = Uᵀ(e₂ − c) alone: with s_i = g_i² = (1 − w_i)²,

        e'₁·e'₂ = rest + Σ_i s_i a_i b_i,    ‖e'₁‖² = rest₁ + Σ_i s_i a_i²,

    so the cosines of n pairs under M weight vectors are one product of (3n, k) with (k, M), whatever the members differ
    in: components, seeds, pulls, learning rates. They share no parameter, and each trains as if it were alone;
    validation picks one. A learned centre c + U diag(√λ) δ adds the terms linear in δ.

    On a `ClusteredBasis` every cluster has weights of its own, k D in all. Components of different clusters are not
    orthogonal, so corrected vectors are formed, which pooling leaves linear in the gains (see `ClusteredTexts`).

    Args:
        basis: centre, components and eigenvalues, of the whole or of each cluster.
        objective: see `uncone.objectives`; gives one loss a member.
        members: see `uncone.bank.members`: sorted by seed, the same number for each. A member of k components learns
            the first k weights (of each cluster) and keeps the rest at 0.
        parameterisation: "log_gains" learns θ with g = exp θ from θ = 0: positive gains, of which each has one θ, and a
            gradient that is alive at hard removal. "paper" learns w with g = 1 − w from w ~ N(0, 1): w and 2 − w are
            the same model, and w = 1 is always a stationary point.
        learn_centre: learn δ too.
        contrast: weight of the label-free contrast of neighbouring sentences (`uncone.objectives.neighbour_contrast`).
        temperature: of the contrast.
        gradient_clip: largest gradient norm of each member; None does not clip.
        optimizer: "adam" or "lbfgs" (`uncone.optimizers`). L-BFGS needs the same loss in every step: all pairs in one
            batch, no contrast, no clipping.
        encoder: the frozen encoder that `forward` corrects; its weights never enter a checkpoint.

    Raises:
        ValueError: for an unknown parameterisation or optimizer, a number of components beyond the basis, members out
            of order, or L-BFGS with what it cannot follow.
    """

    components: Tensor
    deviations: Tensor
    mask: Tensor
    pull: Tensor

    def __init__(
        self,
        basis: Basis | ClusteredBasis,
        objective: nn.Module,
        members: Sequence[Member],
        parameterisation: str = "log_gains",
        learn_centre: bool = False,
        contrast: float = 0.0,
        temperature: float = 0.05,
        gradient_clip: float | None = 1.0,
        optimizer: str = "adam",
        encoder: Encoder | None = None,
    ):
        super().__init__()
        k = int(basis.place.max()) + 1
        counts = [member.components for member in members]
        self.seeds = tuple(dict.fromkeys(member.seed for member in members))
        if parameterisation not in PARAMETERISATIONS:
            raise ValueError(
                f"unknown parameterisation {parameterisation!r}: choose one of {', '.join(PARAMETERISATIONS)}"
            )
        if not counts or not all(1 <= count <= k for count in counts):
            raise ValueError(f"numbers of components must lie in 1..{k} (those of the basis), got {counts}")
        if [member.seed for member in members] != [
            s for s in self.seeds for _ in range(len(counts) // len(self.seeds))
        ]:
            raise ValueError("members must be sorted by seed, the same number for each: see uncone.bank.members")
        if optimizer == "lbfgs" and (contrast or gradient_clip is not None):
            raise ValueError(
                f"lbfgs needs the same loss in every step, so contrast 0 and gradient_clip None, got {contrast} and "
                f"{gradient_clip}"
            )
        self.save_hyperparameters(
            {
                "members": [member._asdict() for member in members],
                "parameterisation": parameterisation,
                "learn_centre": bool(learn_centre),
                "contrast": float(contrast),
                "temperature": float(temperature),
                "gradient_clip": None if gradient_clip is None else float(gradient_clip),
                "optimizer": optimizer,
                "encoder": dict(encoder.identity) if encoder is not None else {},
                "basis": hashlib.sha256(
                    basis.components.float().numpy().tobytes() + basis.centre.float().numpy().tobytes()
                ).hexdigest()[:32],
            }
        )
        self.automatic_optimization = False  # a training batch holds many steps
        self.members, self.labels = tuple(members), labels(members)
        self.objective = objective
        self.encoder = encoder
        self.strict_loading = False  # checkpoints lack the encoder
        # The basis is derived from stored features: it is rebuilt rather than saved, and checked by its digest.
        self.basis = basis
        self.register_buffer("components", basis.matrix.float(), persistent=False)
        self.register_buffer("deviations", basis.eigenvalues.clamp_min(0).sqrt().float().flatten(), persistent=False)
        self.register_buffer("pull", torch.tensor([float(member.pull) for member in members]), persistent=False)
        self.register_buffer("mask", (basis.place < torch.tensor(counts)[:, None]).float(), persistent=False)  # (M, k)
        start = torch.zeros_like(self.mask)
        if parameterisation == "paper":  # what a seed draws for a component does not depend on how many there are
            draws = [np.random.default_rng(member.seed).standard_normal(len(basis.place)) for member in members]
            start = torch.tensor(np.array(draws), dtype=torch.float32)
        self.theta = nn.Parameter(start * self.mask)
        self.shift = nn.Parameter(torch.zeros_like(self.mask)) if learn_centre else None
        self.best_member = 0

    def gains(self) -> Tensor:
        """(M, k) gains g = 1 − w of every member; 1 beyond its components."""
        theta = self.theta * self.mask
        return theta.exp() if self.hparams["parameterisation"] == "log_gains" else 1 - theta

    def _parameters_for(self, batch_shape: torch.Size) -> tuple[Tensor, Tensor | None]:
        """Gains, and shifts in units of the vectors: (M, k), or (S, M / S, k) for a batch with S seeds in front."""
        gains = self.gains()
        delta = None if self.shift is None else self.shift * self.mask * self.deviations
        if len(batch_shape) == 1:
            return gains, delta
        seeds = (batch_shape[0], -1)
        return gains.unflatten(0, seeds), None if delta is None else delta.unflatten(0, seeds)

    def similarities(self, batch: PairBatch | ClusteredPairBatch) -> Tensor:
        """Cosines (n, M) of pairs after the correction of every member; (S, n, M / S) for pairs of each of S seeds."""
        gains, delta = self._parameters_for(batch.score.shape)
        if isinstance(batch, ClusteredPairBatch):
            first, second = self._clustered(batch, gains, delta)  # (…, M, n, d)
            return (first * second).sum(-1).mT
        s = (gains * gains).mT  # (…, k, M)
        values = batch.products.flatten(-3, -2) @ s  # (…, 3n, M)
        if delta is not None:
            linear = s * delta.mT
            values = values - batch.sums.flatten(-3, -2) @ linear + (linear * delta.mT).sum(-2, keepdim=True)
        values = values.unflatten(-2, (-1, 3)) + batch.rest[..., None]  # (…, n, 3, M)
        dot, norm1, norm2 = values.unbind(-2)
        return dot * (norm1 * norm2).clamp_min(1e-24).rsqrt()

    def _clustered(
        self, batch: ClusteredPairBatch | ClusteredNeighbours, gains: Tensor, delta: Tensor | None
    ) -> list[Tensor]:
        """Unit vectors (…, M, n, d) of both sides after the correction of every member."""
        delta = torch.zeros_like(gains) if delta is None else delta
        sides = [corrected(side, self.components, gains, delta) for side in (batch.first, batch.second)]
        return [nn.functional.normalize(side, dim=-1, eps=1e-12) for side in sides]

    def sentence_similarities(self, neighbours: Neighbours | ClusteredNeighbours) -> Tensor:
        """Cosines (M, n, n) of all first with all second sentences after the correction of every member."""
        if isinstance(neighbours, ClusteredNeighbours):
            gains, delta = self._parameters_for(neighbours.first.base.shape[:-1])
            first, second = self._clustered(neighbours, gains, delta)
            return first @ second.mT
        gains, delta = self._parameters_for(neighbours.a.shape[:-1])
        a, b, a_rest, b_rest = (part.unsqueeze(-3) for part in neighbours)  # (…, 1, n, ·)
        gains, shift = gains.unsqueeze(-2), 0 if delta is None else delta.unsqueeze(-2)  # (…, M, 1, k)
        first, second = (a - shift) * gains, (b - shift) * gains  # (…, M, n, k)
        dot = first @ second.mT + a_rest @ b_rest.mT  # (…, M, n, n)
        norm1 = first.square().sum(-1) + a_rest.square().sum(-1)  # (…, M, n)
        norm2 = second.square().sum(-1) + b_rest.square().sum(-1)
        return dot * (norm1[..., :, None] * norm2[..., None, :]).clamp_min(1e-24).rsqrt()

    def penalty(self) -> Tensor:
        """(M,) mean squared distance from the identity over each member's components."""
        count = self.mask.sum(1)
        penalty = (self.theta * self.mask).square().sum(1) / count
        if self.shift is not None:
            penalty = penalty + (self.shift * self.mask).square().sum(1) / count
        return penalty

    def losses(self, batch: TrainingBatch) -> Tensor:
        """(M,) objective, contrast and pull of every member; members share no parameter."""
        pairs, neighbours = batch
        losses = self.objective(self.similarities(pairs), pairs.score, pairs.dataset).flatten()
        if neighbours is not None:
            contrast = neighbour_contrast(self.sentence_similarities(neighbours), self.hparams["temperature"])
            losses = losses + self.hparams["contrast"] * contrast.flatten()
        if any(member.pull for member in self.members):
            losses = losses + self.pull * self.penalty()
        return losses

    def update(self, optimizer: Any, batch: TrainingBatch) -> Tensor:
        """One step of all members; their losses (M,) before it."""
        found: list[Tensor] = []

        def closure() -> Tensor:
            optimizer.zero_grad()
            losses = self.losses(batch)
            total = losses.sum()
            total.backward()
            self._clip()
            found.append(losses.detach())
            return total

        optimizer.step(closure)
        return found[0]

    def _clip(self) -> None:
        """Clip the gradient norm of each member by itself, so that members stay independent."""
        limit = self.hparams["gradient_clip"]
        if limit is None:
            return
        gradients = [p.grad for p in self.parameters() if p.grad is not None]  # (M, ·) each
        norms = [gradient.norm(dim=1, keepdim=True) for gradient in gradients]
        norm = norms[0] if len(norms) == 1 else torch.cat(norms, 1).norm(dim=1, keepdim=True)
        factor = (limit / norm).clamp_max(1)
        for gradient in gradients:
            gradient.mul_(factor)

    def on_train_epoch_start(self) -> None:
        """Forget the losses of the epoch before."""
        self._losses, self._pairs = torch.zeros_like(self.pull), 0

    def training_step(self, batch: Steps, batch_index: int) -> None:
        """Several steps."""
        optimizer = self.optimizers()
        for step in batch.split():
            count = step.pairs.score.shape[-1]
            self._losses += count * self.update(optimizer, step)
            self._pairs += count

    def on_train_epoch_end(self) -> None:
        """Log the mean loss of every member over the epoch."""
        losses = (self._losses / self._pairs).tolist()
        self.log("train/loss", float(np.mean(losses)), prog_bar=True)
        if len(losses) > 1:
            self.log_dict({f"train/loss_{label}": loss for label, loss in zip(self.labels, losses, strict=True)})

    def validation_step(self, batch: PairBatch | ClusteredPairBatch, batch_index: int) -> None:
        """Macro Spearman of every member; remembers the best."""
        scores = self.validation_scores(batch)
        self.best_member = int(np.argmax(scores))
        self.log("val/spearman", float(scores[self.best_member]), prog_bar=True, batch_size=1)
        self.log("val/components", float(self.members[self.best_member].components), batch_size=1)
        if len(scores) > 1:
            curves = {f"val/spearman_{label}": float(score) for label, score in zip(self.labels, scores, strict=True)}
            self.log_dict(curves, batch_size=1)

    def validation_scores(self, batch: PairBatch | ClusteredPairBatch) -> np.ndarray:
        """(M,) unweighted mean over data sets of Spearman's correlation."""
        with torch.no_grad():
            predictions = self.similarities(batch).cpu().numpy()
        gold, dataset = batch.score.cpu().numpy(), batch.dataset.cpu().numpy()
        sets = [dataset == i for i in np.unique(dataset) if (dataset == i).sum() > 2]
        return np.mean([spearman_each(gold[rows], predictions[rows]) for rows in sets], axis=0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer of weights, centre and calibration; the encoder is frozen."""
        trainable = [p for p in self.parameters() if p.requires_grad]
        rates = [member.learning_rate for member in self.members]
        return make_optimizer(self.hparams["optimizer"], trainable, rates)

    def removal(self, member: int | None = None) -> Removal | ClusteredRemoval:
        """The learned removal of one member (the best on validation by default)."""
        member = self.best_member if member is None else member
        with torch.no_grad():
            gains = self.gains()[member].cpu()
            shift = torch.zeros_like(gains) if self.shift is None else (self.shift * self.mask)[member].cpu()
        settings = {key: self.hparams[key] for key in ("parameterisation", "learn_centre", "contrast", "optimizer")}
        return self.basis.removal(
            gains,
            shift,
            self.members[member].components,
            method="learned",
            settings={**self.members[member]._asdict(), **settings},
            encoder=self.hparams["encoder"],
        )

    def forward(self, texts: Sequence[str]) -> np.ndarray:
        """Corrected vectors (n, d) of texts."""
        if self.encoder is None:
            raise ValueError("this module was made without an encoder; apply module.removal() to vectors instead")
        return self.removal().apply(self.encoder.encode(texts))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Drop the frozen encoder: what is left are a few KB."""
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {key: value for key, value in state.items() if not key.startswith("encoder.")}
        checkpoint["best_member"] = self.best_member

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another encoder or basis."""
        saved = checkpoint["hyper_parameters"]
        for key in ("encoder", "basis", "members", "parameterisation"):
            if saved[key] != self.hparams[key]:
                raise ValueError(
                    f"this checkpoint was trained with {key} {saved[key]}, not {self.hparams[key]}: "
                    "use the config that it came from"
                )
        self.best_member = checkpoint["best_member"]
