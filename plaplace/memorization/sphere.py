"""Fields on the sphere around each image, reduced to norms, inner products with the direction, and pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from plaplace.directions import Directions
from plaplace.memorization.probes import Sphere
from plaplace.memorization.visit import Visit

__all__ = ["extended", "sphere"]


Sums = dict[str, tuple[Tensor, int]]  # field -> sum (b, D) of the means of the pairs so far, and how many


def sphere(visit: Visit, drawn: Directions, fields: Sequence[str]) -> dict[str, Sphere]:
    """Every field at `alpha x_0 + R n_i`; the two branches of a gap are asked once, at the same points.

    In parts of at most `visit.batch_size` directions, in which pairs stay together.
    """
    size = max(2, visit.batch_size // 2 * 2)
    sums: Sums = {}
    parts = [_part(visit, axes, fields, drawn.paired, sums) for axes in drawn.vectors.split(size)] if fields else []
    return {name: _beside([part[name] for part in parts]) for name in fields}


def _part(visit: Visit, axes: Tensor, fields: Sequence[str], paired: bool, sums: Sums) -> dict[str, Sphere]:
    axes = axes.to(visit.x.device)
    points = visit.centre[:, None] + (visit.radius * axes).to(visit.x.dtype)
    branches = [name for name in ("conditional", "unconditional") if name in fields or "gap" in fields]
    answers = {name: visit.epsilon(points, name) for name in branches}
    if "gap" in fields:
        answers["gap"] = answers["conditional"] - answers["unconditional"]
    return {name: _reduced(answers[name], axes, paired, name, sums) for name in fields}


def _reduced(eps: Tensor, axes: Tensor, paired: bool, name: str, sums: Sums) -> Sphere:
    norm = torch.linalg.vector_norm(eps, dim=-1).cpu()
    radial = torch.linalg.vecdot(eps, axes.expand_as(eps)).cpu()
    if not paired:
        return Sphere(norm, radial, None, None)
    first, second = eps[:, 0::2], eps[:, 1::2]
    pair = torch.linalg.vecdot(first, second).cpu()
    before, done = sums.get(name, (torch.zeros_like(eps[:, 0]), 0))
    total = ((first + second) / 2).cumsum(1) + before[:, None]
    count = torch.arange(done + 1, done + 1 + total.shape[1], dtype=torch.float64, device=eps.device)
    sums[name] = (total[:, -1], done + total.shape[1])
    return Sphere(norm, radial, pair, (torch.linalg.vector_norm(total, dim=-1) / count).cpu())


def _beside(parts: list[Sphere]) -> Sphere:
    def wide(values: list[Tensor | None]) -> Tensor | None:
        there = [each for each in values if each is not None]
        return torch.cat(there, 1) if there else None

    norm, radial = torch.cat([each.norm for each in parts], 1), torch.cat([each.radial for each in parts], 1)
    return Sphere(norm, radial, wide([each.pair for each in parts]), wide([each.drift for each in parts]))


def extended(before: Sphere, more: Sphere, rows: Tensor) -> Sphere:
    """A further round beside the earlier ones, NaN for the images that had none."""

    def wide(new: Tensor | None) -> Tensor | None:
        if new is None:
            return None
        columns = new.new_full((len(before.norm), new.shape[1]), math.nan)
        columns[rows] = new
        return columns

    norm, radial = wide(more.norm), wide(more.radial)
    assert norm is not None and radial is not None
    return _beside([before, Sphere(norm, radial, wide(more.pair), wide(more.drift))])
