"""What the conditional statistics share: the gap of the two branches and pure noise, the same for every image.

    gap      eps_gap = eps_c - eps_u = -sigma (s_c - s_u)
    noise    x = sqrt(alpha^2 + sigma^2) z,     z ~ N(0, I)

The noise is what samplers start with: as large as noised data of variance 1 at that level, `z` itself on a variance
preserving path. z is the same for all images, so what is asked there depends on an image by its condition alone: with
one condition for all images such a statistic ranks nothing. Where images have seeds of their own, z is of the seed: of
one condition the statistic then ranks noises.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.memorization.visit import Visit
from plaplace.models.levels import Level

__all__ = ["cosine", "highest", "pure_noise", "root_mean_square", "unit"]


def pure_noise(visit: Visit, level: Level) -> Tensor:
    """(b, D) `sqrt(alpha^2 + sigma^2) z`, float64; every row the same, or each of its image's seed."""
    return math.hypot(level.alpha, level.sigma) * visit.normal("noise", visit.dimension)


def highest(visit: Visit) -> Level:
    """The model's level of most noise that still has a signal."""
    return visit.model.levels.spread(2)[-1]


def root_mean_square(vectors: Tensor) -> Tensor:
    """`|v| / sqrt D` along the last axis: the length a coordinate, comparable across dimensions.

    >>> root_mean_square(torch.tensor([[3.0, 3.0], [0.0, 0.0]]))
    tensor([3., 0.])
    """
    return torch.linalg.vector_norm(vectors, dim=-1) / math.sqrt(vectors.shape[-1])


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle along the last axis, 0 where a vector is 0."""
    return torch.linalg.vecdot(unit(a), unit(b))


def unit(vectors: Tensor) -> Tensor:
    """Vectors over their lengths along the last axis; 0 stays 0."""
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / torch.where(length == 0, torch.ones_like(length), length)
