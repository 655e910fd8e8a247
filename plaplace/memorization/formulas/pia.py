"""Is the noise that the network sees in the clean image the noise it finds again? Proximal initialization.

    eps_0 = eps_hat(x_0, t_0),      x_t = alpha x_0 + sigma eps_0

    pia     -|eps_hat(x_t, t) - eps_0|_4                                             2 evaluations
    pian    the same with eps_0 scaled to mean |eps_0| = sqrt(2/pi), that of N(0, 1)      2 evaluations

t_0 is the model's level of least noise. eps_0 stands for the noise of training: a network that has memorized x_0 finds
any noise again, `eps_hat(alpha x_0 + sigma eps) = eps`; another one only its part across the data, so the sign is
minus. It is the denoising loss with one noise that depends on the image.

It fails where eps_0 is small or is no noise: for a memorized point `eps_0 = (1 - alpha_0) x_0 / sigma_0`, next to
nothing, and for a smooth model eps_0 lies along s, the one direction that says least of the others. PIAN makes it as
long as noise, in the direction of what was left.

As in published codes x_0 is not scaled at t_0, and the norm grows as D^(1/4). sqrt(2/pi) is the mean of |N(0, 1)|; the
sqrt(pi/2) of some codes is not.

Source: Kong, Duan, Ma, Shen, Zhu, Shi, Xu, "An efficient membership inference attack for the diffusion model by
proximal initialization" (2024), arXiv 2305.18355.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.memorization.formulas.centre import four_norm
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["NORMALISED", "PROXIMAL", "STATISTICS", "normal_size", "pia", "pian"]


def _error(visit: Visit, normalised: bool) -> dict[str, Tensor]:
    levels = visit.model.levels
    first = visit.epsilon(visit.x[:, None], level=levels.level(levels.t_min))
    noise = normal_size(first) if normalised else first
    again = visit.epsilon(visit.centre[:, None] + visit.level.sigma * noise)
    return {"error": four_norm(again - noise)[:, 0]}


def normal_size(vectors: Tensor) -> Tensor:
    """Vectors scaled to the mean absolute entry of normal numbers, sqrt(2/pi); 0 stays 0.

    >>> normal_size(torch.tensor([[3.0, -1.0], [0.0, 0.0]])).round(decimals=4)
    tensor([[ 1.1968, -0.3989],
            [ 0.0000,  0.0000]])
    """
    size = vectors.abs().mean(-1, keepdim=True)
    return vectors * (math.sqrt(2 / math.pi) / torch.where(size == 0, torch.ones_like(size), size))


def proximal(visit: Visit) -> dict[str, Tensor]:
    """`|eps_hat(x_t) - eps_0|_4`, (b,)."""
    return _error(visit, normalised=False)


def normalised(visit: Visit) -> dict[str, Tensor]:
    """The same with eps_0 of normal size, (b,)."""
    return _error(visit, normalised=True)


PROXIMAL = Ingredient("proximal", proximal)
NORMALISED = Ingredient("proximal, normalised", normalised)


def pia(probes: Probes) -> Tensor:
    """(B,) `-|eps_hat(alpha x_0 + sigma eps_0, t) - eps_0|_4`."""
    return -probes.part("proximal")["error"]


def pian(probes: Probes) -> Tensor:
    """(B,) the same with eps_0 of normal size."""
    return -probes.part("proximal, normalised")["error"]


_PAPER = "Kong et al. 2024, arXiv 2305.18355"

STATISTICS = (
    Statistic("pia", "PIA", pia, _PAPER, (), (PROXIMAL,)),
    Statistic("pian", "PIAN", pian, _PAPER, (), (NORMALISED,)),
)
