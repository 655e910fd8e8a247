"""How long the predicted noise is where there is none: one evaluation at the image itself.

    score_norm    -|eps_hat(alpha x_0, t)| / sqrt D         1 evaluation
    sima          -|eps_hat(x_0, t)|_4                      1 evaluation

At the image the noise is 0, and a network that has memorized x_0 says so: `eps_hat = (x - alpha x_0) / sigma` vanishes
at alpha x_0. Where the data spread along some directions, the score pulls along them to where there are more, so the
sign is minus. On the sphere (`sphere_norm`) no one sign serves.

SimA asks at x_0, not scaled by alpha, as its authors' code does, and takes the 4-norm, which weighs the largest pixels;
it is the paper's number and grows as D^(1/4). Where alpha is near 1 the two ask at nearly the same point; where it is
not, a memorizing network answers `(1 - alpha) x_0 / sigma`, so that SimA measures the length of the image.

They fail for every image at a peak of its own or on a plateau: the mean of a smooth cluster has s = 0 too, memorized or
not. No product is taken, so nothing is known of how sharp the peak is.

Source of SimA: Rao, Qu, Moyer, "Score-based membership inference on diffusion models" (2025), arXiv 2509.25003.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.memorization.formulas.branches import root_mean_square
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["CENTRE", "CLEAN", "STATISTICS", "four_norm", "score_norm", "sima"]


def four_norm(vectors: Tensor) -> Tensor:
    """`(sum v_i^4)^(1/4)` along the last axis.

    >>> four_norm(torch.tensor([[1.0, 0.0], [2.0, 2.0]])).round(decimals=4)
    tensor([1.0000, 2.3784])
    """
    return torch.linalg.vector_norm(vectors, 4, dim=-1)


def at_centre(visit: Visit) -> dict[str, Tensor]:
    """`|eps_hat(alpha x_0)| / sqrt D`, (b,)."""
    return {"norm": root_mean_square(visit.epsilon(visit.centre[:, None])[:, 0])}


def at_image(visit: Visit) -> dict[str, Tensor]:
    """`|eps_hat(x_0)|_4`, (b,)."""
    return {"norm": four_norm(visit.epsilon(visit.x[:, None])[:, 0])}


CENTRE = Ingredient("centre", at_centre)
CLEAN = Ingredient("clean", at_image)


def score_norm(probes: Probes) -> Tensor:
    """(B,) `-|eps_hat(alpha x_0)| / sqrt D = -sigma |s| / sqrt D`."""
    return -probes.part("centre")["norm"]


def sima(probes: Probes) -> Tensor:
    """(B,) `-|eps_hat(x_0, t)|_4`."""
    return -probes.part("clean")["norm"]


STATISTICS = (
    Statistic("score_norm", "score norm at the image", score_norm, "control", (), (CENTRE,)),
    Statistic("sima", "SimA", sima, "Rao, Qu, Moyer 2025, arXiv 2509.25003", (), (CLEAN,)),
)
