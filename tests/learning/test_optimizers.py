"""Rows with learning rates of their own, beside torch's Adam one row at a time."""

import torch

from uncone.learning.optimizers import make_optimizer


def run(rates, rows, scale=1.0, steps=20):
    target = torch.linspace(-1, 1, 12).view(3, 4)[rows]
    parameter = torch.nn.Parameter(torch.zeros(len(rows), 4))
    optimizer = make_optimizer("adam", [{"params": [parameter], "scale": scale}], rates)
    for _ in range(steps):
        optimizer.zero_grad()
        (parameter - target).square().sum().backward()
        optimizer.step()
    return parameter.detach()


def test_every_row_moves_as_if_alone():
    rates = [0.1, 0.02, 0.005]
    together = run(rates, [0, 1, 2], scale=0.5)
    for row, rate in enumerate(rates):
        torch.testing.assert_close(together[row : row + 1], run([rate], [row], scale=0.5), rtol=1e-5, atol=1e-7)
    assert together[0].abs().max() > 5 * together[2].abs().max()
