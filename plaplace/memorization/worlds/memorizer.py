"""World 1: a model that has memorized its training set by construction, with everything about it exact.

    q = (1 - w) population + w KDE(training points, h)

The score at a noise level is that of the noised mixture, its derivative the exact Hessian product. The weight w and the
width h of the peaks are the dials of difficulty:

    memorizer        w = 0.003, h^2 = 0.16    the exact 1- and 2-Laplacian tell members from non-members
    memorizer-hard   w = 0.003, h^2 = 0.25    peaks so wide that the exact 1-Laplacian does not

Level sigma = 0.05, so that the probes stay within a peak (R = 0.14, h = 0.4); chosen on seed 100.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plaplace.memorization.worlds.bed import Bed, Progress, World, task
from plaplace.memorization.worlds.population import draws, population
from plaplace.mixture import GaussianMixture
from plaplace.models import NetworkModel, SigmaLevels, from_score

__all__ = ["HARD", "MEMORIZER", "beds", "exact_model", "memorizing_mixture"]

SIGMAS = (0.02, 0.05, 0.1, 0.2, 0.4)
MAIN = 0.05


def memorizing_mixture(points: Tensor, weight: float, variance: float) -> GaussianMixture:
    """`(1 - w) population + w KDE`, w of weight and h^2 the variance of a peak."""
    peaks = GaussianMixture.kernel_density(points, math.sqrt(variance))
    return GaussianMixture.mix([(1 - weight, population()), (weight, peaks)])


class _ExactScore(torch.autograd.Function):
    """Score of a mixture; backward multiplies by its Hessian."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mixture: GaussianMixture) -> Tensor:
        ctx.save_for_backward(x)
        ctx.mixture = mixture
        score: Tensor = mixture.score(x)
        return score

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return torch.einsum("bij,bj->bi", ctx.mixture.hessian(x), gradient), None


def exact_model(mixture: GaussianMixture) -> NetworkModel:
    """The mixture as a model at levels alpha = 1, sigma from 0.01 to 10."""
    noised: dict[float, GaussianMixture] = {}

    def score(x: Tensor, t: Tensor) -> Tensor:
        sigma = float(t[0])
        if sigma not in noised:
            noised[sigma] = mixture.noised(1.0, sigma)
        result: Tensor = _ExactScore.apply(x, noised[sigma])  # type: ignore[no-untyped-call]
        return result

    return from_score(score, (mixture.dimension,), SigmaLevels(0.01, 10.0), name="exact mixture")


def beds(name: str, weight: float, variance: float, seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
    """One bed: 512 members, 1,024 non-members, 4,096 for calibration."""
    number, others, calibration = (32, 48, 96) if quick else (512, 1024, 4096)
    members, fresh, null = draws(seed, number, others, calibration)
    mixture = memorizing_mixture(members, weight, variance)
    model = exact_model(mixture)
    levels = tuple(model.levels.at(sigma=sigma) for sigma in SIGMAS)
    level = model.levels.at(sigma=MAIN)
    images = torch.cat([members, fresh])
    progress(1, 1)
    yield Bed(
        name,
        f"exact memorizer, {number} points, weight {weight:g}, peaks of variance {variance:g}",
        seed,
        0,
        model,
        images,
        ("member",) * number + ("population",) * others,
        null,
        members,
        torch.ones(number, dtype=torch.int64),
        level,
        levels,
        task("member", "population"),
        exact=_exact(mixture.noised(level.alpha, level.sigma), level.alpha * images),
    )


def _exact(mixture: GaussianMixture, x: Tensor) -> dict[str, Tensor]:
    exponents = (1.0, 1.5, 2.0, 3.0)
    operators = -mixture.p_laplacian(x, exponents)
    found = {f"exact_{p:g}": operators[:, i] for i, p in enumerate(exponents)}
    return {**found, "exact_log_density": mixture.log_prob(x), "exact_score_norm": -mixture.score(x).norm(dim=1)}


def _world(name: str, title: str, weight: float, variance: float) -> World:
    def build(seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
        return beds(name, weight, variance, seed, quick, progress)

    return World(name, title, tuple(range(5)), (0,), build)


MEMORIZER = _world("memorizer", "Exact memorizer", 0.003, 0.16)
HARD = _world("memorizer-hard", "Exact memorizer, wide peaks", 0.003, 0.25)
