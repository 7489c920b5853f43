"""A recipe: how a removal is learned. One file of conf/recipe each, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import yaml

from uncone.learning.objectives import OBJECTIVES
from uncone.learning.optimizers import OPTIMIZERS
from uncone.removal import Removal, fixed
from uncone.removal.spectrum import Spectrum
from uncone.support.files import CONF
from uncone.support.wording import meant, unknown

FOLDER = CONF / "recipe"
PARAMETERISATIONS = ("log_gains", "paper")
STARTS = {each.__name__: each for each in (fixed.soft_zca, fixed.whitening, fixed.all_but_the_top, fixed.standardize)}


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings:
    """What the scored pairs ask for.

    Attributes:
        name: of `uncone.learning.objectives.OBJECTIVES`.
        settings: of that objective alone.
        weight: 0 learns from running text alone.
        full_weight_at: pairs; fewer weigh proportionally less.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    weight: float
    full_weight_at: int


@dataclass(frozen=True, kw_only=True)
class ContrastSettings:
    """What running text asks for, without labels: a sentence is closer to its neighbour than to others.

    Attributes:
        weight: 0 for none.
        temperature: that cosines are divided by.
        views: weight of the alignment of views (`uncone.learning.neighbours`), in units of the contrast's.
        batch_size: sentences that are contrasted in a step.
        corpus: a packaged corpus, or a file.
        limit: use only so many of its texts.
        held_out: share of them, the last, that choose the strength where it is a list.
    """

    weight: float
    temperature: float
    views: float
    batch_size: int
    corpus: str
    limit: int | None
    held_out: float


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """How it is reached.

    Attributes:
        name: "adam" or "lbfgs" (see `uncone.learning.optimizers`).
        learning_rate: of Adam; candidates.
        gradient_clip: largest gradient norm of each member; None does not clip.
        batch_size: most pairs in a step; None takes all.
        minimum_steps: of an epoch; few pairs are dealt out in smaller batches.
        max_steps: most steps, rounded up to whole epochs.
        max_epochs: in place of `max_steps`.
        patience: epochs without a better validation score that end it; None trains all.
        keep: "best" epoch on validation, counting the start before the first; or "last".
    """

    name: str
    learning_rate: tuple[float, ...]
    gradient_clip: float | None
    batch_size: int | None
    minimum_steps: int
    max_steps: int | None
    max_epochs: int | None
    patience: int | None
    keep: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a removal is learned.

    What is said to be candidates, a number or a list, is trained side by side in one fit; validation picks one.

    Attributes:
        parameterisation: "log_gains" or "paper" (see `uncone.learning.bank.RemovalBank`).
        D: leading components that are learned, None for all; candidates.
        seeds: of weights and shuffles, candidates; None is the seed of the problem.
        uniform_share: of the spectrum that components come from: 1 type-uniform, 0 weighted by word probability.
        start: a fixed method (`method`, of `uncone.removal`, with its settings) that comes first: what it leaves is
            learned from, and what strength 0 gives; None is the identity.
        centred: subtract the mean.
        learn_centre: learn a shift of it.
        rank: of a mixing of components, which learns directions too; 0 keeps the components.
        pull: toward the identity, candidates.
        mixing_pull: toward no mixing.
        objective, contrast, optimizer: from what, and how.
        strength: how much is taken of what was learned, from 0, nothing, to 1; of a list, held-out text chooses
            (`uncone.learning.strength`).

    Raises:
        ValueError: for a value that could not be followed.
    """

    parameterisation: str
    D: tuple[int | None, ...]
    seeds: tuple[int, ...] | None
    uniform_share: float
    start: Mapping[str, Any] | None
    centred: bool
    learn_centre: bool
    rank: int
    pull: tuple[float, ...]
    mixing_pull: float
    objective: ObjectiveSettings
    contrast: ContrastSettings
    optimizer: OptimizerSettings
    strength: tuple[float, ...]

    def __post_init__(self) -> None:
        optimizer, contrast = self.optimizer, self.contrast
        _check("parameterisation", self.parameterisation, PARAMETERISATIONS)
        if self.start is not None:
            _check("start.method", str(self.start.get("method")), STARTS)
        _check("objective.name", self.objective.name, OBJECTIVES)
        _check("optimizer.name", optimizer.name, OPTIMIZERS)
        _check("optimizer.keep", optimizer.keep, ("best", "last"))
        if not self.D or not all(count is None or (isinstance(count, int) and count >= 1) for count in self.D):
            raise ValueError(f"recipe.D must list whole numbers from 1, or null for all components, got {self.D}")
        if not self.objective.weight and not contrast.weight:
            raise ValueError("nothing to learn from: recipe.objective.weight and recipe.contrast.weight are both 0")
        if (optimizer.max_epochs is None) == (optimizer.max_steps is None):
            raise ValueError(
                "give either recipe.optimizer.max_epochs or recipe.optimizer.max_steps, got "
                f"{optimizer.max_epochs} and {optimizer.max_steps}"
            )
        if optimizer.name == "lbfgs" and (contrast.weight or optimizer.gradient_clip is not None):
            raise ValueError(
                "lbfgs needs the same loss in every step, so contrast.weight 0 and gradient_clip null, got "
                f"{contrast.weight} and {optimizer.gradient_clip}"
            )
        if not self.strength or not all(0 <= strength <= 1 for strength in self.strength):
            raise ValueError(f"recipe.strength must lie in [0, 1], got {list(self.strength)}")
        if self.parameterisation == "paper" and self.strength != (1,):
            raise ValueError(
                f"parameterisation paper is taken whole: recipe.strength must be 1, got {list(self.strength)}"
            )

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Recipe:
        """The recipe that nested settings describe, as conf/recipe holds them.

        Raises:
            ValueError: for an unknown key, a missing one, or a value that could not be followed.
        """
        groups = {"objective": ObjectiveSettings, "contrast": ContrastSettings, "optimizer": OptimizerSettings}
        made = {key: _made(group, settings.get(key, {}), f"recipe.{key}") for key, group in groups.items()}
        return _made(cls, {**settings, **made}, "recipe")

    @classmethod
    def named(cls, name: str) -> Recipe:
        """The recipe conf/recipe/NAME.yaml.

        Raises:
            ValueError: if there is none of that name.

        Example:
            >>> Recipe.named("paper").D
            (10,)
        """
        return cls.of(_read(name))

    def but(self, **changes: Any) -> Recipe:
        """The same recipe but for some settings, nested ones as mappings.

        Example:
            >>> Recipe.named("learned").but(pull=1, contrast={"weight": 0}).contrast.weight
            0
        """
        return Recipe.of(_merged(asdict(self), changes))

    def started(self, spectrum: Spectrum) -> Removal | None:
        """What learning starts from, fitted on a spectrum.

        Raises:
            ValueError: for a setting that the method does not have.
        """
        if self.start is None:
            return None
        settings = dict(self.start)
        name = settings.pop("method")
        try:
            return STARTS[name](spectrum, **settings)
        except TypeError as error:
            raise ValueError(f"recipe.start: {name} has no such settings as {settings}: {error}") from None

    @property
    def looks_at_scores(self) -> bool:
        """Whether human scores have a say in the outcome: pairs are learned from, or a candidate or epoch is chosen."""
        candidates = (self.D, self.seeds or (0,), self.pull, self.optimizer.learning_rate)
        return bool(
            self.objective.weight or self.optimizer.keep == "best" or any(len(listed) > 1 for listed in candidates)
        )


def recipes() -> list[str]:
    """Names of all recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _read(name: str) -> dict[str, Any]:
    """The settings of a file, over those of the recipe that its list of defaults names, as Hydra would read it."""
    if name not in recipes():
        raise unknown("recipe", name, recipes())
    settings: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    for base in settings.pop("defaults", []):
        settings = _merged(_read(base), settings)
    return settings


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others in their place, nested ones key by key."""
    merged = {**settings, **changes}
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(settings.get(key), Mapping):
            merged[key] = _merged(settings[key], value)
    return merged


def _made(cls: type, settings: Mapping[str, Any], where: str) -> Any:
    """A data class from settings, in which one candidate stands for a list of it."""
    kinds = {each.name: str(each.type) for each in fields(cls)}
    wrong = set(kinds) ^ set(settings) - {"settings"}  # which an objective need not have
    wrong -= {"settings"} & set(kinds)
    if wrong:
        told = ", ".join(sorted(wrong)) + meant(min(wrong), kinds)
        raise ValueError(f"{where} has the keys {', '.join(kinds)}; unknown or missing: {told}")
    values = {}
    for key, value in settings.items():
        kind = kinds[key]
        if isinstance(value, str) and not kind.startswith("str"):
            raise ValueError(f"{where}.{key} cannot be the text {value!r}")
        if kind.startswith("tuple") and not (value is None and kind.endswith("| None")):
            value = tuple(value) if isinstance(value, (list, tuple)) else (value,)
            value = tuple(map(float, value)) if kind.startswith("tuple[float") else value
        values[key] = value
    return cls(**values)


def _check(key: str, value: str, choices: Any) -> None:
    if value not in choices:
        raise ValueError(
            f"unknown {key} {value!r} of a recipe: choose one of {', '.join(choices)}{meant(value, choices)}"
        )
