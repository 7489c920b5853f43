"""Learning from rows of a matrix: the same training as Lightning's, what validation chooses, what is refused."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from uncone.data.pairs import ScoredPairs
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis
from uncone.learning.learn import learn
from uncone.learning.module import RemovalModule
from uncone.learning.objectives import PearsonLoss
from uncone.learning.pair_module import PairDataModule
from uncone.removal.spectrum import Spectrum

PAIRS, DIMENSION = 400, 10


@pytest.fixture(scope="module")
def planted() -> tuple[torch.Tensor, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Vectors (2n, d) whose meaning lies behind two large directions, pairs of them, and the cosine of the meaning."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(PAIRS, DIMENSION, generator=generator)
    share = torch.rand(PAIRS, 1, generator=generator)
    second = share * first + (1 - share) * torch.randn(PAIRS, DIMENSION, generator=generator)
    scores = torch.nn.functional.cosine_similarity(first[:, 2:], second[:, 2:])
    X = torch.cat([first, second])
    X[:, :2] = 8 * torch.randn(2 * PAIRS, 2, generator=generator) + torch.tensor([9.0, 0.0])
    return X, (np.arange(PAIRS), np.arange(PAIRS, 2 * PAIRS)), scores.numpy()


def test_finds_the_planted_directions(planted):
    X, pairs, scores = planted
    gains = learn(X, pairs, scores, Spectrum.fit(X), pull=0).gains
    assert gains[:2].max() < 0.3 * gains[2:].min()


def test_trains_as_lightning_does(planted):
    """The same data, module and seed under a Lightning trainer give the same weights at the best epoch."""
    X, (i, j), scores = planted
    spectrum = Spectrum.fit(X)
    ours = learn(X, (i, j), scores, spectrum, D=4, max_epochs=6, seed=3)

    parts = ScoredPairs(tuple(map(str, i)), tuple(map(str, j)), scores, ("pairs",) * len(i)).split((0.8, 0.2), 3)
    encoded = [(part, X[[int(t) for t in part.text1]], X[[int(t) for t in part.text2]]) for part in parts]
    basis = Basis(spectrum.mean, spectrum.components[:, :4], spectrum.eigenvalues[:4])
    bank = RemovalBank(basis, members([4], [3], [0.1], [0.05]), learn_centre=True)
    module = RemovalModule(bank, PearsonLoss(), gradient_clip=None)
    scored = []

    class Keep(Callback):
        def on_validation_end(self, trainer, module):
            scored.append((float(trainer.callback_metrics["val/spearman"]), module.removal()))

    options = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    pl.Trainer(max_epochs=6, accelerator="cpu", num_sanity_val_steps=0, callbacks=[Keep()], **options).fit(
        module, PairDataModule(*encoded, basis, seeds=[3])
    )
    theirs = max(scored, key=lambda each: each[0])[1]
    assert len(scored) == 6
    assert not torch.equal(ours.gains, torch.ones(4))
    torch.testing.assert_close(ours.gains, theirs.gains, rtol=0, atol=1e-7)
    torch.testing.assert_close(ours.centre, theirs.centre, rtol=0, atol=1e-6)


def test_equal_seeds_give_equal_removals_and_leave_the_callers_numbers_alone(planted):
    X, pairs, scores = planted
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    one, two = (learn(X, pairs, scores, Spectrum.fit(X), max_epochs=3, seed=5) for _ in range(2))
    assert torch.equal(one.gains, two.gains)
    assert torch.equal(torch.random.get_rng_state(), before)
    other = learn(X, pairs, scores, Spectrum.fit(X), max_epochs=3, seed=6)
    assert not torch.equal(one.gains, other.gains)


def test_scores_that_say_nothing_leave_the_identity(planted):
    """The human scores are those of the raw cosine: nothing beats the start."""
    X, (i, j), _ = planted
    raw = torch.nn.functional.cosine_similarity(X[i], X[j]).numpy()
    assert torch.equal(learn(X, (i, j), raw, Spectrum.fit(X), centred=False).gains, torch.ones(DIMENSION))


def test_prints_and_logs_nothing(planted, capfd, caplog):
    X, pairs, scores = planted
    learn(X, pairs, scores, Spectrum.fit(X), max_epochs=2)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_thread_count_is_given_back(planted):
    X, pairs, scores = planted
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        learn(X, pairs, scores, Spectrum.fit(X), max_epochs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


TEN = np.arange(10)


@pytest.mark.parametrize(
    ("pairs", "scores", "message"),
    [
        ((TEN,), np.ones(10), "two lists of row numbers, .i, j., got 1"),
        ((TEN, TEN[:9]), np.ones(10), r"equally long lists, got shapes \(10,\), \(9,\) and \(10,\)"),
        ((TEN, TEN), np.ones(9), "equally long lists"),
        ((TEN[:9], TEN[:9]), np.arange(9.0), "at least 10 scored pairs, got 9"),
        ((TEN, TEN + 0.5), np.arange(10.0), "row numbers, got float64"),
        ((TEN, TEN - 1), np.arange(10.0), "pairs name row -1 of a matrix of 50 rows"),
        ((TEN, TEN + 41), np.arange(10.0), "pairs name row 50 of a matrix of 50 rows"),
        ((TEN, TEN + 10), np.ones(10), "at least two different scores"),
        ((TEN, TEN + 10), np.arange(10.0), "the 2 validation pairs must be at least 3"),
        ((TEN, TEN + 10), np.full(10, np.nan), "not finite"),
    ],
)
def test_refuses(pairs, scores, message):
    X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=message):
        learn(X, pairs, scores, Spectrum.fit(X))
