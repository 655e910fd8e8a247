"""How well one deterministic step is undone: the t-error of a DDIM inversion.

    x_0 -> .. -> x_i            10 steps up from the least level, the network's own noise in place of random noise
    x_i -> x_(i+1) -> x'_i      one step up and one down
    secmi                       -|x'_i - x_i|^2                                           12 evaluations

A step between levels is `x' = alpha' x0_hat + sigma' eps_hat`, `x0_hat = (x - sigma eps_hat)/alpha`. Up and down differ
by `-alpha_i (r' - r) (eps_hat(x_(i+1)) - eps_hat(x_i))`, r = sigma/alpha: the sign is minus because the answers of a
network that has memorized x_0 agree, `eps_hat` being constant along its own path.

It fails where the network is flat, which is undone as exactly: for a Gaussian of variance v the error is 0 both for
v -> 0 and for v -> infinity. It sees one direction, along the path, and none of the other D - 1.

12 levels equidistant in sigma from the least to the one asked for, the last of which is that of x_(i+1); so x_i lies
one step below. Fewer where a table has fewer, at one evaluation a level. The paper takes steps of 10 to t = 100 of its
table, where sigma is nearly linear in t, and goes one beyond. Its number: a squared length, growing as D.

Source: Duan, Kong, Wang, Shi, Xu, "Are diffusion models vulnerable to membership inference attacks?" (2023), arXiv
2302.01316: SecMI_stat.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit
from plaplace.models.levels import Level, Levels

__all__ = ["INVERSION", "LEVELS", "STATISTICS", "path", "secmi"]

LEVELS = 12


def path(levels: Levels, top: Level) -> list[Level]:
    """At most 12 levels from the least to `top`, equidistant in sigma.

    Raises:
        ValueError: `top` is the least level, or has no signal.

    >>> from plaplace.models import SigmaLevels
    >>> [round(each.sigma, 3) for each in path(SigmaLevels(0.1, 80.0), SigmaLevels().at(sigma=1.2))][::5]
    [0.1, 0.6, 1.1]
    """
    least = levels.level(levels.t_min)
    if not 0 < top.snr < least.snr:
        raise ValueError(f"{top} was given; secmi needs a level with signal above the least one, {least}")
    sigmas = torch.linspace(least.sigma, top.sigma, LEVELS, dtype=torch.float64).tolist()[1:-1]
    between = (levels.at(sigma=sigma) for sigma in sigmas)
    return list(dict.fromkeys([least, *(each for each in between if each.snr > top.snr), top]))


def inversion(visit: Visit) -> dict[str, Tensor]:
    """`|x'_i - x_i|^2`, (b,)."""
    chosen = path(visit.model.levels, visit.level)

    def step(x: Tensor, start: Level, end: Level) -> Tensor:
        eps = visit.epsilon(x[:, None], level=start)[:, 0]
        return end.alpha * (x - start.sigma * eps) / start.alpha + end.sigma * eps

    x = visit.x.double()
    for start, end in itertools.pairwise(chosen[:-1]):
        x = step(x, start, end)
    below, top = chosen[-2:]
    again = step(step(x, below, top), top, below)
    return {"error": (again - x).square().sum(1)}


INVERSION = Ingredient("inversion", inversion)


def secmi(probes: Probes) -> Tensor:
    """(B,) `-|x'_i - x_i|^2`."""
    return -probes.part("inversion")["error"]


STATISTICS = (Statistic("secmi", "SecMI", secmi, "Duan et al. 2023, arXiv 2302.01316", (), (INVERSION,)),)
