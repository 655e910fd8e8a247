"""How much sharper the condition makes the landscape: curvature of the gap `log p(x|c) - log p(x)`.

    jeon               sigma^3 |H_gap s_gap| / sqrt D at alpha x_0, by products                       6 evaluations
    jeon_difference    the same from s_gap at two points d apart along s_gap                          4
    jeon_noise         the same by products, at pure noise at the highest level                       6
    kim_lee            sigma^2 (tr H_u - tr H_c) / D at alpha x_0, along k axes                      2 (1 + 2k)

`H_gap = H_c - H_u`, `s_gap = s_c - s_u`; by `eps_hat = -sigma s` and its Jacobian `J = -sigma H` the first is
`sigma |J_gap eps_gap| / sqrt D` and the last `sigma tr(J_c - J_u) / D`: powers of sigma that leave no unit. Larger
means memorized: the condition makes a peak where the model as a whole is flat. |H_gap s_gap| weighs the curvatures by
the gap along them; the trace adds them with their sign (the diagonal of -H grows where the variance of a pixel
collapses).

For a posterior variance v of each pixel, `-sigma^2 H = 1 - v alpha^2 / sigma^2`: a pixel that the condition fixes and
the model as a whole leaves open counts 1 in the trace, one that both fix 0. Where the unconditional branch has
memorized the image as well, the two peaks cancel, and those at the image can rank the wrong way round. |H_gap s_gap|
also fails where s_gap = 0, at the common centre of two peaks, however much sharper one of them is.

Products are `J'v`, reverse mode, equal to the paper's `Jv` where J is symmetric, as for a true score; the difference
has `Jv` itself, so the two part where a network is far from a gradient. It takes `d = sigma sqrt(D) / 128`, the unit
step of the paper in its latent space (sigma = 1, D = 128^2). Jeon's paper asks at noise, at the first step of a
generation: `jeon_noise`, which judges the condition alone, with one noise for all images, see `branches`; the paper's
mitigation uses the difference without subtracting. Kim and Lee keep a map of pixels, negative parts set to 0, at the
last step of a generation, with 16 Rademacher probes, to localise; they make no single number of it. Here it is the
mean over pixels, nothing set to 0 (the noise of the probes would not average out), along the axes of the probes, at
most 16.

Sources: Jeon, Kim, No, "Understanding and mitigating memorization in generative models via sharpness of probability
landscapes" (2025), arXiv 2412.04140; Kim, Lee, "Localizing memorized regions in diffusion models via coordinate-wise
curvature differences" (2026), arXiv 2605.26756, equation 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.memorization.formulas.branches import highest, pure_noise, root_mean_square, unit
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit
from plaplace.models.levels import Level

__all__ = ["MOST_AXES", "STATISTICS", "jeon", "jeon_difference", "jeon_noise", "kim_lee"]

MOST_AXES = 16
_STEP = 1 / 128  # of the length of the noise


def _sharpness(visit: Visit, points: Tensor, level: Level) -> dict[str, Tensor]:
    _, pulled = visit.products(points, lambda eps: eps[:, None], "gap", level)
    return {"sharpness": level.sigma * root_mean_square(pulled[:, 0])}


def sharpness(visit: Visit) -> dict[str, Tensor]:
    """`sigma |J_gap' eps_gap| / sqrt D` at the centre, (b,)."""
    return _sharpness(visit, visit.centre, visit.level)


def sharpness_of_noise(visit: Visit) -> dict[str, Tensor]:
    """The same at pure noise at the highest level, (b,)."""
    level = highest(visit)
    return _sharpness(visit, pure_noise(visit, level), level)


def difference(visit: Visit) -> dict[str, Tensor]:
    """`sigma |eps_gap| |eps_gap(c + d n) - eps_gap(c)| / (d sqrt D)`, n along s_gap, at the centre c, (b,)."""
    centre = visit.centre.double()
    step = _STEP * visit.level.sigma * math.sqrt(visit.dimension)
    here = visit.epsilon(centre[:, None], "gap")[:, 0]
    there = visit.epsilon((centre - step * unit(here))[:, None], "gap")[:, 0]
    length = torch.linalg.vector_norm(here, dim=1)
    return {"sharpness": visit.level.sigma * length * root_mean_square(there - here) / step}


def trace(visit: Visit) -> dict[str, Tensor]:
    """`sigma n_i'(J_c - J_u) n_i` along each axis n_i at the centre, (b, k)."""
    axes = visit.distinct[:, :MOST_AXES]
    _, pulled = visit.products(visit.centre, axes, "gap")
    return {"along": visit.level.sigma * torch.linalg.vecdot(pulled, axes)}


SHARPNESS = Ingredient("gap sharpness", sharpness, conditional=True)
SHARPNESS_OF_NOISE = Ingredient("gap sharpness of noise", sharpness_of_noise, conditional=True)
DIFFERENCE = Ingredient("gap difference", difference, conditional=True)
TRACE = Ingredient("gap trace", trace, conditional=True)


def jeon(probes: Probes) -> Tensor:
    """(B,) `sigma^3 |H_gap s_gap| / sqrt D` at the image, by products."""
    return probes.part("gap sharpness")["sharpness"]


def jeon_difference(probes: Probes) -> Tensor:
    """(B,) the same by a finite difference along s_gap."""
    return probes.part("gap difference")["sharpness"]


def jeon_noise(probes: Probes) -> Tensor:
    """(B,) `sigma^3 |H_gap s_gap| / sqrt D` at pure noise at the highest level, by products."""
    return probes.part("gap sharpness of noise")["sharpness"]


def kim_lee(probes: Probes) -> Tensor:
    """(B,) `sigma^2` times the mean over pixels of `diag(-H_c) - diag(-H_u)`, estimated along axes."""
    return probes.part("gap trace")["along"].mean(1)


_JEON, _KIM_LEE = "Jeon, Kim, No 2025, arXiv 2412.04140", "Kim, Lee 2026, arXiv 2605.26756"

STATISTICS = (
    Statistic("jeon", "Jeon, at the image", jeon, _JEON, (), (SHARPNESS,)),
    Statistic("jeon_difference", "Jeon, finite difference", jeon_difference, _JEON, (), (DIFFERENCE,)),
    Statistic("jeon_noise", "Jeon, at noise", jeon_noise, _JEON, (), (SHARPNESS_OF_NOISE,)),
    Statistic("kim_lee", "Kim-Lee, curvature difference", kim_lee, _KIM_LEE, (), (TRACE,)),
)
