"""Local intrinsic dimension by the rank of many scores around the image.

    S = [eps_hat(alpha x_0 + sigma eps_i)], i = 1 .. K        singular values s_1 >= .. >= s_D, s_(D+1) = 0
    normal_bundle    -(D - argmax_i (s_i - s_(i+1)))           K = min(4 D, 1,024) evaluations

At small sigma scores point across the data: they span the D - k normal directions, and the singular values drop where
these end. Minus the dimension k, so that larger is memorized: 0 where the scores span everything. The paper looks for
the drop among i < D, and cannot say 0; here the spectrum goes on with a 0, so that it can.

With K < D (D > 1,024) no more than K directions are seen: -(D - K) is as far as it goes, and every image with more
normal directions than that, which is nearly every image, has it. A whole number: it ties. The drop is clear only where
sigma is small against the width of the data and large enough for the network to know. By far the most expensive
statistic here.

Eigenvalues of the smaller of S'S and SS', one image at a time; singular values below 1e-8 of the largest are rounding.
The noise is of the seed: the same for all images that share one.

Source: Stanczuk, Batzolis, Deveney, Schoenlieb, "Diffusion models encode the intrinsic dimension of data manifolds"
(2024), arXiv 2212.12611.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["BUNDLE", "MOST_DRAWS", "STATISTICS", "normal_bundle", "rank_by_gap"]

MOST_DRAWS = 1024


def bundle(visit: Visit) -> dict[str, Tensor]:
    """The dimension found at each image, (b,), a whole number in 0 .. D - 1, or D - K .. D - 1; NaN without answers."""
    number = min(4 * visit.dimension, MOST_DRAWS)
    found = [visit.dimension - _rank(visit, row, number) for row in range(len(visit.x))]
    visit.evaluations += number
    return {"dimension": torch.tensor(found, dtype=torch.float64)}


def _rank(visit: Visit, row: int, number: int) -> float:
    own = visit.part(torch.tensor([row]))
    eps = own.normal("normal bundle", number, own.dimension)
    parts = [own.epsilon(own.centre[:, None] + own.level.sigma * some)[0] for some in eps.split(own.batch_size, 1)]
    visit.nonfinite[row] += own.nonfinite[0]
    return rank_by_gap(torch.cat(parts))


def rank_by_gap(rows: Tensor) -> float:
    """How many singular values of (K, D) stand before their largest drop, at least 1; NaN where rows are not finite.

    >>> rank_by_gap(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.2, 0.0], [0.0, 0.0, 0.1]])), rank_by_gap(torch.eye(3))
    (2.0, 3.0)
    """
    if not bool(rows.isfinite().all()):
        return float("nan")
    small = rows.mT @ rows if len(rows) >= rows.shape[1] else rows @ rows.mT
    values = torch.linalg.eigvalsh(small).flip(0).clamp(min=0).sqrt()
    return float((values - torch.cat([values[1:], values.new_zeros(1)])).argmax()) + 1


BUNDLE = Ingredient("normal bundle", bundle)


def normal_bundle(probes: Probes) -> Tensor:
    """(B,) minus the dimension."""
    return -probes.part("normal bundle")["dimension"]


STATISTICS = (
    Statistic("normal_bundle", "normal bundle", normal_bundle, "Stanczuk et al. 2024, arXiv 2212.12611", (), (BUNDLE,)),
)
