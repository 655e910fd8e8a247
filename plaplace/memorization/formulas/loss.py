"""How well the network predicts the noise, and how long its prediction is: the controls of every comparison.

    denoising loss     -mean |eps_hat - eps|^2 / D,   eps = (R/sigma) n
    sphere norm        mean |eps_hat| / sqrt D

Both are functions of the flux's own probes: `|eps_hat - eps|^2 = |eps_hat|^2 - 2 (R/sigma) eps_hat.n + (R/sigma)^2`. In
the linear-Gaussian model with k tangent directions at R = sigma sqrt(D) the network predicts the normal part of the
noise exactly and nothing of the tangent part: the loss is k/D, the norm sqrt((D-k)/D) but for sampling.
"""

from __future__ import annotations

import math

from torch import Tensor

from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Statistic

__all__ = ["STATISTICS", "denoising_loss", "sphere_norm"]


def loss_samples(probes: Probes) -> Tensor:
    """(B, m) minus the squared error of the predicted noise, a coordinate."""
    length = probes.noise
    return -(probes.norm.square() - 2 * length * probes.radial + length**2) / probes.dimension


def denoising_loss(probes: Probes) -> Tensor:
    """(B,) `-mean |eps_hat - eps|^2 / D` over the sphere's noise."""
    return probes.mean(loss_samples(probes)).mean


def norm_samples(probes: Probes) -> Tensor:
    """(B, m) length of the predicted noise, over sqrt D."""
    return probes.norm / math.sqrt(probes.dimension)


def sphere_norm(probes: Probes) -> Tensor:
    """(B,) `mean |eps_hat| / sqrt D`: 1 around a memorized point, less where the data spread along directions of
    their own. At the point itself the sign is the other one: see `score_norm`."""
    return probes.mean(norm_samples(probes)).mean


STATISTICS = (
    Statistic(
        "denoising_loss", "denoising loss", denoising_loss, "Ho et al. 2020, the training loss", samples=loss_samples
    ),
    Statistic("sphere_norm", "norm on the sphere", sphere_norm, "control", samples=norm_samples),
)
