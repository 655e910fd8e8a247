"""Sampling until the standard error is small enough, row by row.

Blocks are drawn in rounds. After each round every row is judged by itself: it stops once its standard errors (all p)
are at most the tolerance, or once a score was not finite, and is left out of later calls; the cap ends the rest. All
rows see the same blocks in the same order, so that a row's result does not depend on its company.

Stopping on an estimated error favours the moments when it is too small. A round therefore has at least `LEAST_BLOCKS`
independent blocks; 95% intervals then covered 88% to 96% where 300 runs each were counted, fixed numbers 91% to 97%.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LEAST_BLOCKS", "Sequential", "until"]

LEAST_BLOCKS = 8

# which rows -> block means (b, J, P) and non-finite counts (b,)
Round = Callable[[Tensor], tuple[Tensor, Tensor]]


class Sequential(NamedTuple):
    """Mean and standard error (B, P), blocks drawn, rounds done and non-finite scores, each (B,)."""

    mean: Tensor
    standard_error: Tensor
    blocks: Tensor
    rounds: Tensor
    nonfinite: Tensor


def until(
    round_of: Round,
    number: int,
    num_powers: int,
    tolerance: float,
    most_rounds: int,
    device: torch.device,
    population: int | None = None,
) -> Sequential:
    """Rounds of blocks until every one of `number` rows is done or `most_rounds` are over.

    The blocks are independent and equally large, or, with a `population`, exchangeable members of it: their mean then
    has the variance `(S^2/J)(1 - J/population)` (see `plaplace.directions`).
    """
    blocks = torch.zeros(number, dtype=torch.int64, device=device)
    rounds, nonfinite = blocks.clone(), blocks.clone()
    mean = torch.zeros(number, num_powers, dtype=torch.float64, device=device)
    squares, error = mean.clone(), mean + torch.inf
    active = torch.arange(number, device=device)
    for _ in range(most_rounds):
        if not len(active):
            break
        values, bad = round_of(active)
        new, old = values.shape[1], int(blocks[active[0]])  # active rows have all seen the same blocks
        total = old + new
        # pairwise update of mean and sum of squares: Chan, Golub, LeVeque (1979)
        fresh = values.mean(1)
        gap = fresh - mean[active]
        squares[active] += (values - fresh[:, None]).square().sum(1) + gap.square() * (old * new / total)
        mean[active] += gap * (new / total)
        left = 1.0 if population is None else 1 - total / population
        error[active] = (squares[active] / max(1, total - 1) / total * left).sqrt()
        blocks[active] = total
        rounds[active] += 1
        nonfinite[active] += bad
        # NaN without a non-finite score: the operator itself has no value there, and more blocks give it none
        done = ((error[active] <= tolerance) | error[active].isnan()).all(1) | (bad > 0)
        active = active[~done]
    return Sequential(mean, error, blocks, rounds, nonfinite)
