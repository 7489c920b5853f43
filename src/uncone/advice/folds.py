"""How pairs are divided, so that what is tested was neither learned from nor chosen by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from uncone.data.pairs import ScoredPairs

MINIMUM_KEPT = 0.5  # of the training pairs, when those that share a word with the test are left out
_PASSES = 20  # over all words, while they are grouped; the groups settle within ten
_SLACK = 1.05  # how much larger than the mean a group of words may grow


@dataclass(frozen=True)
class Folds:
    """Word pairs in K folds.

    Attributes:
        fold: (n,) the fold in which each pair is tested.
        touches: (n, K) whether a pair may not be learned from while a fold is tested.
        disjoint: "words" if no word of a tested pair stands in any pair that is learned from; "pairs" if that would
            leave less than half of them, and only the pairs themselves (in either order) are kept apart.
    """

    fold: np.ndarray
    touches: np.ndarray
    disjoint: Literal["words", "pairs"]

    @property
    def count(self) -> int:
        """K."""
        return int(self.touches.shape[1])

    def training(self, *tested: int) -> np.ndarray:
        """(n,) bool, the pairs that may be learned from while these folds are tested."""
        return np.logical_not(self.touches[:, list(tested)].any(axis=1))

    @classmethod
    def of(cls, pairs: ScoredPairs, count: int, seed: int) -> Folds:
        """Divide word pairs so that folds share as few words as possible.

        Words are grouped by streaming each in turn to the group that holds most of its partners and has room (linear
        deterministic greedy partitioning, Stanton and Kliot 2012, passed over repeatedly). A pair is tested with the
        group of its words, or of either one where they are apart.

        Raises:
            ValueError: for fewer than 3 folds, or fewer than 10 pairs a fold.

        Example:
            >>> from uncone.data import load_word_pairs
            >>> folds = Folds.of(load_word_pairs("simlex999"), 5, seed=0)
            >>> folds.disjoint, bool(np.bincount(folds.fold).min() > 150), bool(folds.training(0).sum() > 600)
            ('words', True, True)
        """
        if count < 3:
            raise ValueError(f"folds must be at least 3 (test, choice, learning), got {count}")
        if len(pairs) < 10 * count:
            raise ValueError(f"{len(pairs)} word pairs are too few for {count} folds: give at least {10 * count}")
        first, second, texts = numbered(pairs)
        group = _groups(first, second, count, seed)
        low, high = np.minimum(first, second), np.maximum(first, second)
        _, same = np.unique(np.stack([low, high], 1), axis=0, return_inverse=True)  # (n,) equal for the same two words
        heads = np.random.default_rng(seed).random(same.max() + 1) < 0.5
        fold = np.where(heads[same], group[low], group[high])
        words = np.zeros((texts, count), dtype=bool)  # which words each fold tests
        for side in (first, second):
            words[side, fold] = True
        touches = words[first] | words[second]
        own = fold[:, None] == np.arange(count)
        learned = [
            (~touches[:, both].any(1)).sum() / (~own[:, both].any(1)).sum() for both in combinations(range(count), 2)
        ]
        if min(learned) >= MINIMUM_KEPT:
            return cls(fold, touches, "words")
        groups = np.random.default_rng(seed).permutation(same.max() + 1) % count
        fold = groups[same]
        return cls(fold, fold[:, None] == np.arange(count), "pairs")


def halves(pairs: ScoredPairs, count: int, seed: int) -> np.ndarray:
    """Divide sentence pairs into a half to choose by and a half to test on, several times.

    It is the sentences that are divided: no sentence stands on both sides. Pairs that hang together by shared sentences
    stay together, unless they are most of all pairs, as when all documents of a set were compared with each other;
    then their sentences are divided one by one and pairs across are left out. Every second division swaps the sides of
    the one before.

    Returns:
        (count, n) int8: 0 to choose by, 1 to test on, -1 left out.

    Example:
        >>> from uncone.data import load_sts
        >>> np.bincount(halves(load_sts("lee"), 1, seed=0)[0] + 1)  # 25 of 50 documents on each side
        array([625, 300, 300])
    """
    first, second, texts = numbered(pairs)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(texts, texts))
    _, block = connected_components(links, directed=False)  # (texts,) what each hangs together with
    giant = np.bincount(block[first], minlength=texts) > len(first) / 2  # (texts,) by number of the block
    unit = np.where(giant[block], texts + np.arange(texts), block)  # what is divided
    _, unit = np.unique(unit, return_inverse=True)
    sizes = np.bincount(unit[first], minlength=unit.max() + 1) + np.bincount(unit[second], minlength=unit.max() + 1)
    generator = np.random.default_rng(seed)
    divided = np.empty((count, len(first)), dtype=np.int8)
    for i in range(count):
        if i % 2:
            divided[i] = np.where(divided[i - 1] < 0, -1, 1 - divided[i - 1])
            continue
        order = generator.permutation(len(sizes))
        side = np.empty(len(sizes), dtype=np.int8)
        side[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) * 2 > sizes.sum()
        one, two = side[unit[first]], side[unit[second]]
        divided[i] = np.where(one == two, one, -1)
    return divided


def numbered(pairs: ScoredPairs) -> tuple[np.ndarray, np.ndarray, int]:
    """Numbers (n,) of the first and second texts, the same for texts that differ in nothing but case; and how many."""
    texts = [text.casefold() for text in (*pairs.text1, *pairs.text2)]
    number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    first, second = np.array([number[text] for text in texts]).reshape(2, -1)
    return first, second, len(number)


def share_texts(pairs: ScoredPairs) -> bool:
    """Whether pairs of one data set have fewer texts than there are pairs, and so are not independent."""
    return numbered(pairs)[2] < len(pairs)


def _groups(first: np.ndarray, second: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Group of each text, so that few pairs lie between groups and each has about as many."""
    partners: list[list[int]] = [[] for _ in range(max(first.max(), second.max()) + 1)]
    for one, two in zip(first.tolist(), second.tolist(), strict=True):
        partners[one].append(two)
        partners[two].append(one)
    generator = np.random.default_rng(seed)
    group = np.full(len(partners), -1)
    load, room = np.zeros(count), _SLACK * 2 * len(first) / count
    for _ in range(_PASSES):
        for word in generator.permutation(len(partners)).tolist():
            of_partners = group[partners[word]]
            weight = len(of_partners)
            if group[word] >= 0:
                load[group[word]] -= weight
            gathered = np.bincount(of_partners[of_partners >= 0], minlength=count) + 1e-3
            score = gathered * (1 - load / room)
            score[load + weight > room] = -np.inf
            group[word] = int(np.argmax(score)) if np.isfinite(score).any() else int(np.argmin(load))
            load[group[word]] += weight
    return group
