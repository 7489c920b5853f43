"""A table whose geometry is known: words that mean something, and, if asked for, a cone that hides it."""

import numpy as np
import torch

from uncone.data.pairs import ScoredPairs
from uncone.encoder import TableEncoder

WORDS, DIMENSION = 600, 24


def table_encoder(cone: float, seed: int = 0) -> TableEncoder:
    """Isotropic meanings, plus a common offset and one direction along which words differ for no reason.

    Args:
        cone: length of both, in units of a coordinate's deviation; 0 for none.
        seed: of the meanings.
    """
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((WORDS, DIMENSION))
    axis = np.eye(DIMENSION)[0]
    X = X - np.outer(X @ axis, axis)  # no meaning along it
    if cone:
        X = X + cone * np.outer(1 + generator.standard_normal(WORDS), axis)
    words = [f"w{i}" for i in range(WORDS)]
    row = {word: i for i, word in enumerate(words)}
    return TableEncoder(
        torch.tensor(X, dtype=torch.float32),
        words,
        lambda texts: [[row[word] for word in text.split()] for text in texts],
        "planted",
        f"{cone}",
        layers="words",
    )


def judged(texts1, texts2, encoder: TableEncoder, name: str, noise: float, seed: int) -> ScoredPairs:
    """Pairs scored by the cosine of what they mean, as people who err a little would."""
    meaning = [encoder.encode(texts)[:, 1:] for texts in (texts1, texts2)]
    one, two = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in meaning)
    score = (one * two).sum(1) + noise * np.random.default_rng(seed).standard_normal(len(texts1))
    return ScoredPairs(tuple(texts1), tuple(texts2), score, (name,) * len(score))


def pairs_of(encoder: TableEncoder, words: int = 250, sentences: int = 200) -> tuple[ScoredPairs, ScoredPairs]:
    """Word pairs, and pairs of sentences of three words."""
    generator = np.random.default_rng(1)
    first, second = generator.integers(WORDS, size=(2, words))
    second = np.where(first == second, (second + 1) % WORDS, second)
    of_words = judged([f"w{i}" for i in first], [f"w{i}" for i in second], encoder, "planted words", 0.1, 2)
    texts = [[" ".join(f"w{i}" for i in row) for row in generator.integers(WORDS, size=(sentences, 3))] for _ in "ab"]
    return of_words, judged(*texts, encoder, "planted sentences", 0.1, 3)
