"""The jackknife over directions: how much a number would differ had other directions been drawn.

Leave out each of K units in turn, compute the number anew, and of these theta_u

    Var = (K - 1)/K sum_u (theta_u - mean theta)^2,

the usual standard error where the number is a mean, and its first order where it is a smooth function of means. Units
are the independent blocks of the directions. A single block of J axes of a frame of D is judged by the finite
population it samples, as `directions.summarise` does: units are its pairs, and the variance is times 1 - J/D, 0 for a
whole frame. It covers what a linear and a quadratic field make, and nothing of what is curved beyond that.

Sources: Efron, "The jackknife, the bootstrap and other resampling plans" (1982), chapter 3; finite population: Cochran,
"Sampling techniques" (1977), sections 2.6 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from plaplace.directions import Directions

__all__ = ["error_of", "means_without", "units"]


def units(structure: Directions) -> tuple[int, ...]:
    """Samples (pairs, of paired directions) in each unit of one round."""
    sizes = structure.sizes
    return sizes if len(sizes) > 1 else (1,) * sizes[0]


def means_without(samples: Tensor, sizes: Sequence[int]) -> Tensor:
    """Means over axis 1 of samples (B, J, ...) without each unit in turn, (B, K, ...); NaN where nothing is left.

    >>> means_without(torch.tensor([[1.0, 2.0, 6.0]]), (1, 1, 1)).tolist()
    [[4.0, 3.5, 1.5]]
    """
    parts = samples.split(list(sizes), 1) if max(sizes) > 1 else ()
    own = torch.stack([each.sum(1) for each in parts], 1) if parts else samples
    left = samples.shape[1] - torch.tensor(sizes, dtype=samples.dtype, device=samples.device)
    return (samples.sum(1, keepdim=True) - own) / left.reshape(-1, *(1,) * (samples.ndim - 2))


def error_of(left_out: Tensor, structure: Directions) -> Tensor:
    """(B,) standard error of a number, from what it is without each unit (B, K); inf where there is one unit alone.

    >>> from plaplace.directions import draw
    >>> error_of(torch.tensor([[4.0, 2.0]]), draw("antithetic", 4, 3)).tolist()
    [1.0]
    >>> error_of(torch.tensor([[4.0, 2.0]]), draw("frame", 4, 4)).square()
    tensor([0.5000])
    """
    number, sizes = left_out.shape[1], structure.sizes
    share = 0.0
    if len(sizes) == 1 and structure.population is not None:
        share = sizes[0] / structure.population
    if share >= 1:
        return left_out.new_zeros(len(left_out))
    if number == 1:
        return left_out.new_full((len(left_out),), math.inf)
    spread = (left_out - left_out.mean(1, keepdim=True)).square().sum(1)
    return ((1 - share) * (number - 1) / number * spread).sqrt()
