"""The removals that a command compares: constructed ones, chosen on validation pairs, and saved ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from uncone.commands.build import is_recipe, is_saved, make_candidates, make_recipe
from uncone.learning.fit import choose, learn
from uncone.learning.problem import Problem
from uncone.removal import Correction, none
from uncone.removal import load as load_removal
from uncone.removal.vectors import Vectors
from uncone.tasks import Row, Task, evaluate
from uncone.tasks.leaks import without_training_pairs
from uncone.tasks.scoring import NotRun


def make_system(config: DictConfig, name: str, problem: Problem) -> tuple[str, Correction]:
    """A removal that `config.removal` names, and the name it has in the results.

    A saved one is read, a recipe is followed, a fixed method constructed; the best of its settings on the validation
    pairs is kept.

    Raises:
        ValueError: for an unknown name, a damaged file, or a saved removal of another encoder.
    """
    encoder = problem.vectors.encoder
    if is_saved(name):
        removal = load_removal(name)
        return saved_name(name), removal.for_encoder(encoder) if config.allow_other_encoder else removal
    if name == "none":
        return name, none(encoder.dimension).for_encoder(encoder)
    if is_recipe(config, name):
        return name, learn(problem, make_recipe(config, name))
    candidates = [removal.for_encoder(encoder) for removal in make_candidates(config, name, problem.spectra)]
    if len(candidates) == 1:
        return name, candidates[0]
    return name, choose(problem, track(candidates, f"Choosing {name} on validation pairs", transient=True))


def saved_name(folder: str) -> str:
    """How results call a saved removal: by its run's folder.

    Example:
        >>> saved_name("outputs/train/monday/removal")
        'monday'
    """
    path = Path(folder).resolve()
    return path.parent.name if path.name == "removal" else path.name


def leave_out_seen(
    config: DictConfig, console: Console, tasks: Sequence[Task], removals: Mapping[str, Correction]
) -> list[Task]:
    """The tasks without the pairs that a removal was trained on; says how many there were."""
    clean, lines = without_training_pairs(tasks, removals, config.data_dir)
    for line in lines:
        console.print(line, highlight=False, markup=False)
    return clean


def compare(
    config: DictConfig, vectors: Vectors, tasks: Sequence[Task], removals: Mapping[str, Correction]
) -> tuple[list[Row], list[NotRun]]:
    """Score removals on tasks, each against raw vectors where "none" is among them."""
    return evaluate(
        tasks,
        make_readers(vectors, removals),
        encoder=vectors.encoder,
        seed=config.seed,
        reference="none" if "none" in removals else None,
        resamples=config.resamples,
        progress=True,
    )


def make_readers(vectors: Vectors, removals: Mapping[str, Correction]) -> dict[str, Vectors]:
    """Vectors under each removal, by its name; if one corrects tokens, texts are encoded once for all of them."""
    keep_tokens = any(removal.corrects_tokens for removal in removals.values())
    shared = replace(vectors, keep_tokens=keep_tokens)
    return {name: shared.corrected(removal) for name, removal in removals.items()}
