"""Training, validation and test pairs, from a description that a saved removal can carry with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uncone.data.pair_sets import load_pairs
from uncone.data.pairs import ScoredPairs, concatenate
from uncone.data.sources import listed


def split_pairs(
    description: Mapping[str, Any], data_dir: str | Path | None = None
) -> tuple[ScoredPairs, ScoredPairs, ScoredPairs]:
    """Training, validation and test pairs.

    Validation and test sets are parts of their own; without them, parts are split off the training sets. With neither
    validation sets nor a fraction for them there is no validation, and the training pairs take its place. The test part
    never holds a pair that stands in another part: it gives way, unless `leave_out` takes its pairs from the others.

    Args:
        description: `kind` ("words" or "sentences"), `sets`, `fractions` (the share of training, and of each part that
            is split off), `validation_sets` and `test_sets` (or None), `leave_out` (sets whose pairs may not be
            learned from; may be missing), `seed`: the keys of conf/data/*.yaml.

    Raises:
        ValueError: if the kind is unknown, fractions do not fit the parts to make, or no pair is left.

    Example:
        >>> description = {"kind": "words", "sets": ["ws353"], "fractions": [0.8, 0.1, 0.1], "seed": 0}
        >>> [len(part) for part in split_pairs(description | {"validation_sets": None, "test_sets": None})]
        [282, 35, 36]
    """
    kind = description["kind"]

    def own(key: str) -> ScoredPairs | None:
        return None if description[key] is None else load_pairs(kind, description[key], data_dir)

    validation, test = own("validation_sets"), own("test_sets")
    split_off = [name for name, part in (("validation", validation), ("test", test)) if part is None]
    fractions = list(description["fractions"])
    if len(fractions) != 1 + len(split_off) and not (split_off == ["validation"] and len(fractions) == 1):
        shares = ", ".join(["train", *split_off])
        raise ValueError(f"data.fractions needs {1 + len(split_off)} numbers ({shares}), got {fractions}")
    pairs = load_pairs(kind, description["sets"], data_dir)
    if description.get("leave_out"):
        pairs = pairs.without(load_pairs(kind, description["leave_out"], data_dir))
    train, *rest = pairs.split(fractions, description["seed"]) if len(fractions) > 1 else (pairs,)
    made = dict(zip(split_off, rest, strict=False))
    if validation is None:
        validation = made.get("validation", train)
    return train, validation, made["test"] if test is None else test.without(pairs).without(validation)


def seen_pairs(description: Mapping[str, Any], data_dir: str | Path | None = None) -> ScoredPairs:
    """The pairs that a removal trained on this description (its `settings["trained_on"]`) has seen."""
    if len(description["fractions"]) == 1 and description["test_sets"] is None:  # nothing was kept apart
        sets = [*listed(description["sets"]), *listed(description["validation_sets"] or [])]
        return load_pairs(description["kind"], sets, data_dir)
    return concatenate(split_pairs(description, data_dir)[:2])
