"""Samples from a score: the deterministic and stochastic DDIM steps, for any path of noise levels.

From `x_t = alpha x_0 + sigma eps` and its score s, `eps_hat = -sigma s` and `x0_hat = (x + sigma^2 s)/alpha`,
and the step to the next level (alpha', sigma') is

    x' = alpha' x0_hat + sqrt(sigma'^2 - tau^2) eps_hat + tau z,      z ~ N(0, I),

with `tau = eta sigma' sqrt(1 - (alpha sigma' / (alpha' sigma))^2)`. eta = 0 follows the probability-flow ODE, eta = 1
the ancestral sampler of DDPM. A level with alpha = 0 says nothing of x_0 by its score: it must be left out.

Source: Song, Meng, Ermon, "Denoising diffusion implicit models" (2021), equations 12 and 16, arXiv 2010.02502.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["ddim"]


@torch.no_grad()
def ddim(
    score: Callable[[Tensor, int], Tensor],
    levels: Sequence[tuple[float, float]],
    x: Tensor,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The data at the end of a path of noise levels.

    Args:
        score: (x, i) -> score of x at the i-th level of the path, shaped like x.
        levels: (alpha, sigma) from the most noise to the least, alpha > 0, sigma > 0; the step after the last goes to
            (1, 0).
        x: (B, *shape) at the first level, usually `sigma_0` times normal numbers.
        eta: 0 deterministic, up to 1 ancestral.
        generator: of z, on the CPU; used for eta > 0.

    Raises:
        ValueError: no levels, alpha or sigma not > 0, noise that grows along the path, eta outside [0, 1].

    >>> x = torch.tensor([[2.0]])                                # data N(0, 1): x / sqrt(1 + sigma^2) stays
    >>> path = [(1.0, 10.0 * 0.99**i) for i in range(1000)]
    >>> ddim(lambda x, i: -x / (1 + path[i][1] ** 2), path, 10 * x).round(decimals=1)
    tensor([[2.]])
    """
    if not levels or not all(alpha > 0 and sigma > 0 for alpha, sigma in levels):
        raise ValueError(f"levels = {list(levels)[:3]} .. was given; accepted are pairs with alpha > 0 and sigma > 0")
    ratios = [sigma / alpha for alpha, sigma in levels]
    if any(after >= before for before, after in itertools.pairwise(ratios)):
        raise ValueError(
            "levels was given with sigma / alpha not decreasing; accepted is from the most noise to the least"
        )
    if not 0 <= eta <= 1:
        raise ValueError(f"eta = {eta} was given; accepted are numbers in [0, 1]")
    for index, (alpha, sigma) in enumerate(levels):
        next_alpha, next_sigma = levels[index + 1] if index + 1 < len(levels) else (1.0, 0.0)
        s = score(x, index)
        clean = (x + sigma**2 * s) / alpha
        tau = eta * next_sigma * math.sqrt(max(0.0, 1 - (alpha * next_sigma / (next_alpha * sigma)) ** 2))
        x = next_alpha * clean - math.sqrt(next_sigma**2 - tau**2) * sigma * s
        if tau > 0:
            z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
            x = x + tau * z.to(x.device)
    return x
