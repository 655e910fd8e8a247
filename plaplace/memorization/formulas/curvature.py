"""How curved log q is at the image, by products with the Jacobian J of eps_hat; `sigma J = -sigma^2 H`.

    laplacian            -sigma^2 tr H / D                         1 + 2k evaluations, k axes
    tangent_laplacian    -sigma^2 (tr H - n'Hn) / D,  n = s/|s|    4 + 2k
    sharpness            sigma^3 |H s| / sqrt D                    3

At alpha x_0, in powers of sigma that leave no unit. `-sigma^2 H = I - (alpha/sigma)^2 Cov(x_0 | x)` has eigenvalues of
at most 1: 1 along a direction that the network has fixed, 0 along one that it leaves open. So the first two are the
fixed share of the directions, plus is the sign, a memorized point has 1 (the second counts D - 1 of D), k tangent
directions leave (D - k)/D. tr H is estimated as `(D/k) sum n_i'Hn_i` along the probes' own axes, one of each +- pair;
exact where they are whole frames. The tangent one is the p = 1 operator times |s|; where s = 0 there is no normal
direction, and the mean over all of them is taken out.

For sharpness theory gives no one sign. |Hs| is the curvature along s times |s|: memorizing raises the first and, at the
image, takes the second to 0. Its authors ask at noise, where |s| does not vanish, and say sharper is memorized: the
sign here is theirs, plus. At the image |s| may win, and does on the exact memorizer: a training point stands nearly
at its own peak, so that members have the smaller |Hs| there.

They fail where little of the curvature is the image's own: at small sigma every image on a thin manifold has nearly
(D - k)/D, and a network's trace at one point is noisy.

Sources: tangent Laplacian: the p = 1 operator of Brokman et al. (2025), arXiv 2505.08246; sharpness: Jeon, Kim, No,
"Understanding and mitigating memorization in generative models via sharpness of probability landscapes" (2025), arXiv
2412.04140, without its condition.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.memorization.formulas.branches import root_mean_square, unit
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["NORMAL", "STATISTICS", "TRACE", "laplacian", "sharpness", "tangent_laplacian"]


def trace(visit: Visit) -> dict[str, Tensor]:
    """`sigma n_i'J n_i` along each axis (b, k) and `|eps_hat|` (b,) at the centre."""
    axes = visit.distinct
    eps, pulled = visit.products(visit.centre, axes)
    along = visit.level.sigma * torch.linalg.vecdot(pulled, axes)
    return {"along": along, "norm": torch.linalg.vector_norm(eps, dim=1)}


def normal(visit: Visit) -> dict[str, Tensor]:
    """`sigma n'J n` and `sigma |J'eps_hat| / sqrt D` at the centre, both (b,); the first NaN where eps_hat = 0."""
    eps, pulled = visit.products(visit.centre, lambda eps: unit(eps)[:, None])
    length, across = torch.linalg.vector_norm(eps, dim=1), visit.level.sigma * pulled[:, 0]
    along = torch.linalg.vecdot(across, unit(eps))
    return {"along": along.masked_fill(length == 0, math.nan), "sharpness": length * root_mean_square(across),
            "norm": length}  # fmt: skip


TRACE = Ingredient("trace", trace)
NORMAL = Ingredient("normal", normal)


def laplacian(probes: Probes) -> Tensor:
    """(B,) `-sigma^2 tr H / D`, the mean of `-sigma^2 n'Hn` over the axes."""
    return probes.part("trace")["along"].mean(1)


def tangent_laplacian(probes: Probes) -> Tensor:
    """(B,) `-sigma^2 (tr H - n'Hn) / D`."""
    whole, part = laplacian(probes), probes.part("normal")
    own = torch.where(part["norm"] == 0, whole, part["along"])
    return whole - own / probes.dimension


def sharpness(probes: Probes) -> Tensor:
    """(B,) `sigma^3 |H s| / sqrt D`."""
    return probes.part("normal")["sharpness"]


_BROKMAN, _JEON = "Brokman et al. 2025, arXiv 2505.08246", "Jeon, Kim, No 2025, arXiv 2412.04140"

STATISTICS = (
    Statistic("laplacian", "Laplacian at the image", laplacian, _BROKMAN, (), (TRACE,)),
    Statistic("tangent_laplacian", "tangent Laplacian", tangent_laplacian, _BROKMAN, (), (TRACE, NORMAL)),
    Statistic("sharpness", "sharpness |Hs|", sharpness, _JEON, (), (NORMAL,)),
)
