"""Learning how much of each component to remove: the Lightning module."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from uncone.data.clustered_pairs import ClusteredBasis, ClusteredNeighbours, ClusteredPairBatch, corrected
from uncone.data.pair_module import Basis, Neighbours, PairBatch, TrainingBatch
from uncone.encoder import Encoder
from uncone.objectives import neighbour_contrast
from uncone.removal import ClusteredRemoval, Removal
from uncone.statistics import spearman

PARAMETERISATIONS = ("log_gains", "paper")


class RemovalModule(pl.LightningModule):
    """Trainable removal weights behind a frozen encoder.

    A pair enters the loss through its coordinates a = Uᵀ(e₁ − c), b = Uᵀ(e₂ − c) alone: with s_i = g_i² = (1 − w_i)²,

        e'₁·e'₂ = rest + Σ_i s_i a_i b_i,    ‖e'₁‖² = rest₁ + Σ_i s_i a_i²,

    so M weight vectors train at once as three matrix products a step. Here the M members differ in their number of
    components; validation picks one. A learned centre c + U diag(√λ) δ adds the terms linear in δ.

    On a `ClusteredBasis` every cluster has weights of its own, k D in all. Components of different clusters are not
    orthogonal, so corrected vectors are formed, which pooling leaves linear in the gains (see `ClusteredTexts`).

    Args:
        basis: centre, components and eigenvalues, of the whole or of each cluster.
        objective: see `uncone.objectives`; gives one loss a member.
        numbers_of_components: k of each member; member m learns the first k_m weights (of each cluster) and keeps the
            rest at 0.
        parameterisation: "log_gains" learns θ with g = exp θ from θ = 0: positive gains, of which each has one θ, and a
            gradient that is alive at hard removal. "paper" learns w with g = 1 − w from w ~ N(0, 1): w and 2 − w are
            the same model, and w = 1 is always a stationary point.
        learning_rate: of Adam.
        pull: strength of the pull toward the identity, on the mean of θ² (or w²) and of δ².
        learn_centre: learn δ too.
        contrast: weight of the label-free contrast of neighbouring sentences (`uncone.objectives.neighbour_contrast`).
        temperature: of the contrast.
        gradient_clip: largest gradient norm of each member; None does not clip.
        seed: of the initial weights.
        encoder: the frozen encoder that `forward` corrects; its weights never enter a checkpoint.

    Raises:
        ValueError: for an unknown parameterisation or a number of components beyond the basis.
    """

    components: Tensor
    deviations: Tensor
    mask: Tensor

    def __init__(
        self,
        basis: Basis | ClusteredBasis,
        objective: nn.Module,
        numbers_of_components: Sequence[int],
        parameterisation: str = "log_gains",
        learning_rate: float = 0.01,
        pull: float = 0.1,
        learn_centre: bool = False,
        contrast: float = 0.0,
        temperature: float = 0.05,
        gradient_clip: float | None = 1.0,
        seed: int = 0,
        encoder: Encoder | None = None,
    ):
        super().__init__()
        k = int(basis.place.max()) + 1
        if parameterisation not in PARAMETERISATIONS:
            raise ValueError(
                f"unknown parameterisation {parameterisation!r}: choose one of {', '.join(PARAMETERISATIONS)}"
            )
        if not numbers_of_components or not all(1 <= n <= k for n in numbers_of_components):
            raise ValueError(
                f"numbers of components must lie in 1..{k} (those of the basis), got {[*numbers_of_components]}"
            )
        self.save_hyperparameters(
            {
                "numbers_of_components": [int(n) for n in numbers_of_components],
                "parameterisation": parameterisation,
                "learning_rate": float(learning_rate),
                "pull": float(pull),
                "learn_centre": bool(learn_centre),
                "contrast": float(contrast),
                "temperature": float(temperature),
                "gradient_clip": None if gradient_clip is None else float(gradient_clip),
                "seed": int(seed),
                "encoder": dict(encoder.identity) if encoder is not None else {},
                "basis": hashlib.sha256(
                    basis.components.float().numpy().tobytes() + basis.centre.float().numpy().tobytes()
                ).hexdigest()[:32],
            }
        )
        self.objective = objective
        self.encoder = encoder
        self.strict_loading = False  # checkpoints lack the encoder
        # The basis is derived from stored features: it is rebuilt rather than saved, and checked by its digest.
        self.basis = basis
        self.register_buffer("components", basis.matrix.float(), persistent=False)
        self.register_buffer("deviations", basis.eigenvalues.clamp_min(0).sqrt().float().flatten(), persistent=False)
        count = torch.tensor(numbers_of_components)
        self.register_buffer("mask", (basis.place < count[:, None]).float(), persistent=False)  # (M, k)
        start = torch.zeros_like(self.mask)
        if parameterisation == "paper":
            start = torch.randn(self.mask.shape, generator=torch.Generator().manual_seed(seed))
        self.theta = nn.Parameter(start * self.mask)
        self.shift = nn.Parameter(torch.zeros_like(self.mask)) if learn_centre else None
        self.best_member = 0

    def gains(self) -> Tensor:
        """(M, k) gains g = 1 − w of every member; 1 beyond its components."""
        theta = self.theta * self.mask
        return theta.exp() if self.hparams["parameterisation"] == "log_gains" else 1 - theta

    def similarities(self, batch: PairBatch | ClusteredPairBatch) -> Tensor:
        """Cosines (n, M) of pairs after the correction of every member."""
        if isinstance(batch, ClusteredPairBatch):
            first, second = self._clustered(batch)
            return (first * second).sum(2).T
        a, b, rest = batch.a, batch.b, batch.rest
        s = self.gains().square().T  # (k, M)
        dot = rest[:, 0:1] + (a * b) @ s
        norm1 = rest[:, 1:2] + a.square() @ s
        norm2 = rest[:, 2:3] + b.square() @ s
        if self.shift is not None:
            delta = (self.shift * self.mask * self.deviations).T  # (k, M)
            linear, constant = s * delta, (s * delta.square()).sum(0)
            a_linear, b_linear = a @ linear, b @ linear
            dot = dot - a_linear - b_linear + constant
            norm1, norm2 = norm1 - 2 * a_linear + constant, norm2 - 2 * b_linear + constant
        return dot * (norm1 * norm2).clamp_min(1e-24).rsqrt()

    def _clustered(self, batch: ClusteredPairBatch | ClusteredNeighbours) -> list[Tensor]:
        """Unit vectors (M, n, d) of both sides after the correction of every member."""
        delta = torch.zeros_like(self.mask) if self.shift is None else self.shift * self.mask * self.deviations
        sides = [corrected(side, self.components, self.gains(), delta) for side in (batch.first, batch.second)]
        return [nn.functional.normalize(side, dim=2, eps=1e-12) for side in sides]

    def sentence_similarities(self, neighbours: Neighbours | ClusteredNeighbours) -> Tensor:
        """Cosines (M, n, n) of all first with all second sentences after the correction of every member."""
        if isinstance(neighbours, ClusteredNeighbours):
            first, second = self._clustered(neighbours)
            return first @ second.mT
        gains = self.gains()[:, None]  # (M, 1, k)
        delta = 0 if self.shift is None else (self.shift * self.mask * self.deviations)[:, None]
        first, second = (neighbours.a - delta) * gains, (neighbours.b - delta) * gains  # (M, n, k)
        dot = first @ second.mT + neighbours.a_rest @ neighbours.b_rest.T  # (M, n, n)
        norm1 = first.square().sum(2) + neighbours.a_rest.square().sum(1)  # (M, n)
        norm2 = second.square().sum(2) + neighbours.b_rest.square().sum(1)
        return dot * (norm1[:, :, None] * norm2[:, None]).clamp_min(1e-24).rsqrt()

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
        losses = self.objective(self.similarities(pairs), pairs.score, pairs.dataset)
        if neighbours is not None:
            contrast = neighbour_contrast(self.sentence_similarities(neighbours), self.hparams["temperature"])
            losses = losses + self.hparams["contrast"] * contrast
        return losses + self.hparams["pull"] * self.penalty()

    def training_step(self, batch: TrainingBatch, batch_index: int) -> Tensor:
        """Sum of the members' losses."""
        losses = self.losses(batch)
        self.log("train/loss", losses.detach().mean(), on_step=False, on_epoch=True, batch_size=len(batch.pairs.score))
        return losses.sum()

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Clip the gradient norm of each member by itself, so that members stay independent."""
        limit = self.hparams["gradient_clip"]
        if limit is None:
            return
        per_member = [p.grad for p in self.parameters() if p.grad is not None]
        by_member = [g if g.shape[0] == len(self.mask) else g.T for g in per_member]  # calibrations are (datasets, M)
        norm = torch.stack([g.square().sum(1) for g in by_member]).sum(0).sqrt()  # (M,)
        factor = (limit / norm.clamp_min(1e-12)).clamp_max(1)
        for g in by_member:
            g.mul_(factor[:, None])

    def validation_step(self, batch: TrainingBatch, batch_index: int) -> None:
        """Macro Spearman of every member; remembers the best."""
        scores = self.validation_scores(batch.pairs)
        self.best_member = int(np.argmax(scores))
        self.log("val/spearman", float(scores[self.best_member]), prog_bar=True, batch_size=1)
        self.log("val/components", float(self.hparams["numbers_of_components"][self.best_member]), batch_size=1)
        for count, score in zip(self.hparams["numbers_of_components"], scores, strict=True):
            self.log(f"val/spearman_{count}", float(score), batch_size=1)

    def validation_scores(self, batch: PairBatch | ClusteredPairBatch) -> np.ndarray:
        """(M,) unweighted mean over data sets of Spearman's correlation."""
        with torch.no_grad():
            predictions = self.similarities(batch).cpu().numpy()
        gold, dataset = batch.score.cpu().numpy(), batch.dataset.cpu().numpy()
        sets = [dataset == i for i in np.unique(dataset) if (dataset == i).sum() > 2]
        return np.array([np.mean([spearman(gold[rows], p[rows]) for rows in sets]) for p in predictions.T])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over weights, centre and calibration; the encoder is frozen."""
        trainable = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.Adam(trainable, lr=self.hparams["learning_rate"])

    def removal(self, member: int | None = None) -> Removal | ClusteredRemoval:
        """The learned removal of one member (the best on validation by default)."""
        member = self.best_member if member is None else member
        count = self.hparams["numbers_of_components"][member]
        with torch.no_grad():
            gains = self.gains()[member].cpu()
            shift = torch.zeros_like(gains) if self.shift is None else (self.shift * self.mask)[member].cpu()
        settings = {key: self.hparams[key] for key in ("parameterisation", "pull", "learn_centre", "contrast")}
        return self.basis.removal(
            gains,
            shift,
            count,
            method="learned",
            settings={"components": count, **settings},
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
        for key in ("encoder", "basis", "numbers_of_components", "parameterisation"):
            if saved[key] != self.hparams[key]:
                raise ValueError(
                    f"this checkpoint was trained with {key} {saved[key]}, not {self.hparams[key]}: "
                    "use the config that it came from"
                )
        self.best_member = checkpoint["best_member"]
