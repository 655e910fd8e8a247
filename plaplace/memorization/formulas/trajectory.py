"""How far the condition moves the network's answer while an image is generated from noise.

    wen      mean over the first 10 of 50 steps of |eps_c - eps_u| / sqrt D        20 evaluations
    wen_1    the first step alone                                                   2 evaluations

Along the deterministic path of DDIM with guidance `eps_u + w (eps_c - eps_u)`, w = 7.5, from one noise for all images
(see `branches`), at levels equidistant in ln SNR. Larger means memorized: a prompt that always gives one image pulls
the answer away from the unconditional one from the first step on.

The condition is judged, not the image: an image without a condition of its own, or under the wrong one, is not found,
and all images of one condition get one number. It fails where the condition says little of the image (a class), and
says nothing of how close the image is to what was learned. Both are the same at every level of a profile.

The paper runs 4 noises, steps equidistant in t (for its schedule the first ten are nearly the ones here), and does not
divide by sqrt D, which ranks the same.

Source: Wen, Liu, Chen, Lyu, "Detecting, explaining, and mitigating memorization in diffusion models" (2024), arXiv
2407.21720.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.memorization.formulas.branches import highest, pure_noise, root_mean_square
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit
from plaplace.sampling import ddim

__all__ = ["FIRST_GAP", "GUIDANCE", "LEVELS", "STATISTICS", "STEPS", "wen", "wen_1"]

LEVELS = 50  # of the whole path
STEPS = 10  # of them taken
GUIDANCE = 7.5


def trajectory(visit: Visit) -> dict[str, Tensor]:
    """The gap of each step, (b, 10), or (b, T) where the model has fewer levels."""
    path = visit.model.levels.spread(LEVELS)[::-1][:STEPS]
    gaps: list[Tensor] = []

    def guided(x: Tensor, index: int) -> Tensor:
        level = path[index]
        eps_c = visit.epsilon(x[:, None], "conditional", level)[:, 0]
        eps_u = visit.epsilon(x[:, None], "unconditional", level)[:, 0]
        gaps.append(root_mean_square(eps_c - eps_u))
        return -(eps_u + GUIDANCE * (eps_c - eps_u)) / level.sigma

    ddim(guided, [(level.alpha, level.sigma) for level in path], pure_noise(visit, path[0]))
    return {"gap": torch.stack(gaps, 1)}


def first_gap(visit: Visit) -> dict[str, Tensor]:
    """The gap at pure noise at the highest level, (b,)."""
    level = highest(visit)
    return {"gap": root_mean_square(visit.epsilon(pure_noise(visit, level)[:, None], "gap", level)[:, 0])}


TRAJECTORY = Ingredient("trajectory", trajectory, conditional=True)
FIRST_GAP = Ingredient("first gap", first_gap, conditional=True)


def wen(probes: Probes) -> Tensor:
    """(B,) mean of |eps_c - eps_u| / sqrt D over the first steps of a guided generation."""
    return probes.part("trajectory")["gap"].mean(1)


def wen_1(probes: Probes) -> Tensor:
    """(B,) |eps_c - eps_u| / sqrt D at the first step."""
    return probes.part("first gap")["gap"]


_PAPER = "Wen et al. 2024, arXiv 2407.21720"

STATISTICS = (
    Statistic("wen", "Wen, first 10 steps", wen, _PAPER, (), (TRAJECTORY,)),
    Statistic("wen_1", "Wen, first step", wen_1, _PAPER, (), (FIRST_GAP,)),
)
