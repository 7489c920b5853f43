"""What a recipe makes of a problem, and which of several fixed removals suits it best."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, LambdaCallback
from pytorch_lightning.utilities.seed import isolate_rng
from torch import nn

from uncone.data.pair_sets import with_contents
from uncone.data.pairs import ScoredPairs
from uncone.encoder import StoredEncoder
from uncone.encoder.store import text_hash
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis, Neighbours, PairBatch, TrainingBatch
from uncone.learning.batches import PairDataModule
from uncone.learning.callbacks.best import BestEpoch
from uncone.learning.chance import LEVEL, Chance
from uncone.learning.checkpoints import Checkpoints
from uncone.learning.module import RemovalModule
from uncone.learning.neighbours import bag_views
from uncone.learning.problem import Problem, Sentences
from uncone.learning.recipe import Recipe
from uncone.learning.strength import at_strength, choose_strength
from uncone.removal import Removal
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.runs.reading import LAST
from uncone.support.arrays import one_thread
from uncone.support.terminal import step
from uncone.tasks.base import distinct, paired_cosine
from uncone.tasks.statistics import macro_spearman

UNSURE = (
    "%d pairs have taught nothing sure: on the %d that choose, scores in random order do as well with p = %.2f, so "
    "nothing is removed. Give more pairs, or let running text speak too: recipe=learned, of an encoder"
)
log = logging.getLogger(__name__)
MOST_JUDGED = 4000  # held-out sentences that choose a strength: all are compared with all
MakeTrainer = Callable[..., pl.Trainer]  # gives a trainer for max_epochs= and callbacks=
quiet_trainer: MakeTrainer = partial(pl.Trainer, accelerator="cpu", devices=1, barebones=True)  # neither logs nor saves


def follow(problem: Problem, recipe: Recipe) -> Removal:
    """The removal that a recipe makes of a problem, without logs, checkpoints or anything printed.

    The caller's random numbers stay as they are.

    Example:
        >>> X = np.random.default_rng(0).standard_normal((40, 4))
        >>> i, j = np.arange(20), np.arange(20, 40)
        >>> problem = Problem.of_rows(X, (i, j), -np.linalg.norm(X[i, 1:] - X[j, 1:], axis=1))
        >>> follow(problem, Recipe.named("pairs").but(D=2, optimizer={"max_epochs": 3})).gains.shape
        torch.Size([2])
    """
    learner = Learner(problem, recipe)
    with quietly():
        return learner.finished(learner.fit())


class Learner:
    """A recipe and a problem, with everything that is trained on encoded once and expressed in the basis.

    Args:
        problem: what there is to learn from.
        recipe: how.

    Attributes:
        basis: where removals are learned.
        data: the batches.

    Raises:
        ValueError: if no number of components is within the rank of the vectors, or there are no texts to contrast.
    """

    def __init__(self, problem: Problem, recipe: Recipe):
        self.problem, self.recipe = problem, recipe
        self.p_value: float | None = None  # of what was fitted, where scores alone speak for it
        self._sentences: Sentences = ([], [])
        spectrum = problem.spectra.blend(recipe.uniform_share)
        start = recipe.started(spectrum)
        spectrum = spectrum if start is None else spectrum.mapped(*start.fold())
        counts = _within(spectrum, recipe.D)
        seeds = (problem.seed,) if recipe.seeds is None else recipe.seeds
        self.basis = Basis.of(spectrum, counts[-1], recipe.centred, start)
        self.members = members(counts, seeds, recipe.pull, recipe.optimizer.learning_rate)
        neighbours, views = self._neighbours() if recipe.contrast.weight else (None, None)
        datasets = problem.training.datasets if recipe.objective.weight else ()
        self._datasets = len(datasets)
        self.data = PairDataModule(
            TrainingBatch(self.pairs(problem.training, datasets) if datasets else None, neighbours, views),
            self.pairs(problem.validation, datasets) if problem.has_pairs else None,
            recipe.optimizer.batch_size,
            seeds,
            recipe.contrast.batch_size,
            recipe.optimizer.minimum_steps,
        )

    def fit(
        self,
        data: PairDataModule | None = None,
        callbacks: Sequence[Callback] = (),
        make_trainer: MakeTrainer = quiet_trainer,
        checkpoints: Path | None = None,
        resume: bool = False,
    ) -> RemovalModule:
        """A bank as it has been learned: at the best epoch on validation, or the last, as the recipe says.

        Args:
            data: in place of all that there is to learn from.
            callbacks: of Lightning.
            make_trainer: gives a trainer for `max_epochs` and `callbacks`.
            checkpoints: folder that they are written to after every epoch; None for none.
            resume: go on from the last of them.
        """
        data, optimizer = data or self.data, self.recipe.optimizer
        module = self.module()
        best = BestEpoch(optimizer.patience, self._chance(data.validation), last=optimizer.keep == "last")
        best.start(module, data.validation)
        epochs = optimizer.max_epochs or math.ceil((optimizer.max_steps or 0) / len(data.batches))
        saving = [] if checkpoints is None else [Checkpoints(checkpoints, best)]
        last = checkpoints / LAST if checkpoints and resume else None
        with one_thread(), step("Learning", "learn", epochs) as bar:

            def tell(trainer: pl.Trainer, module: pl.LightningModule) -> None:
                score = "" if data.validation is None else f", Spearman {cast(RemovalModule, module).scores.max():.3f}"
                bar.say(f"Learning{score}", trainer.current_epoch + 1)

            watching = [best, LambdaCallback(on_train_epoch_end=tell), *callbacks, *saving]
            nothing_to_choose_by = {"limit_val_batches": 0} if data.validation is None else {}
            trainer = make_trainer(max_epochs=epochs, callbacks=watching, **nothing_to_choose_by)
            trainer.fit(module, data, ckpt_path=last, weights_only=True)
        if optimizer.keep == "best":
            best.restore(module)
        self.p_value = None if best.chance is None else best.chance.p_value
        return module

    def module(self) -> RemovalModule:
        """The bank before anything is learned."""
        recipe = self.recipe
        bank = RemovalBank(self.basis, self.members, recipe.parameterisation, recipe.learn_centre, recipe.rank)
        count = 0 if self.data.train.pairs is None else len(self.data.train.pairs.score)
        weight = recipe.objective.weight * min(1.0, count / recipe.objective.full_weight_at)
        splits = self.problem.splits[:2] if self.problem.has_pairs else ()
        seen = [[*pairs.text1, *pairs.text2, *map(str, pairs.score), ""] for pairs in splits]
        content = text_hash([*chain.from_iterable(seen), *self._sentences[0], *self._sentences[1]])
        return RemovalModule(bank, recipe, self._datasets, weight, self.problem.vectors.encoder, content)

    @step("How strong a removal held-out sentences choose", "learn")
    def finished(self, module: RemovalModule, member: int | None = None) -> Removal:
        """A learned removal at its strength, which held-out sentences choose from a list; says what it has seen.

        Strength is counted from the start of the recipe. What pairs alone have taught is taken if their scores in
        random order would hardly do as well (`Chance`).
        """
        strengths, problem, removal = self.recipe.strength, self.problem, module.after_start(member)
        if self.p_value is not None and self.p_value > LEVEL:
            if (removal.gains != 1).any() or removal.centre.any():
                log.warning(UNSURE, len(problem.training), len(problem.validation), self.p_value)
            removal = at_strength(removal, 0)
        elif len(strengths) == 1:
            removal = at_strength(removal, strengths[0])
        else:
            sides = problem.neighbours(self.recipe.contrast, held_out=True)
            raw = (torch.tensor(problem.vectors.raw_sentences(side[:MOST_JUDGED])) for side in sides)
            removal = choose_strength(removal, strengths, *(self.basis.started(side).numpy() for side in raw))
        removal = self.basis.whole(removal)
        if problem.trained_on is None or not self.recipe.looks_at_scores:
            return removal
        return removal.with_settings(trained_on=with_contents(problem.trained_on))

    def _chance(self, validation: PairBatch | None) -> Chance | None:
        """The test of what pairs teach; None where running text speaks too, or a paper is followed to the letter."""
        if validation is None or self.recipe.contrast.weight or self.recipe.parameterisation == "paper":
            return None
        texts = self.problem.validation.text1, self.problem.validation.text2
        one, other = (self.basis.started(self.problem.raw(side)) for side in texts)
        raw = nn.functional.cosine_similarity(one, other).numpy()
        return Chance(validation.score.numpy(), validation.dataset.numpy(), raw)

    def pairs(self, pairs: ScoredPairs, datasets: Sequence[str] = ()) -> PairBatch:
        """Scored pairs in the basis; their data sets are numbered after those of `datasets`."""
        number = {name: i for i, name in enumerate(dict.fromkeys([*datasets, *pairs.datasets]))}
        score = torch.tensor(pairs.scaled_score, dtype=torch.float32)
        dataset = torch.tensor([number[name] for name in pairs.dataset])
        return self.basis.pairs(self.problem.raw(pairs.text1), self.problem.raw(pairs.text2), score, dataset)

    @step("Sentences that follow each other", "learn")
    def _neighbours(self) -> tuple[Neighbours, Neighbours | None]:
        """Sentences that follow each other, and views of the first, in the basis.

        The views are the same for all seeds, so that their vectors are stored once; None where they have no weight, and
        of stored vectors, whose words nobody can shuffle.
        """
        contrast, vectors = self.recipe.contrast, self.problem.vectors
        held_out = False if len(self.recipe.strength) > 1 else None
        self._sentences = texts, followers = self.problem.neighbours(contrast, held_out)
        first, second = (torch.tensor(vectors.raw_sentences(side)) for side in (texts, followers))
        neighbours = self.basis.neighbours(first, second)
        if not contrast.views or isinstance(vectors.encoder, StoredEncoder):
            return neighbours, None
        views = bag_views(texts, seed=0)
        known = vectors.encoder.known(views)
        views = [view if is_known else whole for view, whole, is_known in zip(views, texts, known, strict=True)]
        return neighbours, self.basis.neighbours(first, torch.tensor(vectors.raw_sentences(views)))


@contextmanager
def quietly() -> Iterator[None]:
    """Train without a word of Lightning's, and without a trace in the random numbers of the caller."""
    log = logging.getLogger("pytorch_lightning")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), isolate_rng():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _within(spectrum: Spectrum, D: Sequence[int | None]) -> list[int]:
    """Numbers of components, ascending; None stands for all. Those beyond the rank are left out, if one remains."""
    asked = [spectrum.rank if count is None else count for count in D]
    counts = sorted({count for count in asked if count <= spectrum.rank})
    if not counts:
        raise ValueError(f"recipe.D asks for {asked} components, but these vectors have rank {spectrum.rank}")
    return counts


def choose(problem: Problem, candidates: Iterable[Vectors]) -> int:
    """Which vectors have cosines that agree best with the scores of the validation pairs; of equals, the first."""
    pairs = problem.validation
    texts, first, second = distinct(pairs.text1, pairs.text2)
    cosines = [paired_cosine(problem.read(candidate, texts), first, second) for candidate in candidates]
    scores = macro_spearman(pairs.score, np.stack(cosines), np.array(pairs.dataset))
    return int(np.argmax(scores))
