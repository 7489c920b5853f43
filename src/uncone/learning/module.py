"""Learning how much of each component to remove: the Lightning module."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from uncone.encoder import Encoder
from uncone.learning.bank import RemovalBank, labels
from uncone.learning.basis import PairBatch, Steps, TrainingBatch
from uncone.learning.clustered_pairs import ClusteredPairBatch
from uncone.learning.objectives import neighbour_contrast, relative_alignment
from uncone.learning.optimizers import make_optimizer
from uncone.removal import ClusteredRemoval, Removal
from uncone.runs.reading import VALIDATION
from uncone.tasks.statistics import macro_spearman

MIXING_RATE = 1 / 6  # learning rate of a mixing, whose entries are small, in units of that of the log-gains


class RemovalModule(pl.LightningModule):
    """A bank of trainable removals behind a frozen encoder; a single removal is a bank of one.

    Members share no parameter, and each trains as if it were alone; validation picks one.

    Args:
        bank: the removals; see `uncone.learning.bank`.
        objective: see `uncone.learning.objectives`; gives one loss a member.
        weight: of the objective, where there are scored pairs.
        contrast: weight of the label-free contrast of neighbouring sentences (`uncone.learning.objectives.neighbour_contrast`).
        temperature: of the contrast.
        views: weight of the alignment of views (`uncone.learning.objectives.relative_alignment`), in units of the contrast's.
        mixing_pull: strength of the pull of a mixing toward nil, on ‖A Bᵀ‖² / k.
        gradient_clip: largest gradient norm of each member; None does not clip.
        optimizer: "adam" or "lbfgs" (`uncone.learning.optimizers`). L-BFGS needs the same loss in every step: all pairs in one
            batch, no contrast, no clipping.
        encoder: the frozen encoder that `forward` corrects; its weights never enter a checkpoint.

    Raises:
        ValueError: for L-BFGS with what it cannot follow.
    """

    pull: Tensor

    def __init__(
        self,
        bank: RemovalBank,
        objective: nn.Module,
        weight: float = 1.0,
        contrast: float = 0.0,
        temperature: float = 0.05,
        views: float = 0.0,
        mixing_pull: float = 10.0,
        gradient_clip: float | None = 1.0,
        optimizer: str = "adam",
        encoder: Encoder | None = None,
    ):
        super().__init__()
        if optimizer == "lbfgs" and (contrast or gradient_clip is not None):
            raise ValueError(
                f"lbfgs needs the same loss in every step, so contrast 0 and gradient_clip None, got {contrast} and "
                f"{gradient_clip}"
            )
        basis = bank.basis
        self.save_hyperparameters(
            {
                "members": [member._asdict() for member in bank.members],
                "parameterisation": bank.parameterisation,
                "learn_centre": bank.shift is not None,
                "rank": bank.rank,
                "weight": float(weight),
                "contrast": float(contrast),
                "temperature": float(temperature),
                "views": float(views),
                "mixing_pull": float(mixing_pull),
                "gradient_clip": None if gradient_clip is None else float(gradient_clip),
                "optimizer": optimizer,
                "encoder": dict(encoder.identity) if encoder is not None else {},
                "basis": hashlib.sha256(
                    basis.components.float().numpy().tobytes() + basis.centre.float().numpy().tobytes()
                ).hexdigest()[:32],
            }
        )
        self.automatic_optimization = False  # a training batch holds many steps
        self.bank, self.objective, self.encoder = bank, objective, encoder
        self.labels = labels(bank.members)
        self.strict_loading = False  # checkpoints lack the encoder
        self.register_buffer("pull", torch.tensor([float(member.pull) for member in bank.members]), persistent=False)
        self.best_member = 0

    def losses(self, batch: TrainingBatch) -> Tensor:
        """(M,) objective, contrast and pulls of every member; members share no parameter."""
        pairs, neighbours, views = batch
        settings = self.hparams
        terms = []
        if pairs is not None:
            of_pairs = self.objective(self.bank.similarities(pairs), pairs.score, pairs.dataset).flatten()
            terms.append(of_pairs if settings["weight"] == 1 else settings["weight"] * of_pairs)
        if neighbours is not None:
            contrast = neighbour_contrast(self.bank.sentence_similarities(neighbours), settings["temperature"])
            terms.append(settings["contrast"] * contrast.flatten())
        if views is not None:
            alignment = relative_alignment(self.bank.sentence_similarities(views))
            terms.append(settings["contrast"] * settings["views"] * alignment.flatten())
        if any(member.pull for member in self.bank.members):
            terms.append(self.pull * self.bank.penalty())
        if self.bank.rank:
            terms.append(settings["mixing_pull"] * self.bank.mixing_penalty())
        return sum(terms[1:], terms[0])

    def update(self, optimizer: Any, batch: TrainingBatch) -> Tensor:
        """One step of all members; their losses (M,) before it."""
        found: list[Tensor] = []

        def closure() -> Tensor:
            optimizer.zero_grad()
            losses = self.losses(batch)
            losses.backward(torch.ones_like(losses))  # of their sum
            self.bank.keep_in_place()
            self._clip()
            found.append(losses.detach())
            return losses.detach().sum()

        optimizer.step(closure)
        return found[0]

    def _clip(self) -> None:
        """Clip the gradient norm of each member by itself, so that members stay independent."""
        limit = self.hparams["gradient_clip"]
        if limit is None:
            return
        gradients = [p.grad.flatten(1) for p in self.parameters() if p.grad is not None]  # (M, ·) each
        norms = [gradient.norm(dim=1, keepdim=True) for gradient in gradients]
        norm = norms[0] if len(norms) == 1 else torch.cat(norms, 1).norm(dim=1, keepdim=True)
        factor = (limit / norm).clamp_max(1)
        for gradient in gradients:
            gradient.mul_(factor)

    def on_train_epoch_start(self) -> None:
        """Forget the losses of the epoch before."""
        self._losses: list[tuple[int, Tensor]] = []

    def training_step(self, batch: Steps, batch_index: int) -> None:
        """Several steps."""
        optimizer = self.optimizers()
        for step in batch.split():
            count = 1 if step.pairs is None else step.pairs.score.shape[-1]
            self._losses.append((count, self.update(optimizer, step)))

    def on_train_epoch_end(self) -> None:
        """Log the mean loss of every member over the epoch."""
        pairs, of_steps = zip(*self._losses, strict=True)
        losses = np.average(torch.stack(of_steps).cpu(), axis=0, weights=pairs).tolist()
        self.log("train/loss", float(np.mean(losses)), prog_bar=True)
        if len(losses) > 1:
            self.log_dict({f"train/loss_{label}": loss for label, loss in zip(self.labels, losses, strict=True)})

    def validation_step(self, batch: PairBatch | ClusteredPairBatch, batch_index: int) -> None:
        """Macro Spearman of every member; remembers the best."""
        scores = self.validation_scores(batch)
        self.best_member = int(np.argmax(scores))
        self.log(VALIDATION, float(scores[self.best_member]), prog_bar=True, batch_size=1)
        self.log("val/components", float(self.bank.members[self.best_member].components), batch_size=1)
        if len(scores) > 1:
            curves = {f"{VALIDATION}_{label}": float(score) for label, score in zip(self.labels, scores, strict=True)}
            self.log_dict(curves, batch_size=1)

    def validation_scores(self, batch: PairBatch | ClusteredPairBatch) -> np.ndarray:
        """(M,) unweighted mean over data sets of Spearman's correlation."""
        with torch.no_grad():
            predictions = self.bank.similarities(batch).cpu().numpy()
        return macro_spearman(batch.score.cpu().numpy(), predictions.T, batch.dataset.cpu().numpy())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer of weights, centre, mixing and calibration; the encoder is frozen."""
        mixing = list(self.bank.mixing)
        slow = {id(parameter) for parameter in mixing}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in slow]
        groups = [{"params": rest, "scale": 1.0}, {"params": mixing, "scale": MIXING_RATE}]
        rates = [member.learning_rate for member in self.bank.members]
        return make_optimizer(self.hparams["optimizer"], [group for group in groups if group["params"]], rates)

    def removal(self, member: int | None = None) -> Removal | ClusteredRemoval:
        """The learned removal of one member (the best on validation by default)."""
        member = self.best_member if member is None else member
        keys = ("parameterisation", "learn_centre", "rank", "weight", "contrast", "views", "optimizer")
        settings = {**self.bank.members[member]._asdict(), **{key: self.hparams[key] for key in keys}}
        return self.bank.removal(member, method="learned", settings=settings, encoder=self.hparams["encoder"])

    def forward(self, texts: Sequence[str]) -> np.ndarray:
        """Corrected vectors (n, d) of texts."""
        if self.encoder is None:
            raise ValueError("this module was made without an encoder; apply module.removal() to vectors instead")
        return self.removal().apply(self.encoder.encode(texts))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Drop the frozen encoder: what is left is about a megabyte."""
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
