"""What the condition adds to the network's answer: the length of the gap, and its angle with the unconditional answer.

    wen_image        mean over the sphere of |eps_gap| / sqrt D      2 m evaluations, those of the gap flux
    kim_lee_gap      mean over the sphere of |eps_gap|^2 / D         the same
    asthana_cosine   cos(eps_gap, eps_u) at pure noise               2
    asthana          128 |eps_gap| / sqrt D at pure noise at the highest level  +  2 asthana_cosine      4

`eps_gap = eps_c - eps_u = -sigma (s_c - s_u)`, all dimensionless. Larger means memorized. The length: Bayes' rule makes
the gap `-sigma grad log p(c | x)`, which is long where the condition knows the image and the model as a whole does
not. Over noised copies of what the condition knows, `E (s_c - s_u)^2 = E (diag(-H_c) - 2 diag(-H_u) + s_u^2)` by parts:
the squared gap stands for the curvature difference of `gap_curvature`, of which the paper keeps a map of pixels. (At
the image itself it does not: s_c vanishes at a memorized image.) The angle: where a condition has one image only, the
unconditional answer at little noise points the same way and the condition only adds to it.

`wen_image` and `kim_lee_gap` judge the image under its condition; they fail for a condition that is far from the
image, which makes the gap long without any memory, and where the unconditional branch has memorized the image too: the
gap then shrinks at memorized images, and they can rank the wrong way round. The two of Asthana judge the condition
alone at one noise for all images, see `branches`; the level of the probes is the low one, so choose it where alpha is
near 1. A network was never trained on pure noise at a low level: what it says there is habit, not a score.

Asthana's two weights are tuned for each model (in the released code norm to cosine is 1 : 2 on Stable Diffusion 1.4,
1 : 0.1 on 2), and its cosine is a mean over pixels, each over the channels. Here the weights are fixed at those of 1.4,
with the norm as in its space of D = 128^2, and the cosine is that of the whole vectors, which any space has.

Sources: Kim, Lee, "Localizing memorized regions in diffusion models via coordinate-wise curvature differences" (2026),
arXiv 2605.26756, equation 5; Asthana, Belagiannis, "Detecting and mitigating memorization in diffusion models through
anisotropy of the log-probability" (2026), arXiv 2601.20642; the norm at the image after Wen et al. 2024, arXiv
2407.21720.
"""

from __future__ import annotations

import math

from torch import Tensor

from plaplace.memorization.formulas.branches import cosine, pure_noise
from plaplace.memorization.formulas.trajectory import FIRST_GAP
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["COSINE_WEIGHT", "NORM_WEIGHT", "STATISTICS", "asthana", "asthana_cosine", "kim_lee_gap", "wen_image"]

NORM_WEIGHT = 128.0  # 1 |eps_gap| in the latent space of Stable Diffusion, D = 4 x 64 x 64 = 128^2
COSINE_WEIGHT = 2.0


def gap_samples(probes: Probes) -> Tensor:
    """(B, m) |eps_gap| / sqrt D at each probe."""
    return probes.sphere("gap").norm / math.sqrt(probes.dimension)


def square_samples(probes: Probes) -> Tensor:
    """(B, m) |eps_gap|^2 / D at each probe."""
    return gap_samples(probes).square()


def wen_image(probes: Probes) -> Tensor:
    """(B,) mean over the sphere of |eps_gap| / sqrt D."""
    return probes.mean(gap_samples(probes)).mean


def alignment(visit: Visit) -> dict[str, Tensor]:
    """cos(eps_gap, eps_u) at pure noise at the visit's level, (b,)."""
    points = pure_noise(visit, visit.level)[:, None]
    eps_u = visit.epsilon(points, "unconditional")[:, 0]
    eps_gap = visit.epsilon(points, "conditional")[:, 0] - eps_u
    return {"cosine": cosine(eps_gap, eps_u)}


ALIGNMENT = Ingredient("alignment", alignment, conditional=True)


def kim_lee_gap(probes: Probes) -> Tensor:
    """(B,) `sigma^2 (s_c - s_u)^2`, mean over the pixels and over the sphere."""
    return probes.mean(square_samples(probes)).mean


def asthana_cosine(probes: Probes) -> Tensor:
    """(B,) cosine of s_c - s_u and s_u at pure noise, at the level of the probes."""
    return probes.part("alignment")["cosine"]


def asthana(probes: Probes) -> Tensor:
    """(B,) `128 |eps_gap| / sqrt D` at the highest level plus twice the cosine at the level of the probes."""
    return NORM_WEIGHT * probes.part("first gap")["gap"] + COSINE_WEIGHT * asthana_cosine(probes)


_WEN, _KIM_LEE = "after Wen et al. 2024, arXiv 2407.21720", "Kim, Lee 2026, arXiv 2605.26756"
_ASTHANA = "Asthana, Belagiannis 2026, arXiv 2601.20642"

STATISTICS = (
    Statistic("wen_image", "gap norm on the sphere", wen_image, _WEN, ("gap",), (), gap_samples),
    Statistic("kim_lee_gap", "Kim-Lee, squared gap", kim_lee_gap, _KIM_LEE, ("gap",), (), square_samples),
    Statistic("asthana_cosine", "Asthana, cosine alone", asthana_cosine, _ASTHANA, (), (ALIGNMENT,)),
    Statistic("asthana", "Asthana", asthana, _ASTHANA, (), (FIRST_GAP, ALIGNMENT)),
)
