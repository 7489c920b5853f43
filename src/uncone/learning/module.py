"""Learning how much of each component to remove: the Lightning module."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import WandbLogger
from torch import Tensor

from uncone.encoder import Encoder
from uncone.learning.bank import RemovalBank, labels
from uncone.learning.basis import PairBatch, Steps, TrainingBatch
from uncone.learning.graphs import StepGraphs
from uncone.learning.objectives import make_objective, neighbour_contrast, relative_alignment
from uncone.learning.optimizers import make_optimizer
from uncone.learning.recipe import Recipe
from uncone.removal import Removal
from uncone.runs.reading import VALIDATION
from uncone.runs.settings import telling
from uncone.tasks.statistics import macro_spearman

LOGGED_AS = "wandb_id"  # key in checkpoints
LENGTH = {f"recipe.optimizer.{key}" for key in ("max_epochs", "max_steps", "patience")}  # of training; may change
MIXING_RATE = 1 / 6  # learning rate of a mixing, whose entries are small, in units of that of the log-gains


class RemovalModule(pl.LightningModule):
    """A bank of trainable removals behind a frozen encoder; a single removal is a bank of one.

    Members share no parameter, and each trains as if it were alone; validation picks one.

    Args:
        bank: the removals; see `uncone.learning.bank`.
        recipe: its objective, contrast, mixing pull and optimizer.
        datasets: data sets that the pairs come from.
        weight: of the objective.
        encoder: the frozen encoder that `forward` corrects; its weights never enter a checkpoint.
        data: digest of all that is learned from and chosen by.
    """

    pull: Tensor
    _take: Callable[[TrainingBatch], Tensor]

    def __init__(
        self,
        bank: RemovalBank,
        recipe: Recipe,
        datasets: int = 1,
        weight: float = 1.0,
        encoder: Encoder | None = None,
        data: str = "",
    ):
        super().__init__()
        basis = bank.basis
        self.save_hyperparameters(
            {
                "members": [member._asdict() for member in bank.members],
                "recipe": asdict(recipe),
                "data": data,
                "encoder": dict(encoder.identity) if encoder is not None else {},
                "basis": hashlib.sha256(
                    basis.components.float().numpy().tobytes() + basis.centre.float().numpy().tobytes()
                ).hexdigest()[:32],
            }
        )
        self.automatic_optimization = False  # a training batch holds many steps
        self.bank, self.recipe, self.weight, self.encoder = bank, recipe, float(weight), encoder
        objective = recipe.objective
        self.objective = make_objective(objective.name, objective.settings, len(bank.members), datasets)
        self.labels = labels(bank.members)
        self.strict_loading = False  # checkpoints lack the encoder
        self.register_buffer("pull", torch.tensor([float(member.pull) for member in bank.members]), persistent=False)
        self.best_member = 0

    def losses(self, batch: TrainingBatch) -> Tensor:
        """(M,) objective, contrast and pulls of every member; members share no parameter."""
        pairs, neighbours, views = batch
        contrast, terms = self.recipe.contrast, []
        if pairs is not None:
            of_pairs = self.objective(self.bank.similarities(pairs), pairs.score, pairs.dataset).flatten()
            terms.append(of_pairs if self.weight == 1 else self.weight * of_pairs)
        if neighbours is not None:
            cosines = self.bank.sentence_similarities(neighbours)
            terms.append(contrast.weight * neighbour_contrast(cosines, contrast.temperature).flatten())
        if views is not None:
            alignment = relative_alignment(self.bank.sentence_similarities(views))
            terms.append(contrast.weight * contrast.views * alignment.flatten())
        if any(member.pull for member in self.bank.members):
            terms.append(self.pull * self.bank.penalty())
        if self.bank.rank:
            terms.append(self.recipe.mixing_pull * self.bank.mixing_penalty())
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
        limit = self.recipe.optimizer.gradient_clip
        if limit is None:
            return
        gradients = [p.grad.flatten(1) for p in self.parameters() if p.grad is not None]  # (M, ·) each
        norms = [gradient.norm(dim=1, keepdim=True) for gradient in gradients]
        norm = norms[0] if len(norms) == 1 else torch.cat(norms, 1).norm(dim=1, keepdim=True)
        factor = (limit / norm).clamp_max(1)
        for gradient in gradients:
            gradient.mul_(factor)

    def on_train_start(self) -> None:
        """Choose how steps are taken. They go past Lightning, whose hooks around each would take as long as it does."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        self._take = partial(self.update, optimizer)
        if isinstance(optimizer, torch.optim.Adam):
            on_gpu = self.device.type == "cuda"
            for group in optimizer.param_groups:  # as a checkpoint may come from elsewhere
                group["capturable"] = on_gpu
            if on_gpu:
                self._take = StepGraphs(self._take)

    def on_train_end(self) -> None:
        """Let go of what was recorded."""
        del self._take

    def on_train_epoch_start(self) -> None:
        """Forget the losses of the epoch before."""
        self._losses: list[tuple[int, Tensor]] = []

    def training_step(self, batch: Steps, batch_index: int) -> None:
        """Several steps."""
        for step in batch.split():
            count = 1 if step.pairs is None else step.pairs.score.shape[-1]
            self._losses.append((count, self._take(step)))

    def on_train_epoch_end(self) -> None:
        """Log the mean loss of every member over the epoch."""
        if self.trainer.barebones:
            return
        pairs, of_steps = zip(*self._losses, strict=True)
        losses = np.average(torch.stack(of_steps).cpu(), axis=0, weights=pairs).tolist()
        self.log("train/loss", float(np.mean(losses)), prog_bar=True)
        if len(losses) > 1:
            self.log_dict({f"train/loss_{label}": loss for label, loss in zip(self.labels, losses, strict=True)})

    def validation_step(self, batch: PairBatch, batch_index: int) -> None:
        """Macro Spearman of every member; remembers the best."""
        self.scores = self.validation_scores(batch)
        self.best_member = int(np.argmax(self.scores))
        if self.trainer.barebones:
            return
        self.log(VALIDATION, float(self.scores[self.best_member]), prog_bar=True, batch_size=1)
        self.log("val/D", float(self.bank.members[self.best_member].D), batch_size=1)
        if len(self.scores) > 1:
            curves = {f"{VALIDATION}_{label}": float(x) for label, x in zip(self.labels, self.scores, strict=True)}
            self.log_dict(curves, batch_size=1)

    def validation_scores(self, batch: PairBatch) -> np.ndarray:
        """(M,) macro Spearman of every member; remembers the cosines (M, n) that were predicted."""
        with torch.no_grad():
            self.predicted = self.bank.similarities(batch).cpu().numpy().T
        return macro_spearman(batch.score.cpu().numpy(), self.predicted, batch.dataset.cpu().numpy())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer of weights, centre, mixing and calibration; the encoder is frozen."""
        mixing = list(self.bank.mixing)
        slow = {id(parameter) for parameter in mixing}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in slow]
        groups = [{"params": rest, "scale": 1.0}, {"params": mixing, "scale": MIXING_RATE}]
        rates = [member.learning_rate for member in self.bank.members]
        return make_optimizer(self.recipe.optimizer.name, [group for group in groups if group["params"]], rates)

    def removal(self, member: int | None = None) -> Removal:
        """The learned removal of one member (the best on validation by default), with what it starts from."""
        return self.bank.basis.whole(self.after_start(member))

    def after_start(self, member: int | None = None) -> Removal:
        """The removal that was learned of what the start leaves."""
        member = self.best_member if member is None else member
        recipe = self.recipe
        chosen = self.bank.members[member]._asdict()
        followed = {
            **{key: value for key, value in chosen.items() if key != "D"},
            "parameterisation": recipe.parameterisation,
            "learn_centre": recipe.learn_centre,
            "rank": recipe.rank,
            "weight": self.weight,
            "contrast": float(recipe.contrast.weight),
            "views": float(recipe.contrast.views),
            "optimizer": recipe.optimizer.name,
            **({"corpus": recipe.contrast.corpus} if recipe.contrast.weight else {}),
            **({"start": dict(recipe.start)} if recipe.start else {}),
        }
        settings = {"D": chosen["D"], "recipe": followed}
        return self.bank.removal(member, method="learned", settings=settings, encoder=self.hparams["encoder"])

    def forward(self, texts: Sequence[str]) -> np.ndarray:
        """Corrected vectors (n, d) of texts."""
        if self.encoder is None:
            raise ValueError("this module was made without an encoder; apply module.removal() to vectors instead")
        return self.removal().apply(self.encoder.encode(texts))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Drop the frozen encoder: what is left is about a megabyte. Add the id of the run in W&B."""
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {key: value for key, value in state.items() if not key.startswith("encoder.")}
        checkpoint["best_member"] = self.best_member
        checkpoint[LOGGED_AS] = next(
            (each.experiment.id for each in self.loggers if isinstance(each, WandbLogger)), None
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from a checkpoint, if it is of this very training."""
        self.check(checkpoint)
        self.best_member = checkpoint["best_member"]

    def check(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse, with a ValueError, a checkpoint of another encoder, basis, recipe or data."""
        theirs, ours = (telling(each) for each in (checkpoint.get("hyper_parameters", {}), dict(self.hparams)))
        differing = [key for key in {**theirs, **ours} if theirs.get(key) != ours.get(key) and key not in LENGTH]
        if differing:
            told = "; ".join(f"{key}: {theirs.get(key)} then, {ours.get(key)} now" for key in differing)
            raise ValueError(f"this checkpoint is of another training ({told}): use the config and data it came from")
