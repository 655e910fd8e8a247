"""Random probe vectors z with E zz' = I, for estimates of a trace."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.directions import haar_frames, normalised

__all__ = ["DISTRIBUTIONS", "Probes", "check_distribution", "draw_probes"]

DISTRIBUTIONS = ("orthonormal", "rademacher", "gaussian", "sphere")


@dataclass(frozen=True)
class Probes:
    """Vectors (m, d) float64; population d where they are axes of one random frame, None where they are independent.

    `products` is what they cost together. `sketch`, (k, d), are the vectors that Hutch++ spends on a subspace,
    independent of the others.
    """

    vectors: Tensor
    population: int | None
    products: int
    sketch: Tensor | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples in each independent block."""
        number = len(self.vectors)
        return (1,) * number if self.population is None else (number,)


def check_distribution(distribution: str) -> None:
    """Raise a ValueError for an unknown distribution."""
    if distribution not in DISTRIBUTIONS:
        accepted = ", ".join(map(repr, DISTRIBUTIONS))
        raise ValueError(f"distribution = {distribution!r} was given; accepted are {accepted}")


def draw_probes(distribution: str, number: int, dimension: int, generator: torch.Generator) -> Probes:
    """`number` probes in R^d.

    Orthonormal ones are axes of one Haar frame, of length sqrt(d), and at most d of them: a whole frame gives the trace
    exactly, so that more products than d are never needed.
    """
    if distribution == "orthonormal":
        number = min(number, dimension)
        return Probes(dimension**0.5 * haar_frames((number,), dimension, generator), dimension, number)
    if distribution == "rademacher":
        coins = torch.randint(0, 2, (number, dimension), generator=generator, device=generator.device)
        return Probes(coins.double() * 2 - 1, None, number)
    normal = torch.randn(number, dimension, generator=generator, dtype=torch.float64, device=generator.device)
    vectors = normal if distribution == "gaussian" else dimension**0.5 * normalised(normal)
    return Probes(vectors, None, number)
