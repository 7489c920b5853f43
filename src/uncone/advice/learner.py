"""Removals learned from word pairs, all along their way from nothing removed: how far to go is a setting to choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch

from uncone.advice.choice import Design
from uncone.data.pairs import ScoredPairs
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis, Neighbours, PairBatch, TrainingBatch
from uncone.learning.module import RemovalModule
from uncone.learning.recipe import Recipe
from uncone.removal import Removal
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.support.threads import one_thread
from uncone.tasks.base import distinct


@dataclass(frozen=True)
class LearnerSettings:
    """How removals are learned.

    Attributes:
        components: numbers of leading components; None is all.
        centred: whether the mean is subtracted.
        rank: of the mixing of components, which learns directions too; 0 keeps the components.
        steps: of Adam, after each of which the removal so far is a candidate.
        pull: strengths of the pull toward the identity.
        mixing_pull: strength of the pull toward no mixing.
        learning_rate: of Adam.
        contrast: weight of the contrast of neighbouring sentences.
        temperature: of the contrast.
        neighbours: neighbouring sentences in a step.
        seed: of their draw.
    """

    components: Sequence[int | None]
    centred: Sequence[bool]
    rank: int
    steps: Sequence[int]
    pull: Sequence[float]
    mixing_pull: float
    learning_rate: float
    contrast: float
    temperature: float
    neighbours: int
    seed: int


class Learner:
    """Learns from some of the word pairs of a design, and scores all of its pairs.

    Each step sees all pairs it learns from, and some neighbouring sentences. There is no early stopping: after how many
    steps to stop, and how many components to learn, is left to whoever compares the outcomes on pairs kept apart.

    Args:
        vectors: raw ones, of one layer.
        design: pairs, and how they are divided.
        spectrum: where components come from.
        neighbours: sentences that follow each other, first and second ones.
        settings: how to learn.
    """

    def __init__(
        self,
        vectors: Vectors,
        design: Design,
        spectrum: Spectrum,
        neighbours: tuple[Sequence[str], Sequence[str]],
        settings: LearnerSettings,
    ):
        self._given = settings
        asked = [spectrum.rank if count is None else min(count, spectrum.rank) for count in settings.components]
        counts = sorted(set(asked))
        self._members = members(counts, [settings.seed], settings.pull, [settings.learning_rate])
        texts = [*neighbours[0], *neighbours[1]]
        raw = torch.tensor(vectors.raw_sentences(texts)).split(len(neighbours[0]))  # a copy: stored features are fixed
        self._datasets = len(design.words.datasets)
        self._tracks = []
        for centred in settings.centred:
            basis = Basis.of(spectrum, counts[-1], centred)
            words = _read(design.words, vectors.raw_words, basis)
            sentences = _read(design.sentences, vectors.sentences, basis)
            self._tracks.append(_Track(centred, basis, words, sentences, basis.neighbours(*raw)))

    @property
    def settings(self) -> list[str]:
        """What sets the removals of a fit apart, in words."""
        return [
            f"D={each.D}, pull={each.pull:g}, steps={steps}, {'' if track.centred else 'not '}centred"
            for track in self._tracks
            for steps in self._given.steps
            for each in self._members
        ]

    def cosines(self, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Learn from the pairs at these rows; cosines (settings, n) of all word pairs, (settings, m) of sentences."""
        words, sentences = [], []
        with one_thread(), torch.no_grad():
            for track in self._tracks:
                for module in self._way(track, among):
                    words.append(module.bank.similarities(track.words).T)
                    sentences.append(module.bank.similarities(track.sentences).T)
        return torch.cat(words).double().numpy(), torch.cat(sentences).double().numpy()

    def removal(self, setting: int) -> Removal:
        """Learn from all pairs, for the setting of that number."""
        stop, member = divmod(setting, len(self._members))
        of_track, stop = divmod(stop, len(self._given.steps))
        track = self._tracks[of_track]
        with one_thread():
            module = next(islice(self._way(track, np.arange(len(track.words.score))), stop, None))
        return module.removal(member).with_settings(steps=self._given.steps[stop])

    def _way(self, track: _Track, among: np.ndarray) -> Iterator[RemovalModule]:
        """The module while it learns, whenever it is to be looked at."""
        given = self._given
        contrast = {"weight": given.contrast, "temperature": given.temperature}
        recipe = Recipe.named("pairs").but(mixing_pull=given.mixing_pull, contrast=contrast)
        module = RemovalModule(RemovalBank(track.basis, self._members, rank=given.rank), recipe, self._datasets)
        optimizer = module.configure_optimizers()
        pairs = track.words.batch(torch.from_numpy(among))
        generator = torch.Generator().manual_seed(given.seed)
        for step in range(1, max(given.steps) + 1):
            drawn = torch.randperm(len(track.neighbours.a), generator=generator)[: given.neighbours]
            beside = track.neighbours.batch(drawn) if given.contrast else None
            with torch.enable_grad():
                module.update(optimizer, TrainingBatch(pairs, beside))
            if step in given.steps:
                yield module


class _Track(NamedTuple):
    """What is learned from, in one basis."""

    centred: bool
    basis: Basis
    words: PairBatch
    sentences: PairBatch
    neighbours: Neighbours


def _read(pairs: ScoredPairs, read: Callable[[Sequence[str]], np.ndarray], basis: Basis) -> PairBatch:
    """Pairs in a basis, each text read once."""
    texts, first, second = distinct(pairs.text1, pairs.text2)
    X = torch.tensor(read(texts))
    number = {name: i for i, name in enumerate(pairs.datasets)}
    score = torch.tensor(pairs.scaled_score, dtype=torch.float32)
    return basis.pairs(X[first], X[second], score, torch.tensor([number[name] for name in pairs.dataset]))
