"""The removals that a command compares: constructed ones, chosen on validation pairs, and saved ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track

from uncone.commands.build import is_saved, make_candidates, names
from uncone.data.pairs import ScoredPairs
from uncone.data.splits import split_pairs
from uncone.learning.recipe import learn_plainly
from uncone.removal import Correction, none
from uncone.removal import load as load_removal
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.tasks import NotRun, Row, Task, evaluate, without_training_pairs
from uncone.tasks.base import distinct, paired_cosine
from uncone.tasks.statistics import macro_spearman

Read = Callable[[Sequence[str]], np.ndarray]


def load_splits(config: DictConfig, vectors: Vectors) -> tuple[ScoredPairs, ScoredPairs, ScoredPairs]:
    """Training, validation and test pairs whose words the encoder knows; see `uncone.data.splits.split_pairs`.

    Raises:
        ValueError: if fractions do not fit the parts to make, or no pair is left.
    """
    train, validation, test = split_pairs(config.data, config.data_dir)
    return covered(train, vectors), covered(validation, vectors), covered(test, vectors)


def reader(config: DictConfig, vectors: Vectors) -> Read:
    """What gives the vectors of the texts in `config.data`: they are sentences, or words."""
    return vectors.sentences if config.data.kind == "sentences" else vectors.words


def covered(pairs: ScoredPairs, vectors: Vectors) -> ScoredPairs:
    """The pairs of two known texts.

    Raises:
        ValueError: if there is none.
    """
    rows = np.flatnonzero(vectors.known(pairs.text1) & vectors.known(pairs.text2))
    if not len(rows):
        raise ValueError(f"{vectors.encoder.name} knows the words of none of the {len(pairs)} pairs")
    return pairs.take(rows)


def validation_score(pairs: ScoredPairs, read: Read) -> float:
    """Macro Spearman of the cosines of pairs: the unweighted mean over data sets."""
    texts, first, second = distinct(pairs.text1, pairs.text2)
    cosine = paired_cosine(read(texts), first, second)
    return float(macro_spearman(pairs.score, cosine[None], np.array(pairs.dataset))[0])


def make_systems(
    config: DictConfig, vectors: Vectors, spectra: Spectra, pairs: ScoredPairs, validation: ScoredPairs
) -> dict[str, Correction]:
    """Every removal that `config.removal` names, by the name it has in the results: see `make_system`."""
    return dict(make_system(config, name, vectors, spectra, pairs, validation) for name in names(config.removal))


def make_system(
    config: DictConfig, name: str, vectors: Vectors, spectra: Spectra, pairs: ScoredPairs, validation: ScoredPairs
) -> tuple[str, Correction]:
    """A removal, and the name it has in the results.

    A saved one is read, a recipe is trained on the training pairs, a fixed method constructed. A method whose settings
    are lists is tried with each; the best on the validation pairs is kept.

    Raises:
        ValueError: for an unknown name, a damaged file, or a saved removal of another encoder.
    """
    if is_saved(name):
        removal = load_removal(name)
        return saved_name(name), removal.for_encoder(vectors.encoder) if config.allow_other_encoder else removal
    if name == "none":
        return name, none(vectors.encoder.dimension).for_encoder(vectors.encoder)
    if name in config.get("recipes", {}):
        return name, learn_plainly(make_recipe(config, name), vectors, spectra, pairs, validation)
    candidates = [removal.for_encoder(vectors.encoder) for removal in make_candidates(config, name, spectra)]
    if len(candidates) == 1:
        return name, candidates[0]
    shown = track(candidates, f"Choosing {name} on {len(validation)} pairs", transient=True)
    scores = [validation_score(validation, reader(config, vectors.corrected(each))) for each in shown]
    return name, candidates[int(np.argmax(scores))]


def make_recipe(config: DictConfig, name: str) -> DictConfig:
    """What `learn_plainly` takes: a recipe, or one that is `like` another but for some settings."""
    recipes: Any = OmegaConf.create(OmegaConf.to_container(config.recipes, resolve=True))  # which may take further keys
    recipe = recipes[name]
    if "like" in recipe:
        recipe = OmegaConf.merge(recipes[recipe.like], recipe)
    shared = {key: config[key] for key in ("seed", "data", "data_dir")}
    return OmegaConf.create({**shared, "learned": recipe.learned, "objective": recipe.objective})


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
    encoder = vectors.encoder
    return evaluate(
        tasks,
        make_readers(vectors, removals),
        encoder=encoder.name,
        layers=encoder.layers,
        pooling=encoder.pooling,
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
