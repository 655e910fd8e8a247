"""Batches of bounded memory: the peak as one counts it by hand, and the same scores however points are cut."""

import functools

import pytest
import torch
from torch import nn

from plaplace import estimators, models
from plaplace.models import Precision, SigmaLevels
from plaplace.models.memory import peak_bytes, rows_within
from tests.small_networks import generator


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


class Perceptron(nn.Module):
    """4 -> 32 -> 32 -> 4; the step in time is left out."""

    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Linear(4, 32), nn.Linear(32, 4)
        self.batches = []

    def forward(self, x, t):
        self.batches.append(len(x))
        return self.leave(torch.relu(self.enter(x)))


def perceptron():
    torch.manual_seed(0)
    return Perceptron()


# float32: x, and at the relu its input and its output of 32 numbers each
A_POINT = 4 * (4 + 32 + 32)


def test_the_peak_is_what_one_counts_by_hand():
    network = perceptron()
    for number in (1, 2, 7):
        assert peak_bytes(lambda x: network(x, None), normal(number, 4)) == number * A_POINT
    # views and changes in place take nothing, what is dropped is given back
    assert peak_bytes(lambda x: x[:, :2].t().add_(1), normal(3, 4)) == 48
    assert peak_bytes(lambda x: (x + 1) + 1, normal(3, 4)) == 3 * 48
    assert peak_bytes(lambda x: functools.reduce(lambda y, _: y + 1, range(50), x), normal(3, 4)) == 3 * 48
    assert peak_bytes(lambda x: torch.stack([x + k for k in range(5)]), normal(3, 4)) == 48 * (1 + 5 + 5)


def test_as_many_rows_as_fit():
    network, x = perceptron(), normal(1, 4)
    for budget, rows in ((1, 1), (A_POINT - 1, 1), (A_POINT, 1), (7 * A_POINT, 7), (8 * A_POINT - 1, 7)):
        assert rows_within(lambda z: network(z, None), x, budget) == rows


def test_a_cost_of_the_call_does_not_break_the_budget():
    def call(z):
        table = torch.zeros(1000)  # 4,000 bytes, given back before the points' own peak
        shift = table[0].clone()
        del table
        for _ in range(3):
            z = torch.cat([z, z + shift])
        return z

    assert peak_bytes(call, normal(1, 4)) > 4000
    for budget in (5_000, 50_000, 500_000):
        rows = rows_within(call, normal(1, 4), budget)
        assert peak_bytes(call, normal(rows, 4)) <= budget


@pytest.mark.parametrize("budget", [1, 1000, 5000, 100_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_are_as_long_as_the_budget_allows(dtype, budget):
    network = perceptron().to(dtype)
    plain = models.from_score(network, (4,), SigmaLevels())
    model = models.from_score(network, (4,), SigmaLevels(), precision=Precision(memory=budget))
    x = normal(50, 4, dtype=dtype)
    wanted = plain.score(x, 1.0)
    model.score(x[:2], 1.0)  # measured once
    network.batches.clear()
    unit = torch.finfo(dtype).eps
    torch.testing.assert_close(model.score(x, 1.0), wanted, rtol=50 * unit, atol=50 * unit)
    batches = list(network.batches)
    assert sum(batches) == 50 and len(set(batches[:-1])) <= 1

    def peak(number):
        return peak_bytes(
            lambda z: plain._one(z, plain.levels.at(sigma=1.0), plain.conditions.prepare(None)), x[:number]
        )

    assert batches[0] == 1 or peak(batches[0]) <= budget
    assert batches[0] == 50 or peak(batches[0] + 1) > budget


def test_the_measure_is_taken_once_for_a_type():
    network = perceptron()
    model = models.from_score(
        lambda x, t: network(x.float(), t).to(x), (4,), SigmaLevels(), precision=Precision(memory=900)
    )
    for dtype, calls in ((torch.float32, 1), (torch.float64, 1), (torch.float32, 0)):
        network.batches.clear()
        model.score(normal(2, 4, dtype=dtype), 1.0)
        assert len(network.batches) - calls in (1, 2), network.batches
    network.batches.clear()
    model.score(normal(1, 4), 1.0)  # one point is never cut, and never measured
    assert network.batches == [1]
    assert model.score(normal(0, 4), 1.0).shape == (0, 4)


def test_derivatives_pass_through_the_batches():
    network = perceptron().double()
    model = models.from_score(network, (4,), SigmaLevels(), precision=Precision(memory=1200))
    plain = models.from_score(network, (4,), SigmaLevels())
    x = normal(9, 4, dtype=torch.float64)
    for mode in ("reverse", "forward"):
        got, wanted = (
            estimators.hutchinson(
                models.unconditional(m, 1.0), x, [1.0, 2.0], num_probes=3, mode=mode, generator=generator(1)
            )
            for m in (model, plain)
        )
        torch.testing.assert_close(got.value, wanted.value, rtol=1e-10, atol=1e-12)
    assert max(network.batches) == 9 and min(network.batches) <= 2
