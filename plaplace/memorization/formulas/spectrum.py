"""The least and the greatest curvature over all directions at the image, by a few steps of Lanczos.

    least_curvature       least eigenvalue of -sigma^2 H at alpha x_0        3 x 8 evaluations, fewer for D < 8
    greatest_curvature    greatest                                           the same

A memorized point is curved in every direction: the least eigenvalue of `-sigma^2 H` is near 1. With k >= 1 tangent
directions it is near 0 however many others there are, so the least curvature asks whether any direction is still open.
The greatest is at most 1, and reaches it as soon as one direction is fixed: it separates only while nothing is, at
large sigma or early in training. Larger is memorized for both.

Rayleigh-Ritz on the Krylov space of J (eps_hat's Jacobian, `sigma J = -sigma^2 H`) from one random start with full
reorthogonalisation: eigenvalues of `Q'JQ`, symmetrised, since a learned J is not symmetric. After
8 of D steps they lie inside the spectrum of (J + J')/2: the least is too large, the greatest too small, by little where
an eigenvalue stands apart and by much in a dense spectrum; exact for at most 8 different eigenvalues. A few open ones
among thousands of fixed directions are found only if the gap is clear. Where the space is exhausted a fresh random
direction goes on. The network is asked anew at each step: 1 and the product's 2.

Sources: Lanczos (1950); Parlett, "The symmetric eigenvalue problem" (1980), chapters 11 and 13.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.memorization.formulas.branches import unit
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["SPECTRUM", "STATISTICS", "STEPS", "greatest_curvature", "least_curvature"]

STEPS = 8
_EXHAUSTED = 1e-12  # what is left of a product, relative, when the space holds all of it


def spectrum(visit: Visit) -> dict[str, Tensor]:
    """Ritz values of `-sigma^2 H`, ascending, (b, min(8, D)); NaN for images with an answer that is not finite."""
    number, count = len(visit.x), min(STEPS, visit.dimension)
    fresh = visit.normal("lanczos", count, visit.dimension)
    basis = fresh.new_zeros(number, 0, visit.dimension)
    products, following = basis, fresh[:, 0]
    for step in range(count):
        basis = torch.cat([basis, _next(basis, following, fresh[:, step])[:, None]], 1)
        _, pulled = visit.products(visit.centre, basis[:, -1:])
        products, following = torch.cat([products, pulled], 1), pulled[:, 0]
    small = visit.level.sigma * basis @ products.mT
    spoilt = ~small.isfinite().all(2).all(1)
    small = small.masked_fill(spoilt[:, None, None], 0)
    values = torch.linalg.eigvalsh((small + small.mT) / 2)
    return {"values": values.masked_fill(spoilt[:, None], torch.nan)}


def _next(basis: Tensor, vector: Tensor, fresh: Tensor) -> Tensor:
    """`vector` (b, D) orthogonal to the basis (b, j, D) and of length 1, or `fresh` (b, D) where nothing is left."""
    left = _orthogonal(basis, vector)
    lost = torch.linalg.vector_norm(left, dim=1) <= _EXHAUSTED * torch.linalg.vector_norm(vector, dim=1)
    left = torch.where(lost[:, None], _orthogonal(basis, fresh), left)
    return unit(_orthogonal(basis, unit(left)))  # a second time, for rounding


def _orthogonal(basis: Tensor, vector: Tensor) -> Tensor:
    return vector - ((basis @ vector[:, :, None]).mT @ basis)[:, 0]


SPECTRUM = Ingredient("spectrum", spectrum)


def least_curvature(probes: Probes) -> Tensor:
    """(B,) least Ritz value of `-sigma^2 H`, an upper bound of its least eigenvalue."""
    return probes.part("spectrum")["values"][:, 0]


def greatest_curvature(probes: Probes) -> Tensor:
    """(B,) greatest Ritz value of `-sigma^2 H`, a lower bound of its greatest eigenvalue."""
    return probes.part("spectrum")["values"][:, -1]


_SOURCE = "Jeon, Kim, No 2025, arXiv 2412.04140 (eigenvalues); Lanczos 1950"

STATISTICS = (
    Statistic("least_curvature", "least curvature", least_curvature, _SOURCE, (), (SPECTRUM,)),
    Statistic("greatest_curvature", "greatest curvature", greatest_curvature, _SOURCE, (), (SPECTRUM,)),
)
