"""Learning a cluster-wise removal: the algebra of training is that of the map it saves."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from uncone.data.pairs import ScoredPairs
from uncone.encoder import TokenVectors
from uncone.encoder.pooling import pool
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis, TrainingBatch
from uncone.learning.clustered_pairs import ClusteredBasis
from uncone.learning.module import RemovalModule
from uncone.learning.objectives import MeanSquaredError
from uncone.learning.pair_module import PairDataModule
from uncone.removal import ClusteredRemoval
from uncone.removal.clustering import Clustering
from uncone.removal.spectrum import Spectrum

DIMENSION, TEXTS, TOKENS = 8, 60, 5


def mean_pool(tokens: TokenVectors) -> np.ndarray:
    lengths = torch.from_numpy(np.bincount(tokens.texts))
    return pool(torch.tensor(tokens.vectors), lengths, "mean").numpy()


def texts(seed: int) -> TokenVectors:
    """Tokens from two islands, each with a noisy direction of its own."""
    generator = torch.Generator().manual_seed(seed)
    n = TEXTS * TOKENS
    island = torch.randint(2, (n,), generator=generator)
    X = torch.randn(n, DIMENSION, generator=generator)
    X[:, 0] += 12 * (2 * island - 1)
    X[torch.arange(n), 1 + island] += 6 * torch.randn(n, generator=generator)
    return TokenVectors(X.numpy(), np.zeros(n, dtype=np.int64), np.repeat(np.arange(TEXTS), TOKENS))


@pytest.fixture(scope="module")
def sides() -> tuple[TokenVectors, TokenVectors]:
    return texts(0), texts(1)


def basis_of(sides, k=2, D=3, temperature=None) -> ClusteredBasis:
    points = torch.tensor(np.concatenate([side.vectors for side in sides]))
    return ClusteredBasis.of(Clustering.fit(points, k), D, "tokens", temperature)


def batch_of(sides, basis, score=None):
    score = torch.zeros(TEXTS) if score is None else score
    expressed = [basis.express(side, mean_pool) for side in sides]
    return basis.pairs(*expressed, score, torch.zeros(TEXTS, dtype=torch.long))


def module_of(basis, counts=(1, 3), **options) -> RemovalModule:
    module = RemovalModule(RemovalBank(basis, members(counts), **options), MeanSquaredError(len(counts)))
    generator = torch.Generator().manual_seed(5)
    for parameter in (module.bank.theta, module.bank.shift):
        if parameter is not None:
            parameter.data.copy_(0.7 * module.bank.mask * torch.randn(parameter.shape, generator=generator))
    return module


def cosines(removal: ClusteredRemoval, sides) -> torch.Tensor:
    first, second = (
        torch.tensor(mean_pool(TokenVectors(removal.apply(side.vectors), side.types, side.texts))) for side in sides
    )
    return torch.nn.functional.cosine_similarity(first, second)


@pytest.mark.parametrize("temperature", [None, 0.5])
@pytest.mark.parametrize("learn_centre", [False, True])
def test_similarities_are_those_of_the_saved_removal(sides, temperature, learn_centre):
    basis = basis_of(sides, temperature=temperature)
    module = module_of(basis, learn_centre=learn_centre)
    with torch.no_grad():
        similarities = module.bank.similarities(batch_of(sides, basis))
    for member, count in enumerate((1, 3)):
        removal = module.removal(member)
        assert removal.gains.shape == (2, count)
        torch.testing.assert_close(similarities[:, member], cosines(removal, sides), rtol=1e-4, atol=1e-5)


def test_one_cluster_trains_as_the_whole(sides):
    """The same losses and gradients as on a global basis, for any weights."""
    clustered = basis_of(sides, k=1)
    spectrum = Spectrum.fit(torch.tensor(np.concatenate([side.vectors for side in sides])))
    whole = Basis(spectrum.mean, spectrum.components[:, :3], spectrum.eigenvalues[:3])
    score = torch.linspace(-1, 1, TEXTS)
    vectors = [torch.tensor(mean_pool(side)) for side in sides]
    batches = {
        "clustered": (clustered, batch_of(sides, clustered, score)),
        "whole": (whole, whole.pairs(*vectors, score, torch.zeros(TEXTS, dtype=torch.long))),
    }
    results = {}
    for name, (basis, batch) in batches.items():
        module = module_of(basis, learn_centre=True)
        losses = module.losses(TrainingBatch(batch, None))
        losses.sum().backward()
        results[name] = (losses.detach(), module.bank.theta.grad, module.bank.shift.grad)
    for ours, expected in zip(results["clustered"], results["whole"], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_contrast_is_that_of_the_saved_removal(sides):
    basis = basis_of(sides, temperature=0.5)
    module = module_of(basis, counts=(3,))
    with torch.no_grad():
        ours = module.bank.sentence_similarities(basis.neighbours(*(basis.express(side, mean_pool) for side in sides)))
    torch.testing.assert_close(ours[0].diagonal(), cosines(module.removal(0), sides), rtol=1e-4, atol=1e-5)


def test_learns_to_remove_each_clusters_noise(sides):
    """Scores see what is neither island nor noise; the leading component of each island has to go."""
    meaning = [torch.tensor(mean_pool(side))[:, 3:] for side in sides]
    score = torch.nn.functional.cosine_similarity(*meaning)
    names = tuple(f"text {i}" for i in range(TEXTS))
    pairs = ScoredPairs(names, names[::-1], score.double().numpy(), ("planted",) * TEXTS, {"planted": (-1.0, 1.0)})
    basis = basis_of(sides, D=1)
    expressed = [basis.express(side, mean_pool) for side in sides]
    data = PairDataModule((pairs, *expressed), (pairs, *expressed), basis, batch_size=TEXTS)
    module = RemovalModule(RemovalBank(basis, members([1], pulls=[0.001], learning_rates=[0.1])), MeanSquaredError())
    trainer = pl.Trainer(
        max_epochs=60,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    before = module.validation_scores(data.validation)[0]
    trainer.fit(module, data)
    assert (module.removal().weights > 0.6).all()
    assert module.validation_scores(data.validation)[0] > before + 0.1


def test_clusters_are_not_mixed(sides):
    with pytest.raises(ValueError, match="rank must be 0, got 2"):
        RemovalBank(basis_of(sides), members([1]), rank=2)


def test_texts_without_tokens_of_a_cluster_are_not_moved_by_it(sides):
    basis = basis_of(sides)
    near = basis.centroids[0].numpy()
    alone = TokenVectors(np.tile(near, (2, 1)), np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64))
    mass = basis.express(alone, mean_pool).mass[0].view(2, 3)
    assert mass.tolist() == [[1.0] * 3, [0.0] * 3]
