"""The sweep of Liang et al. 2021 as one bank, beside a plain PyTorch loop that trains one removal at a time.

    python benchmarks/sweep.py [--encoder FOLDER] [--epochs 200] [--timed-epochs 2] [--whole 3 20]

768 dimensions, 7703 pairs, 40 numbers of components, 200 epochs in batches of 32, Adam at 2e-4, gradients clipped at 1:
the setting of the paper, with the vectors of an encoder and the paper's pairs where `--encoder` and UNCONE_DATA name
them, else with random ones of the same shape. Both sides run on one thread, from the same initial weights.

- bank: the 40 members in one `RemovalModule` under Lightning, all epochs, from expressing the pairs in the basis to the
  last step: the same steps as those of the plain loop;
- bank, second order: the same 40 members by L-BFGS on all pairs at once, 10 epochs of 20 iterations, to the optimum
  that the small steps of the others approach;
- plain loop: a DataLoader over pairs of vectors; e − Σ w_i (u_i·e) u_i for both sides, cosine, squared error. The
  vectors stand ready, which favours it. It is timed for a few epochs of every tenth number of components, and the time
  of all 40 is read off a straight line in D; for the numbers named by `--whole` it runs to the end, and its final loss
  is compared.

What bounds it. A step of the plain loop takes 2 · 2 · 2 · 32 · 768 · D ≈ 0.2 D million operations forward, and some
hundred small operations that PyTorch has to start, at about 10 µs each with their gradients: 1 to 2 ms, 48 200 times
for each of 40 numbers. A step of the bank is one product of (96 × 200) with (200 × 40), 1.5 million operations forward
and as many backward, and some fifty small operations, for all 40 at once: it is bound by starting operations as well,
and there are as many steps. L-BFGS takes some 220 evaluations of one product of (23 109 × 200) with (200 × 40), 370
million operations forward and as many backward: 25 ms each at 30 Gflop/s, bound by arithmetic.
"""

import argparse
import logging
import os
import time
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cosine_similarity
from torch.utils.data import DataLoader, TensorDataset

from uncone.data.pairs import ScoredPairs
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis, TrainingBatch
from uncone.learning.batches import PairDataModule
from uncone.learning.fit import quiet_trainer
from uncone.learning.module import RemovalModule
from uncone.learning.recipe import Recipe
from uncone.removal.spectrum import Spectrum

NUMBERS = [*range(1, 21), 25, 30, 35, 40, *range(50, 201, 10)]
DIMENSION, PAIRS, BATCH, RATE, CLIP = 768, 7703, 32, 2e-4, 1.0
SECOND_ORDER_EPOCHS = 10  # of 20 iterations each
PROBED = NUMBERS[::10]


def random_pairs() -> tuple[torch.Tensor, ScoredPairs, torch.Tensor, torch.Tensor]:
    """A table in a cone, and scored pairs of its rows."""
    generator = torch.Generator().manual_seed(0)
    scales = torch.arange(1, DIMENSION + 1) ** -0.4
    table = torch.randn(10_000, DIMENSION, generator=generator) * scales + 2 * scales
    i, j = torch.randint(0, len(table), (2, PAIRS), generator=generator)
    first = table[i]
    second = 0.5 * first + 0.5 * table[j]
    scores = cosine_similarity(first[:, 3:], second[:, 3:]).double().numpy()
    names = tuple(f"pair {row}" for row in range(PAIRS))
    return table, ScoredPairs(names, names, scores, ("random",) * PAIRS, {"random": (-1.0, 1.0)}), first, second


def real_pairs(folder: str) -> tuple[torch.Tensor, ScoredPairs, torch.Tensor, torch.Tensor]:
    """The input table of an encoder, and the paper's training pairs."""
    from uncone.data.pair_sets import load_word_pairs
    from uncone.encoder import Encoder

    encoder = Encoder.from_pretrained(folder, layers="static", pooling="sum")
    pairs = load_word_pairs(["liang_train"], os.environ.get("UNCONE_DATA"))
    first, second = (torch.from_numpy(encoder.encode(side)) for side in (pairs.text1, pairs.text2))
    return torch.as_tensor(encoder.table), pairs, first, second


def bank(
    basis: Basis,
    pairs: ScoredPairs,
    first: torch.Tensor,
    second: torch.Tensor,
    optimizer: str,
    epochs: int,
    rates: Sequence[float] = (RATE,),
    accelerator: str = "cpu",
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Initial weights (m, 200) of the bank, its final losses (m,), and seconds; m = 40 × learning rates."""
    start = time.perf_counter()
    scores = torch.tensor(pairs.scaled_score, dtype=torch.float32)
    given = basis.pairs(first, second, scores, torch.zeros(len(pairs), dtype=torch.long))
    clip, batch_size = (CLIP, BATCH) if optimizer == "adam" else (None, None)
    data = PairDataModule(TrainingBatch(given, None), None, batch_size)
    learned = RemovalBank(basis, members(NUMBERS, pulls=[0.0], learning_rates=list(rates)), "paper")
    module = RemovalModule(learned, Recipe.named("paper").but(optimizer={"name": optimizer, "gradient_clip": clip}))
    initial = learned.theta.detach().clone()
    quiet_trainer(max_epochs=epochs, accelerator=accelerator).fit(module, data)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        losses = module.objective(learned.similarities(given), given.score, given.dataset)
    return initial, losses, seconds


def plain(D: int, w: torch.Tensor, U: torch.Tensor, data: TensorDataset, epochs: int) -> tuple[float, float]:
    """Final loss of the plain loop for one number of components, and seconds an epoch."""
    w = w[:D].clone().requires_grad_()
    u = U[:, :D].contiguous()
    optimizer = torch.optim.Adam([w], lr=RATE)

    def similarity(e1: torch.Tensor, e2: torch.Tensor) -> torch.Tensor:
        return cosine_similarity(e1 - ((e1 @ u) * w) @ u.T, e2 - ((e2 @ u) * w) @ u.T)

    start = time.perf_counter()
    for _ in range(epochs):
        for e1, e2, score in DataLoader(data, BATCH, shuffle=True, generator=torch.Generator().manual_seed(0)):
            optimizer.zero_grad()
            (similarity(e1, e2) - score).square().mean().backward()
            torch.nn.utils.clip_grad_norm_([w], CLIP)
            optimizer.step()
    seconds = (time.perf_counter() - start) / epochs
    e1, e2, score = data.tensors
    with torch.no_grad():
        return float((similarity(e1, e2) - score).square().mean()), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", help="folder of a 768-dimensional model")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--timed-epochs", type=int, default=2)
    parser.add_argument("--whole", type=int, nargs="*", default=[3, 20])
    arguments = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    table, pairs, first, second = real_pairs(arguments.encoder) if arguments.encoder else random_pairs()
    basis = Basis.of(Spectrum.fit(table), max(NUMBERS), centred=False)
    scores = torch.tensor(pairs.scaled_score, dtype=torch.float32)
    data = TensorDataset(first, second, scores)
    U = basis.components.float()

    initial, losses, bank_seconds = bank(basis, pairs, first, second, "adam", arguments.epochs)
    _, optima, second_order_seconds = bank(basis, pairs, first, second, "lbfgs", SECOND_ORDER_EPOCHS)
    timed = {D: plain(D, initial[-1], U, data, arguments.timed_epochs)[1] for D in PROBED}
    slope, base = np.polyfit(list(timed), list(timed.values()), 1)
    plain_seconds = arguments.epochs * sum(base + slope * D for D in NUMBERS)
    print(f"{len(pairs)} pairs of {table.shape[1]} dimensions, {len(NUMBERS)} numbers of components, one thread")
    print(f"bank: {arguments.epochs} epochs in {bank_seconds:.1f} s")
    print(f"bank by second order: {SECOND_ORDER_EPOCHS} epochs in {second_order_seconds:.1f} s")
    shown = ", ".join(f"D = {D}: {seconds:.2f} s" for D, seconds in timed.items())
    print(f"plain loop, {arguments.timed_epochs} epochs timed, an epoch of {shown}")
    print(f"plain loop, {arguments.epochs} epochs of all {len(NUMBERS)}, extrapolated: {plain_seconds:.0f} s")
    print(f"ratio: {plain_seconds / bank_seconds:.0f} for the bank", end=", ")
    print(f"{plain_seconds / second_order_seconds:.0f} for the bank by second order")
    print(f"final losses of the two banks differ by {float((losses - optima).abs().max()):.1e} at most")
    for D in arguments.whole:
        loss, _ = plain(D, initial[-1], U, data, arguments.epochs)
        ours, optimum = (float(each[NUMBERS.index(D)]) for each in (losses, optima))
        print(f"final loss, D = {D}: bank {ours:.5f}, by second order {optimum:.5f}, plain loop {loss:.5f}")


if __name__ == "__main__":
    main()
