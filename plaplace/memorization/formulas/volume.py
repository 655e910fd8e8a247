"""The ball mean of the p-Laplacian by pointwise divergences: the paper's second estimator.

    volume_p    -D mean_i [F(y_i + h v_i) - F(y_i - h v_i)].v_i / 2h,      F = |s|^(p-2) s       2 m evaluations

over m points y_i uniform in the ball of radius R around alpha x_0, each with one direction v_i: the probes' own axes,
in order. It estimates minus the same ball mean as `boundary_p`, in the operator's units, 1/length^p; larger is more
like an isolated maximum. All p come from the same evaluations.

The paper takes all D directions at each point; on images that is out of reach, and one at each of more points tells
more. It fails as the boundary does, and by its spread: a difference along one direction in D, twice the calls of the
flux a point. Nearly all of a ball lies near its sphere where D is large. p < 2 is singular where s = 0.

`h = R eps^(1/3)`, eps the rounding of the dtype the network is asked in: the error of a central difference is O(h^2)
beside rounding of `|F| eps/h`. A linear score with p = 2 has `-tr H`, exactly where the directions are whole frames.

Source: Brokman, Giloni, Hofman, Vainshtein, Kojima, Gilboa, "Identifying memorization of diffusion models through
p-Laplace analysis" (2025), arXiv 2505.08246.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from plaplace.directions import normalised
from plaplace.memorization.formulas.flux import EXPONENTS
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["BALL", "STATISTICS", "volume"]


def ball(visit: Visit) -> dict[str, Tensor]:
    """`|eps_hat|` and `eps_hat.v / 2h` at y + h v and y - h v, (b, m, 2)."""
    axes, step = visit.axes, visit.radius * torch.finfo(visit.x.dtype).eps ** (1 / 3)
    shifts = visit.drawn("volume", lambda generator: _inside(axes.shape[1], visit, generator))
    size = max(1, visit.batch_size // 2)
    found = []
    for some, v in zip(shifts.split(size, 1), axes.split(size, 1), strict=True):
        ends = torch.stack([some + step * v, some - step * v], 2)
        points = visit.centre.double()[:, None] + ends.flatten(1, 2)
        eps = visit.epsilon(points).unflatten(1, (-1, 2))
        along = torch.linalg.vecdot(eps, v[:, :, None].expand_as(eps)) / (2 * step)
        found.append((torch.linalg.vector_norm(eps, dim=-1), along))
    norms, alongs = zip(*found, strict=True)
    return {"norm": torch.cat(norms, 1), "along": torch.cat(alongs, 1)}


def _inside(number: int, visit: Visit, generator: torch.Generator) -> Tensor:
    """(m, D) displacements uniform in the ball; the radius is distributed like `R U^(1/D)`."""
    outer = normalised(torch.randn(number, visit.dimension, generator=generator, dtype=torch.float64))
    lengths = torch.rand(number, 1, generator=generator, dtype=torch.float64).pow(1 / visit.dimension)
    return visit.radius * lengths * outer


BALL = Ingredient("ball", ball)


def _value(probes: Probes, p: float) -> Tensor:
    part, sigma = probes.part("ball"), probes.level.sigma
    # F = -|eps|^(p-2) eps / sigma^(p-1): minus its divergence is plus that of the predicted noise
    flow = part["norm"].clamp(min=1e-300) ** (p - 2) * part["along"] / sigma ** (p - 1)
    return probes.dimension * (flow[..., 0] - flow[..., 1]).mean(1)


def volume(p: float) -> Statistic:
    """The volume estimator of exponent p, inward, as a statistic.

    >>> volume(1.5).name
    'volume_1.5'
    """
    source = "Brokman et al. 2025, arXiv 2505.08246"
    return Statistic(f"volume_{p:g}", f"volume, p = {p:g}", partial(_value, p=p), source, (), (BALL,))


STATISTICS = tuple(volume(p) for p in EXPONENTS)
