"""Local intrinsic dimension (LID): how many directions the model leaves open at the image. Memorized means 0.

    flipd      -(D + sigma^2 (tr H + |s|^2))    at alpha x_0, tr H along k axes          1 + 2k evaluations
    dsm_lid    -mean |eps - eps_hat(alpha x_0 + sigma eps)|^2,  eps ~ N(0, I)            8

Minus the LID, so that larger is memorized; in dimensions, from -D to 0.

FLIPD: the data blurred by a Gaussian of width d has the density `rho(x, d)`, which near a k-dimensional sheet goes as
d^(k - D). By the heat equation `d ln rho / d ln d = d^2 (tr + | |^2)` of its log's Hessian and gradient. With
`d = sigma/alpha`, `rho(x, d) = alpha^D q_t(alpha x)`, a derivative brings a factor alpha, so the right side is
`sigma^2 (tr H + |s|^2)` at alpha x_0 for every alpha: alpha cancels, and the centre is what it is for. In eps_hat and
its Jacobian, `D - sigma tr J + |eps_hat|^2`. It goes wrong at sigma larger than what the sheet is flat over, or
smaller than the network has learned, where it may be negative or above D.

DSM: the noise along the sheet cannot be told from the data, so its k squares are lost: the denoising loss tends to k as
sigma -> 0, and the network's own error adds to it. `denoising_loss` is the same over D on the sphere's noise, of length
exactly sqrt(D); here the noise is independent and Gaussian, as published: more spread for the same calls.

Sources: Kamkari, Ross, Hosseinzadeh, Cresswell, Loaiza-Ganem, "A geometric view of data complexity" (2024), arXiv
2406.03537; Yeats, Jacobson, Hannan, Jia, Doster, Kvinge, Mahan, "A connection between score matching and local
intrinsic dimension" (2025), arXiv 2510.12975.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.memorization.formulas.curvature import TRACE, laplacian
from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["DRAWS", "NOISED", "STATISTICS", "dsm_lid", "flipd"]

DRAWS = 8


def flipd(probes: Probes) -> Tensor:
    """(B,) `-(D + sigma^2 (tr H + |s|^2))`."""
    open_share = 1 - laplacian(probes)
    return -(probes.dimension * open_share + probes.part("trace")["norm"].square())


def noised(visit: Visit) -> dict[str, Tensor]:
    """`|eps - eps_hat|^2` of 8 draws, (b, 8)."""
    found = []
    # one at a time: the draws may be more than what one call holds
    for each in visit.normal("dsm", DRAWS, visit.dimension).unbind(1):
        answer = visit.epsilon(visit.centre[:, None] + visit.level.sigma * each[:, None])
        found.append((answer[:, 0] - each).square().sum(1))
    return {"error": torch.stack(found, 1)}


NOISED = Ingredient("noised", noised)


def dsm_lid(probes: Probes) -> Tensor:
    """(B,) `-mean |eps - eps_hat|^2`."""
    return -probes.part("noised")["error"].mean(1)


STATISTICS = (
    Statistic("flipd", "FLIPD", flipd, "Kamkari et al. 2024, arXiv 2406.03537", (), (TRACE,)),
    Statistic("dsm_lid", "dimension by the loss", dsm_lid, "Yeats et al. 2025, arXiv 2510.12975", (), (NOISED,)),
)
