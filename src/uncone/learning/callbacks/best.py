"""Which epoch was best on validation."""

from __future__ import annotations

import math
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor

from uncone.learning.basis import PairBatch
from uncone.learning.chance import Chance
from uncone.learning.module import RemovalModule


class BestEpoch(pl.Callback):
    """Keeps the weights of the best epoch, counting the start before the first, and ends what no longer gets better.

    It stands in checkpoints, so that a resumed run knows the epochs before.

    Args:
        patience: epochs without a better score that end training; None trains all.
        chance: is shown what validation sees: all of it, or the last epoch alone if `last`; None for no test.
    """

    def __init__(self, patience: int | None = None, chance: Chance | None = None, last: bool = False):
        self.patience, self.score, self.epoch, self.member = patience, -math.inf, 0, 0
        self.chance, self.last = chance, last
        self.weights: dict[str, Tensor] = {}

    def start(self, module: RemovalModule, validation: PairBatch | None) -> None:
        """Count the start."""
        if validation is not None:
            self._look(module, module.validation_scores(validation), 0)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count an epoch."""
        module, epoch = cast(RemovalModule, pl_module), trainer.current_epoch + 1
        self._look(module, module.scores, epoch)
        if self.patience is not None and epoch - self.epoch >= self.patience:
            trainer.should_stop = True

    def _look(self, module: RemovalModule, scores: Any, epoch: int) -> None:
        if self.chance is not None:
            self.chance.look(module.predicted, self.last)
        member = int(scores.argmax())
        if scores[member] > self.score:
            self.score, self.epoch, self.member = float(scores[member]), epoch, member
            self.weights = {key: value.clone() for key, value in module.bank.state_dict().items()}

    def restore(self, module: RemovalModule) -> None:
        """Give the bank the weights of the best epoch."""
        if self.weights:
            module.bank.load_state_dict(self.weights)
            module.best_member = self.member

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        state = {key: getattr(self, key) for key in ("score", "epoch", "member", "weights")}
        return state | ({} if self.chance is None else {"chance": torch.from_numpy(self.chance.best)})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        if self.chance is not None:
            self.chance.best = state_dict["chance"].numpy()
        vars(self).update({key: value for key, value in state_dict.items() if key != "chance"})
