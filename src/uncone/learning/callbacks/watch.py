"""Watch the geometry of any model while it is trained, with Lightning or with the Trainer of transformers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from transformers import TrainerCallback

from uncone.geometry.probe import GeometryProbe
from uncone.removal import none

States = Callable[[Any, Mapping[str, Tensor]], Tensor]


def last_states(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Token states (b, l, d) of the last layer of a model of transformers, whatever its head, or sentence-transformers.

    Raises:
        ValueError: if the model gives neither.
    """
    if isinstance(model, nn.Sequential):  # as those of sentence-transformers are
        output = model(dict(batch))
        if isinstance(output, dict) and "token_embeddings" in output:
            found: Tensor = output["token_embeddings"]
            return found
    elif hasattr(model, "config"):
        output = model(**batch, output_hidden_states=True)
        if getattr(output, "hidden_states", None):
            states: Tensor = output.hidden_states[-1]
            return states
    raise ValueError(
        f"{type(model).__name__} gives neither hidden_states nor token_embeddings: say how with states=, a function of "
        "the model and a tokenised batch that gives token vectors (b, l, d)"
    )


class GeometryWatch:
    """What a model makes of the tokens of the same texts, measured whenever it is asked.

    Args:
        texts: a few hundred sentences or more, in which words occur several times; kept tokenised.
        tokenizer: of the model, from transformers.
        states: gives token vectors (b, l, d) of a model and a tokenised batch; None is `last_states`.
        queries: tokens whose local dimension is estimated.
        batch_size: texts.
        max_length: tokens of a text.

    Raises:
        ValueError: if there are fewer than two tokens.

    Example:
        >>> watch = GeometryWatch(["A cat sat.", "The cat and the dog."] * 9, tokenizer)  # doctest: +SKIP
        >>> watch.measure(model)["s_intra"]  # doctest: +SKIP
        0.42
    """

    def __init__(
        self,
        texts: Iterable[str],
        tokenizer: Any,
        states: States | None = None,
        queries: int = 1000,
        batch_size: int = 32,
        max_length: int = 128,
    ):
        self.states, self.queries = states or last_states, queries
        texts = list(texts)
        self.batches, self.kept, types = list[Mapping[str, Tensor]](), list[Tensor](), list[Tensor]()
        for start in range(0, len(texts), batch_size):
            batch = tokenizer(
                texts[start : start + batch_size],
                padding=True,
                truncation=True,
                max_length=max_length,
                return_special_tokens_mask=True,
                return_tensors="pt",
            )
            kept = (batch.pop("special_tokens_mask") == 0) & (batch["attention_mask"] == 1)
            self.batches.append(dict(batch))
            self.kept.append(kept)
            types.append(batch["input_ids"][kept])
        self.types = torch.cat(types).numpy() if types else np.empty(0, dtype=np.int64)
        if len(self.types) < 2:
            raise ValueError(f"the geometry of {len(self.types)} tokens cannot be measured: give texts")
        _, place, counts = np.unique(self.types, return_inverse=True, return_counts=True)
        self._log_frequency = np.log(counts[place] / len(self.types))

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        """The figures of `GeometryProbe.measure` for the model as it is now, which stays in the mode that it was in.

        Frequencies are those of the tokens in the texts.
        """
        device, was_training = next(model.parameters()).device, model.training
        model.eval()
        try:
            found = [
                self.states(model, {key: value.to(device) for key, value in batch.items()})[kept.to(device)]
                for batch, kept in zip(self.batches, self.kept, strict=True)
            ]
        finally:
            model.train(was_training)
        points = torch.cat(found).float().cpu().numpy()
        probe = GeometryProbe(points, self.types, points, self._log_frequency, min(self.queries, len(points)), seed=0)
        return probe.measure(none(points.shape[1]))


class LightningWatch(pl.Callback):
    """Log `geometry/*` before training and after every epoch, through the loggers of the trainer.

    Args:
        watch: what to measure.
        model: finds the model in the module that is trained; None takes the module itself.
    """

    def __init__(self, watch: GeometryWatch, model: Callable[[Any], nn.Module] | None = None):
        self.watch, self.model = watch, model or (lambda module: module)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure what training starts from."""
        for logger in trainer.loggers:
            logger.log_metrics(self._measured(pl_module), step=0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure."""
        pl_module.log_dict(self._measured(pl_module))

    def _measured(self, module: pl.LightningModule) -> dict[str, float]:
        return _named(self.watch.measure(self.model(module)))


class TrainerWatch(TrainerCallback):
    """Log `geometry/*` before training and after every epoch of a Trainer of transformers or sentence-transformers.

    A callback comes after those that report to W&B and others, so that it has to be told how to log:

        trainer.add_callback(TrainerWatch(watch, trainer.log))

    Args:
        watch: what to measure.
        log: the `log` of the trainer.
    """

    def __init__(self, watch: GeometryWatch, log: Callable[[dict[str, float]], None]):
        self.watch, self.log = watch, log

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure what training starts from."""
        self.log(_named(self.watch.measure(kwargs["model"])))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure."""
        self.log(_named(self.watch.measure(kwargs["model"])))


def _named(measures: Mapping[str, float]) -> dict[str, float]:
    return {f"geometry/{name}": value for name, value in measures.items()}
