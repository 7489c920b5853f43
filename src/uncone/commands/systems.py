"""The removals that a command compares: constructed ones, chosen on validation pairs, and saved ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from torch import Tensor

from uncone.commands.build import LEARNED, Unfit, is_recipe, is_saved, make_candidates, make_recipe
from uncone.data.corpora import Corpora, Corpus
from uncone.encoder import StoredEncoder
from uncone.geometry.calibration import TEXTS, Calibration
from uncone.learning.fit import choose, follow
from uncone.learning.problem import Problem
from uncone.removal import Correction, none
from uncone.removal import load as load_removal
from uncone.removal.spectra import MOST_TEXTS, Fit, Spectra
from uncone.removal.vectors import Role, Vectors
from uncone.support.sampling import draw
from uncone.support.terminal import step, track
from uncone.tasks import Row, Task, evaluate
from uncone.tasks.leaks import in_learned_texts, scored_texts, without_training_pairs
from uncone.tasks.row import described
from uncone.tasks.scoring import NotRun


@dataclass(frozen=True)
class System:
    """Vectors under a removal, as results name them.

    Attributes:
        name: of the removal.
        vectors: corrected ones.
        candidate: what sets it apart from others of its name.
    """

    name: str
    vectors: Vectors
    candidate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name and candidate, in words."""
        return described(self.name, self.candidate)

    @property
    def is_reference(self) -> bool:
        """Whether it is the raw layer that others correct."""
        return self.name == "none" and "layers" not in self.candidate

    @property
    def removal(self) -> Correction:
        """What is removed."""
        return self.vectors.removal or none(self.vectors.encoder.dimension)


class Fits:
    """What the fixed methods of a config may be fitted on, each read and encoded once.

    Args:
        config: of a command.
        vectors: raw ones of its encoder.
        tasks: whose texts no method is fitted on.
        console: which is told how many these were.
    """

    def __init__(
        self, config: DictConfig, vectors: Vectors, tasks: Sequence[Task] = (), console: Console | None = None
    ):
        self.config, self.vectors, self.tasks, self.console = config, vectors, tasks, console
        self._pooled = {self.pooling: vectors}
        self._spectra: dict[Fit, Spectra] = {}
        self._texts: dict[str, tuple[str, ...]] = {}
        self._shifts: dict[str, Tensor] = {}

    def of(self, name: str) -> list[Fit]:
        """The fits that `config.fit` and the method of that name allow: a list stands for each of its values."""
        asked: Any = OmegaConf.to_container(self.config.fit, resolve=True)
        asked |= self.config.methods.get(name, {}).get("fit", {})
        given = [asked[key] for key in Fit._fields]
        levels, corpora, poolings = (each if isinstance(each, list) else [each] for each in given)
        fits = []
        for level, corpus, pooling in product(levels, corpora, poolings):
            reads = level in ("tokens", "texts")
            fits.append(Fit(level, (corpus or self.config.corpus) if reads else None, pooling or self.pooling))
        return list(dict.fromkeys(fits))

    @property
    def pooling(self) -> str:
        """That of the encoder."""
        return self.vectors.encoder.pooling

    def pooled(self, pooling: str) -> Vectors:
        """The raw vectors, of which texts are pooled so."""
        if pooling not in self._pooled:
            self._pooled[pooling] = self.vectors.pooled(pooling)
        return self._pooled[pooling]

    def for_queries(self, removal: Correction, pooling: str | None = None) -> Correction:
        """The removal with a centre of its own for queries, where `config.fit.queries` names some: theirs.

        They are moved by as much as their mean lies from that of the documents, texts of the corpus that removals are
        fitted on, which have to be like those that are searched. Texts that tasks score are among neither.

        Raises:
            ValueError: if there are no such queries.
            Unfit: if the removal is not one affine map.
        """
        asked, encoder = self.config.fit.queries, self.vectors.encoder
        if asked is None or removal.method == "none":
            return removal
        if (asked is True) != isinstance(encoder, StoredEncoder):
            raise ValueError(f"fit.queries={asked}: it is true for stored vectors, and else names a corpus of queries")
        if "query_centre" not in removal.tensors:
            raise Unfit(f"{removal.method} is not one affine map, so queries can have no centre of their own")
        return removal.with_query_shift(self._query_shift(pooling or self.pooling))

    def _query_shift(self, pooling: str) -> Tensor:
        """The mean of queries less that of documents, (d,)."""
        if isinstance(self.vectors.encoder, StoredEncoder):
            return self.vectors.encoder.query_shift()
        if pooling not in self._shifts:
            documents = next((fit.corpus for fit in self.of(LEARNED) if fit.corpus), self.config.corpus)
            means, roles = [], get_args(Role)
            for role, corpus in zip(roles, (self.config.fit.queries, documents), strict=True):
                if not (texts := self.texts(corpus)):
                    raise ValueError(f"{corpus} has no text that no task scores: name others as {role} texts to fit on")
                means.append(self.pooled(pooling).with_prompt(role).raw_sentences(texts).mean(0, dtype=np.float64))
            self._shifts[pooling] = torch.from_numpy(means[0] - means[1])
        return self._shifts[pooling]

    @property
    def default(self) -> Spectra:
        """What recipes are fitted on: the first of the values in `config.fit`."""
        return self.spectra(self.of(LEARNED)[0])

    def spectra(self, fit: Fit) -> Spectra:
        """What is fitted on, of the vectors as this fit pools them."""
        if fit not in self._spectra:
            texts = None if fit.corpus is None else self.texts(fit.corpus)
            self._spectra[fit] = Spectra.of(self.pooled(fit.pooling), fit.level, texts)
        return self._spectra[fit]

    @cached_property
    def _scored(self) -> set[str]:
        return scored_texts(self.tasks)

    def texts(self, corpus: str) -> tuple[str, ...]:
        """Texts of a corpus that no task scores."""
        if corpus not in self._texts:
            whole = Corpora([Corpus(corpus, data_dir=self.config.data_dir)], self.config.corpus_limit)
            found = draw(whole, MOST_TEXTS, seed=0)
            self._texts[corpus] = kept = tuple(text for text in found if text not in self._scored)
            if self.console and len(kept) < len(found):
                told = f"{corpus}: {len(found) - len(kept)} of {len(found)} texts stand in the tasks too: not fitted on"
                self.console.print(told, highlight=False)
        return self._texts[corpus]


@step("Removals to compare", "fit")
def make_systems(
    config: DictConfig, name: str, problem: Problem, fits: Fits, judge: Problem | None = None
) -> list[System]:
    """The removal that `config.removal` names; with `report=all` a system for each of its fits, or of its poolings.

    A saved one is read, a recipe is followed, a fixed method constructed; the best of its settings on the validation
    pairs, of the problem or of a judge, is kept.

    Raises:
        ValueError: for an unknown name, a damaged file, a saved removal of another encoder, or a method of which no
            setting fits the vectors.
    """
    vectors, apart = fits.vectors, config.get("report") == "all"
    encoder = vectors.encoder
    if is_saved(name):
        saved = load_removal(name)
        saved = saved.for_encoder(encoder) if config.allow_other_encoder else saved
        return [System(saved_name(name), vectors.corrected(saved))]
    allowed = fits.of(name)
    told = {key for key in Fit._fields if len({getattr(fit, key) for fit in allowed}) > 1} if apart else set()
    poolings = list(dict.fromkeys(fit.pooling for fit in allowed)) if apart else [fits.pooling]
    if name == "none" or is_recipe(config, name):
        systems = []
        for pooling in poolings:
            if name == "none":
                removal: Correction = none(encoder.dimension).for_encoder(encoder)
            else:
                removal = follow(problem.of_vectors(fits.pooled(pooling)), make_recipe(config, name))
                removal = fits.for_queries(removal, pooling)
            systems.append(
                System(name, fits.pooled(pooling).corrected(removal), {"pooling": pooling} if len(poolings) > 1 else {})
            )
        return systems
    found: dict[str, list[System]] = {}
    for fit in allowed:
        candidate = {key: value for key, value in fit._asdict().items() if key in told and value is not None}
        for removal in make_candidates(config, name, fits.spectra(fit)):
            removal = fits.for_queries(removal.for_encoder(encoder).with_settings(fit=fit._asdict()), fit.pooling)
            system = System(name, fits.pooled(fit.pooling).corrected(removal), candidate)
            found.setdefault(system.title, []).append(system)
    return [best(judge or problem, systems) for systems in found.values()]


def best(problem: Problem, systems: Sequence[System]) -> System:
    """That which agrees best with the scores of the validation pairs."""
    if len(systems) == 1:
        return systems[0]
    title = f"Choosing {systems[0].title} on validation pairs"
    return systems[choose(problem, (system.vectors for system in track(systems, title, "fit")))]


def saved_name(folder: str) -> str:
    """How results call a saved removal: by its run's folder.

    Example:
        >>> saved_name("outputs/train/monday/removal")
        'monday'
    """
    path = Path(folder).resolve()
    return path.parent.name if path.name == "removal" else path.name


def leave_out_seen(
    config: DictConfig, console: Console, tasks: Sequence[Task], systems: Sequence[System]
) -> list[Task]:
    """The tasks without the pairs that a removal was trained on; says how many there were."""
    removals = {system.title: system.removal for system in systems}
    clean, lines = without_training_pairs(tasks, removals, config.data_dir)
    for line in (*lines, *in_learned_texts(tasks, removals)):
        console.print(line, highlight=False)
    return clean


def calibrate(config: DictConfig, systems: Sequence[System]) -> tuple[dict[str, Calibration], list[NotRun]]:
    """The cosines of random pairs of texts of `config.corpus` under each system but the members of a bank, by title.

    What has none, as the corpus has too few texts or one of them comes out nil, is told with the reason.
    """
    found: dict[str, Calibration] = {}
    failed: dict[str, NotRun] = {}  # by the reason, which mostly is one for all
    texts = draw(systems[0].vectors.corpus, TEXTS, config.seed)
    stored = systems[0].vectors.encoder  # of which the rows are the texts
    corpus = stored.name if isinstance(stored, StoredEncoder) else Path(config.corpus).name
    for system in track(systems, f"Random texts of {corpus}", "evaluate"):
        if "seed" in system.candidate:
            continue
        try:
            found[system.title] = Calibration.sample(system.vectors, texts, corpus)
        except ValueError as error:
            failed.setdefault(str(error), NotRun("thresholds", str(error)))
    return found, list(failed.values())


def compare(config: DictConfig, tasks: Sequence[Task], systems: Sequence[System]) -> tuple[list[Row], list[NotRun]]:
    """Score systems on tasks, each against raw vectors where "none" is among them.

    If one corrects tokens, texts are encoded once for all of them.
    """
    keep_tokens = any(system.removal.corrects_tokens for system in systems)
    named = {system.title: system for system in systems}
    rows, not_run = evaluate(
        tasks,
        {title: replace(system.vectors, keep_tokens=keep_tokens) for title, system in named.items()},
        seed=config.seed,
        reference=next((title for title, system in named.items() if system.is_reference), None),
        resamples=config.resamples,
        progress=True,
    )
    return [_of(named[row.removal], row) if row.removal in named else row for row in rows], not_run


def _of(system: System, row: Row) -> Row:
    """The row of a system: one of a learned bank has a seed of its own."""
    candidate = system.candidate
    return replace(row, removal=system.name, candidate=candidate or None, seed=candidate.get("seed", row.seed))
