"""A result row: one figure, of what, how sure it is, and how it compares."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from uncone.encoder import Encoder

GEOMETRY = "geometry"  # the task of rows that hold a measure of geometry
COVERAGE = "coverage"  # the metric that tells the share of items whose words are all known
SIGNIFICANT = 0.05
Use = Literal["words", "sentences", "search", "clusters", "labels"]
USES: tuple[Use, ...] = get_args(Use)  # what vectors are used for, in the order of tables

_TEXT = ("encoder", "layers", "pooling", "removal", "task", "subset", "metric")
_REQUIRED = ("removal", "task", "subset", "metric", "value")


class Headline(NamedTuple):
    """Which figure: one metric on one subset of one task."""

    task: str
    subset: str
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of results.json; None is unknown or does not apply.

    Attributes:
        use: what a task stands for: what people use vectors for.
        removal: "majority" is no removal: it stands for what can be said without vectors.
        candidate: what sets it apart from others of its removal, such as {"D": 10, "seed": 3} a member of a learned
            bank, or {"level": "texts"} one fit of a fixed method; None if there is but one.
        value: NaN where it is undefined, which JSON holds as null.
        low, high: 95 % interval of the value.
        n: items.
        gain: the value minus that of the reference, with the interval of the paired bootstrap.
        p_value: of the gain, by the paired bootstrap.
        p_holm: p_value corrected after Holm for all gains of the figure.
        p_best: of the removal against the best of the figure, by the paired bootstrap, corrected after Holm for all
            such comparisons of the figure; 1 for the best itself.
    """

    encoder: str | None = None
    layers: str | None = None
    pooling: str | None = None
    use: Use | None = None
    removal: str
    candidate: Mapping[str, float | str] | None = None
    task: str
    subset: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    seed: int | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    p_best: float | None = None

    @property
    def headline(self) -> Headline:
        """The figure that the row is about."""
        return Headline(self.task, self.subset, self.metric)

    @property
    def method(self) -> str:
        """The removal, and what sets a candidate apart but for its seed.

        Example:
            >>> figure = {"task": "lee", "subset": "all", "metric": "spearman", "value": 0.5}
            >>> Row(removal="learned", candidate={"D": 10, "seed": 3, "pull": 0.1}, **figure).method
            'learned D=10 pull=0.1'
        """
        settings = {key: value for key, value in (self.candidate or {}).items() if key != "seed"}
        return described(self.removal, settings)

    @property
    def is_sure(self) -> bool:
        """Whether the gain is more than noise, as one of all that it was compared with."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT

    def to_json(self) -> dict[str, Any]:
        """Plain values, all keys."""
        return asdict(self) | {"value": None if math.isnan(self.value) else self.value}

    @classmethod
    def from_json(cls, found: Any) -> Row:
        """The row that `to_json` described; what may be unknown may be left out.

        A ValueError for an unknown key, a missing one, or a value of another kind.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(found, dict) or not set(_REQUIRED) <= set(found) <= set(names):
            raise ValueError(f"a result row has the keys {', '.join(names)}, got {found!r}: is it of another version?")
        for key, value in found.items():
            may_be_null = key == "value" or key not in _REQUIRED
            if not (value is None and may_be_null) and not _fits(key, value):
                raise ValueError(f"{key} of a result row cannot be {value!r}")
        return cls(**found | ({"value": math.nan} if found["value"] is None else {}))


def _fits(key: str, value: Any) -> bool:
    if key == "candidate":
        return isinstance(value, dict) and all(isinstance(setting, (str, int, float)) for setting in value.values())
    if key == "use":
        return value in USES
    kind = str if key in _TEXT else (int, float)
    too_large = isinstance(value, int) and value.bit_length() >= sys.float_info.max_exp
    return isinstance(value, kind) and not isinstance(value, bool) and not too_large


def by_use(row: Row) -> int:
    """By what rows are sorted: the place of their use among `USES`, or after them."""
    return USES.index(row.use) if row.use else len(USES)


def described(removal: str, settings: Mapping[str, float | str]) -> str:
    """A removal with settings, in words."""
    shown = {key: value if isinstance(value, str) else f"{value:g}" for key, value in settings.items()}
    return " ".join([removal, *(f"{key}={value}" for key, value in shown.items())])


def origin(encoder: Encoder) -> dict[str, str]:
    """What rows say of an encoder."""
    return {"encoder": encoder.name, "layers": encoder.layers, "pooling": encoder.convention}


def geometry_rows(encoder: Encoder, seed: int, measures: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """Rows of geometry, of a seeded sample of the vectors of an encoder: `measures` from removal to metric to value."""
    where: dict[str, Any] = {**origin(encoder), "seed": seed, "subset": encoder.layers}
    return [
        Row(**where, removal=removal, task=GEOMETRY, metric=metric, value=value)
        for removal, values in measures.items()
        for metric, value in values.items()
    ]
