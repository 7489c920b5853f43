"""Texts, or pairs of texts, with the class that people gave them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SPLITS = ("train", "dev", "test", "all")

Span = tuple[int, int]  # characters of a text, first and last + 1


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with one label each, and the part of the data set to which each belongs.

    Attributes:
        split: n of "train", "dev" and "test"; or "all" for each, in a set that is published without a split.
        text2: the second text of each pair; empty where a text stands alone.
        span1: characters of the marked word in each of `text1`; empty where the whole text is meant.

    Raises:
        ValueError: if lengths differ, a text is empty, a split is unknown or lacks what it needs, there are fewer than
            two classes, or one that is scored does not occur in training.

    Example:
        >>> texts = LabelledTexts(("fine", "poor", "good"), ("pos", "neg", "pos"), ("train", "train", "test"))
        >>> texts.classes, texts.target, texts.scored, texts.rows("train")
        (('neg', 'pos'), array([1, 0, 1]), 'test', array([0, 1]))
    """

    text1: tuple[str, ...]
    label: tuple[str, ...]
    split: tuple[str, ...]
    text2: tuple[str, ...] = ()
    span1: tuple[Span, ...] = ()
    span2: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.text1)
        lengths = {name: len(getattr(self, name)) for name in ("text1", "label", "split", "text2", "span1", "span2")}
        if any(length != n for name, length in lengths.items() if length or name in ("label", "split")):
            raise ValueError(f"texts, labels, splits and spans must be equally many, got {lengths}")
        for name in ("text1", "text2"):
            for i, text in enumerate(getattr(self, name)):
                if not text.strip():
                    raise ValueError(f"{name} of item {i} is empty")
        self._check_splits()

    def __len__(self) -> int:
        return len(self.text1)

    @property
    def is_marked(self) -> bool:
        """Whether a word is marked in each text, and its vector is meant instead of the text's."""
        return bool(self.span1)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in alphabetical order."""
        return tuple(sorted(set(self.label)))

    @cached_property
    def target(self) -> np.ndarray:
        """(n,) int64, the place of each label in `classes`."""
        number = {name: i for i, name in enumerate(self.classes)}
        return np.array([number[name] for name in self.label])

    @property
    def scored(self) -> str:
        """The split whose figures are reported: "all", or "test", or "dev" where the test labels are not published."""
        return next(name for name in ("all", "test", "dev") if name in self.split)

    def rows(self, split: str) -> np.ndarray:
        """Row numbers of a split, in order; none if it has no such split."""
        return np.flatnonzero([name == split for name in self.split])

    def _check_splits(self) -> None:
        splits = set(self.split)
        unknown = splits - set(SPLITS)
        if unknown:
            raise ValueError(f"unknown split {min(unknown)!r}: write {', '.join(SPLITS)}")
        if splits != {"all"} and ("all" in splits or "train" not in splits or len(splits) == 1):
            raise ValueError(f"splits {sorted(splits)}: needed are train with test or dev, or all for every row")
        if len(self.classes) < 2:
            raise ValueError(f"every label is {self.label[0]!r}: at least two classes are needed")
        if splits != {"all"}:
            learned = {label for label, split in zip(self.label, self.split, strict=True) if split == "train"}
            missing = set(self.label) - learned
            if missing:
                raise ValueError(f"the class {min(missing)!r} does not occur in the train split, only elsewhere")
