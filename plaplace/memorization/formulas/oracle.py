"""The oracle that knows the training data: how near the nearest training point is. No network evaluation.

    nearest_neighbour    -d_1 / sqrt D                            0 for a training point
    nearest_ratio        -d_1 / d_2                               0 for a training point; a copy where d_1 / d_2 < 1/3

d_1 is the distance of x_0 to the nearest training point, d_2 to the nearest one that is another picture: exact
duplicates of the nearest count as the one picture they are, or every planted duplicate would have the ratio 1. Larger
means copied.

An upper bound for what others can find where labels mean "copied", in the metric of the model's space alone: a shifted
copy is far away. The first is misled by plain images, near to many others; the second by near-duplicates among the
training data, which pull d_2 towards d_1. For an image of the training set both are 0, memorized or not: they judge
generated images.

Distances by float64 Gram matrices, with the first training point as origin, pick a few nearest candidates; those are
measured by differences, so that an identical image has d_1 = 0.

Source of the ratio and the 1/3: Yoon, Choi, Kwon, Ryu, "Diffusion probabilistic models generalize when they fail to
memorize" (2023); Gu, Du, Pang, Li, Lin, Wang, "On memorization in diffusion models" (2023), arXiv 2310.02664.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plaplace.memorization.probes import Probes
from plaplace.memorization.statistic import Ingredient, Statistic
from plaplace.memorization.visit import Visit

__all__ = ["STATISTICS", "nearest_neighbour", "nearest_ratio", "neighbours"]

_NUMBERS = 2**19  # float64 in one part of the training points; larger ones leave a CPU's cache
_CANDIDATES = 4
_ROUNDING = 1e-12  # of a squared distance by a Gram matrix, relative to the squared lengths


def neighbours(x: Tensor, training: Tensor) -> tuple[Tensor, Tensor]:
    """Distances d_1, d_2 (b,) of points (b, D) to the nearest of (N, D) and to the nearest that differs from that one.

    d_2 is NaN where all training points are one, and both are for a point that is not finite.

    >>> training = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    >>> [each.tolist() for each in neighbours(torch.tensor([[0.0, 0.0], [3.0, 3.0]]), training)]
    [[0.0, 1.0], [5.0, 4.242640687119285]]
    """
    x = x.double()
    nearest, first = _nearest(x, training, None)
    _, second = _nearest(x, training, nearest)
    spoilt = ~x.isfinite().all(1)
    return first.masked_fill(spoilt, math.nan), second.masked_fill(spoilt | second.isinf(), math.nan)


def _nearest(x: Tensor, training: Tensor, but: Tensor | None) -> tuple[Tensor, Tensor]:
    """The nearest training points (b, D) and their distances (b,), leaving out those equal to the rows of `but`."""
    best, where = x.new_full((len(x), _CANDIDATES), math.inf), torch.zeros(len(x), _CANDIDATES, dtype=torch.int64)
    origin = training[:1].to(x)
    for start, part in _parts(training):
        part = part.to(x) - origin
        lengths = torch.linalg.vector_norm(part, dim=1).square()
        squares = _squares(x - origin, part, lengths)
        if but is not None:
            other = but - origin
            scale = lengths + other.square().sum(1, keepdim=True)
            squares = squares.masked_fill(_squares(other, part, lengths) <= _ROUNDING * scale, math.inf)
        index = torch.arange(start, start + len(part), device=x.device).expand(len(x), -1)
        squares, index = torch.cat([best, squares], 1), torch.cat([where.to(x.device), index], 1)
        best, kept = squares.topk(_CANDIDATES, largest=False)
        where = index.gather(1, kept)
    candidates = training[where.to(training.device)].to(x)
    exact = torch.linalg.vector_norm(candidates - x[:, None], dim=2).masked_fill(best.isinf(), math.inf)
    distance, choice = exact.min(1)
    return candidates[torch.arange(len(x)), choice.cpu()], distance


def _parts(training: Tensor) -> Iterator[tuple[int, Tensor]]:
    size = max(1, _NUMBERS // training.shape[1])
    for start in range(0, len(training), size):
        yield start, training[start : start + size]


def _squares(a: Tensor, b: Tensor, lengths: Tensor) -> Tensor:
    """Squared distances of the rows of a to those of b, whose own squared lengths are known."""
    return a.square().sum(1, keepdim=True) - 2 * (a @ b.T) + lengths


def distances(visit: Visit) -> dict[str, Tensor]:
    """d_1 and d_2, (b,)."""
    training = visit.training
    if training is None or training.shape[1] != visit.dimension or len(training) == 0:
        shape = None if training is None else tuple(training.shape)
        raise ValueError(
            f"training is {shape}; accepted are points (N, {visit.dimension}), N >= 1, in the model's space"
        )
    first, second = neighbours(visit.x, training)
    return {"first": first, "second": second}


DISTANCES = Ingredient("distances", distances, training=True)


def nearest_neighbour(probes: Probes) -> Tensor:
    """(B,) minus the distance to the nearest training point, over sqrt D."""
    return -probes.part("distances")["first"] / math.sqrt(probes.dimension)


def nearest_ratio(probes: Probes) -> Tensor:
    """(B,) minus the distance to the nearest training point over that to the nearest other one; above -1/3 a copy."""
    part = probes.part("distances")
    return -part["first"] / part["second"]


STATISTICS = (
    Statistic("nearest_neighbour", "nearest training image", nearest_neighbour, "oracle", (), (DISTANCES,)),
    Statistic(
        "nearest_ratio", "nearest against second", nearest_ratio, "Yoon et al. 2023; Gu et al. 2023", (), (DISTANCES,)
    ),
)
