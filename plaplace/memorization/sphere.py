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


def sphere(visit: Visit, drawn: Directions, fields: Sequence[str]) -> dict[str, Sphere]:
    """Every field at `alpha x_0 + R n_i`; the two branches of a gap are asked once, at the same points.

    In parts of at most `visit.batch_size` directions, in which pairs stay together.
    """
    size = max(2, visit.batch_size // 2 * 2)
    parts = [_part(visit, axes, fields, drawn.paired) for axes in drawn.vectors.split(size)] if fields else []
    return {name: _beside([part[name] for part in parts]) for name in fields}


def _part(visit: Visit, axes: Tensor, fields: Sequence[str], paired: bool) -> dict[str, Sphere]:
    axes = axes.to(visit.x.device)
    points = visit.centre[:, None] + (visit.radius * axes).to(visit.x.dtype)
    branches = [name for name in ("conditional", "unconditional") if name in fields or "gap" in fields]
    answers = {name: visit.epsilon(points, name) for name in branches}
    if "gap" in fields:
        answers["gap"] = answers["conditional"] - answers["unconditional"]
    return {name: _reduced(answers[name], axes, paired) for name in fields}


def _reduced(eps: Tensor, axes: Tensor, paired: bool) -> Sphere:
    radial = torch.linalg.vecdot(eps, axes.expand_as(eps))
    pair = torch.linalg.vecdot(eps[:, 0::2], eps[:, 1::2]).cpu() if paired else None
    return Sphere(torch.linalg.vector_norm(eps, dim=-1).cpu(), radial.cpu(), pair)


def _beside(parts: list[Sphere]) -> Sphere:
    pairs = [each.pair for each in parts if each.pair is not None]
    norm, radial = torch.cat([each.norm for each in parts], 1), torch.cat([each.radial for each in parts], 1)
    return Sphere(norm, radial, torch.cat(pairs, 1) if pairs else None)


def extended(before: Sphere, more: Sphere, rows: Tensor) -> Sphere:
    """A further round beside the earlier ones, NaN for the images that had none."""

    def wide(new: Tensor) -> Tensor:
        columns = new.new_full((len(before.norm), new.shape[1]), math.nan)
        columns[rows] = new
        return columns

    further = Sphere(wide(more.norm), wide(more.radial), None if more.pair is None else wide(more.pair))
    return _beside([before, further])
