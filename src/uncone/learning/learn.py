"""Learning a removal from scored pairs of rows of one matrix: what `train.py` does, as a function."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from torch import Tensor

from uncone.data.pairs import ScoredPairs
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis
from uncone.learning.module import RemovalModule
from uncone.learning.objectives import PearsonLoss
from uncone.learning.pair_module import PairDataModule
from uncone.removal import ClusteredRemoval, Removal
from uncone.removal.spectrum import Spectrum
from uncone.support.threads import one_thread

CANDIDATES = (32, 128)  # numbers of components, beside all
VALIDATION_SHARE = 0.2
MINIMUM_PAIRS = 10
# An epoch of a few hundred pairs is one or two steps: the rate is ten times that of train.py, whose epochs are longer.
LEARNING_RATE, BATCH_SIZE, PATIENCE = 0.05, 256, 30


def learn(
    X: Tensor,
    pairs: tuple[np.ndarray, np.ndarray],
    scores: np.ndarray,
    spectrum: Spectrum,
    D: int | None = None,
    centred: bool = True,
    pull: float = 0.1,
    max_epochs: int = 200,
    seed: int = 0,
) -> Removal:
    """Learn the gains of components, and a shift of the centre, from human scores of similarity.

    A fifth of the pairs is kept for validation; no pair stands on both sides, in either order. Its Spearman correlation
    chooses the epoch, counting the identity before the first, and the number of components. There is no contrast of
    neighbouring sentences, which needs texts: `train.py` has it.

    Args:
        X: (n, d) float32 or float64 vectors.
        pairs: rows i and j of `X`, (m,) whole numbers each, m ≥ 10.
        scores: (m,) similarity of each pair, on any scale.
        spectrum: of the vectors; where the components come from.
        D: leading components to learn; None lets validation choose between 32, 128 and all.
        centred: start from the mean, and learn a shift of it; False keeps the origin.
        pull: strength of the pull toward the identity.
        max_epochs: most epochs; 30 without a better validation score end it sooner.
        seed: of split and shuffle; equal seeds give equal removals.

    Raises:
        ValueError: for too few pairs, rows that `X` does not have, scores that do not fit, or more components than the
            rank.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> X = torch.randn(40, 4, generator=generator)
        >>> i, j = np.arange(20), np.arange(20, 40)
        >>> scores = torch.nn.functional.cosine_similarity(X[i, 1:], X[j, 1:]).numpy()
        >>> learn(X, (i, j), scores, Spectrum.fit(X), D=2, max_epochs=3).gains.shape
        torch.Size([2])
    """
    scored = _scored(len(X), pairs, scores)
    training, validation = scored.split((1 - VALIDATION_SHARE, VALIDATION_SHARE), seed)
    if len(validation) < 3 or np.ptp(validation.score) == 0:
        raise ValueError(
            f"the {len(validation)} validation pairs must be at least 3 with different scores: give more pairs"
        )
    counts = _candidates(D, spectrum.rank)
    basis = Basis.of(spectrum, counts[-1], centred)

    def encoded(part: ScoredPairs) -> tuple[ScoredPairs, Tensor, Tensor]:
        return part, X[[int(row) for row in part.text1]], X[[int(row) for row in part.text2]]

    data = PairDataModule(encoded(training), encoded(validation), basis, BATCH_SIZE, [seed])
    bank = RemovalBank(basis, members(counts, [seed], [pull], [LEARNING_RATE]), learn_centre=centred)
    module = RemovalModule(bank, PearsonLoss(members=len(counts)), gradient_clip=None)
    with one_thread():
        return cast(Removal, train(module, data, max_epochs, PATIENCE))  # as the basis is no clustered one


def train(
    module: RemovalModule, data: PairDataModule, max_epochs: int, patience: int | None, keep: str = "best"
) -> Removal | ClusteredRemoval:
    """Train a bank as a Lightning trainer would, without writing or printing, or touching the caller's random numbers.

    Args:
        module: the bank.
        data: its pairs.
        max_epochs: most epochs.
        patience: epochs without a better validation score that end it sooner; None trains all.
        keep: "best" returns the best epoch and member on validation, counting the start before the first epoch; "last"
            the last epoch, and its best member.
    """
    loader = data.train_dataloader()
    batches: Any = loader.batch_sampler
    optimizer = module.configure_optimizers()
    best: Removal | ClusteredRemoval | None = None
    best_score, best_epoch = -math.inf, 0
    for epoch in range(max_epochs + 1):  # validation first: epoch 0 is the identity
        scores = module.validation_scores(data.validation)
        if scores.max() > best_score:
            best_score, best_epoch = float(scores.max()), epoch
            if keep == "best":
                best = module.removal(int(scores.argmax()))
        if epoch == max_epochs or (patience is not None and epoch - best_epoch >= patience):
            break
        batches.sampler.set_epoch(epoch)
        for steps in loader:
            for batch in steps.split():
                module.update(optimizer, batch)
    return best if best is not None else module.removal(int(scores.argmax()))


def _scored(n: int, pairs: tuple[np.ndarray, np.ndarray], scores: np.ndarray) -> ScoredPairs:
    """The pairs, with the numbers of their rows in place of texts."""
    if len(pairs) != 2:
        raise ValueError(f"pairs must be two lists of row numbers, (i, j), got {len(pairs)} of them")
    i, j = (np.asarray(rows) for rows in pairs)
    if i.shape != j.shape or i.ndim != 1 or np.shape(scores) != i.shape:
        raise ValueError(
            f"pairs and scores must be equally long lists, got shapes {i.shape}, {j.shape} and {np.shape(scores)}"
        )
    if len(i) < MINIMUM_PAIRS:
        raise ValueError(f"learning needs at least {MINIMUM_PAIRS} scored pairs, got {len(i)}")
    for rows in (i, j):
        if rows.dtype.kind not in "iu":
            raise ValueError(f"pairs must hold row numbers, got {rows.dtype}")
        if rows.min() < 0 or rows.max() >= n:
            raise ValueError(f"pairs name row {rows.min() if rows.min() < 0 else rows.max()} of a matrix of {n} rows")
    return ScoredPairs(tuple(map(str, i)), tuple(map(str, j)), np.asarray(scores), ("pairs",) * len(i))


def _candidates(D: int | None, rank: int) -> list[int]:
    """Numbers of components to train side by side, ascending."""
    if D is None:
        return sorted({min(count, rank) for count in (*CANDIDATES, rank)})
    return [D]
