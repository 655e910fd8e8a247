"""Fields on the sphere around each image, reduced to norms, inner products with the direction, and pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from plaplace.directions import Directions
from plaplace.memorization.jackknife import means_without, units
from plaplace.memorization.probes import Sphere
from plaplace.memorization.visit import Visit

__all__ = ["extended", "sphere"]


def sphere(visit: Visit, drawn: Directions, fields: Sequence[str]) -> dict[str, Sphere]:
    """Every field at `alpha x_0 + R n_i`; the two branches of a gap are asked once, at the same points.

    In parts of at most `visit.batch_size` directions, in which pairs stay together. Of each field the even parts of all
    pairs are held until the end, (b, m/2, D).
    """
    size = max(2, visit.batch_size // 2 * 2)
    axes = drawn.vectors.to(visit.x.device).split(size, 1)
    parts = [_part(visit, each, fields, drawn.paired) for each in axes] if fields else []
    found = {}
    for name in fields:
        spheres, evens = zip(*(part[name] for part in parts), strict=True)
        found[name] = _beside(spheres)
        if drawn.paired:
            even = torch.cat(evens, 1) if len(evens) > 1 else evens[0]
            found[name] = replace(found[name], **_displacements(even, units(drawn)))
    return found


def _part(visit: Visit, axes: Tensor, fields: Sequence[str], paired: bool) -> dict[str, tuple[Sphere, Tensor]]:
    points = visit.centre[:, None] + (visit.radius * axes).to(visit.x.dtype)  # axes of one image may serve all
    branches = [name for name in ("conditional", "unconditional") if name in fields or "gap" in fields]
    answers = {name: visit.epsilon(points, name) for name in branches}
    if "gap" in fields:
        answers["gap"] = answers["conditional"] - answers["unconditional"]
    return {name: _reduced(answers[name], axes, paired) for name in fields}


def _reduced(eps: Tensor, axes: Tensor, paired: bool) -> tuple[Sphere, Tensor]:
    """Numbers a probe, and the even parts (b, k, D); none of them without pairs."""
    norm = torch.linalg.vector_norm(eps, dim=-1).cpu()
    radial = torch.linalg.vecdot(eps, axes).cpu()
    if not paired:
        return Sphere(norm, radial), eps.new_empty(len(eps), 0, eps.shape[2])
    first, second = eps[:, 0::2], eps[:, 1::2]
    return Sphere(norm, radial, torch.linalg.vecdot(first, second).cpu()), (first + second).mul_(0.5)


def _displacements(even: Tensor, sizes: Sequence[int]) -> dict[str, Tensor]:
    """Lengths of the mean even part over the first pairs, and over all but a unit."""
    count = torch.arange(1, even.shape[1] + 1, dtype=torch.float64, device=even.device)
    drift = torch.linalg.vector_norm(even.cumsum(1), dim=-1) / count
    without = torch.linalg.vector_norm(means_without(even, sizes), dim=-1)
    return {"drift": drift.cpu(), "without": without.cpu()}


def _beside(parts: Sequence[Sphere]) -> Sphere:
    return parts[0] if len(parts) == 1 else Sphere.together(parts, lambda values: torch.cat(values, 1))


def extended(before: Sphere, more: Sphere, rows: Tensor) -> Sphere:
    """A further round beside the earlier ones, NaN for the images that had none."""

    def wide(new: list[Tensor]) -> Tensor:
        columns = new[0].new_full((len(before.norm), new[0].shape[1]), math.nan)
        columns[rows] = new[0]
        return columns

    return _beside([before, Sphere.together([more], wide)])
