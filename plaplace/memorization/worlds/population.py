"""The population of the d = 8 membership study: `1/2 N(1, I) + 1/2 N(-1, I)`, 1 the vector of ones.

Source: Verma et al. (2026), arXiv 2610.11670.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture

__all__ = ["DIMENSION", "draws", "population"]

DIMENSION = 8


def population() -> GaussianMixture:
    """The mixture, float64.

    >>> population()
    GaussianMixture(K=2, D=8, spherical, float64)
    """
    one = torch.ones(1, DIMENSION, dtype=torch.float64)
    return GaussianMixture(torch.full((2,), 0.5).double(), torch.cat([one, -one]), torch.ones(2).double())


def draws(seed: int, *numbers: int) -> list[Tensor]:
    """Independent samples of those sizes, (n, 8) float64: members, non-members, calibration points."""
    generator = torch.Generator().manual_seed(seed)
    q = population()
    return [q.sample(number, generator) for number in numbers]
