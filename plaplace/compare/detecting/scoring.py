"""From a bed and a way of probing to scores: one number an image for every statistic, its calls and its time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.compare.detecting.contenders import NOISED_RADIUS, Probing
from plaplace.memorization import Probes, Statistic, probe, statistics
from plaplace.memorization.worlds import Bed
from plaplace.models import Level

__all__ = ["Scored", "generator_for", "groups_of", "pass_over", "scored"]


@dataclass(frozen=True)
class Scored:
    """One statistic on the images of one bed.

    Attributes:
        statistic: its name.
        probing: name of the way of probing.
        number: directions on the sphere; 0 for a statistic that needs none.
        calls: network evaluations an image.
        level: where it was asked.
        scores: (B,) float64, larger = memorized.
        milliseconds: an image, of the pass that it shares with others that need the same.
        null: scores of calibration images, where p-values are made of it.
    """

    statistic: str
    probing: str
    number: int
    calls: int
    level: Level
    scores: Tensor
    milliseconds: float
    null: Tensor | None = None


def generator_for(bed: Bed, *names: object) -> torch.Generator:
    """Random numbers of a pass: they depend on the world, the seed and the names, not on what ran before."""
    text = "/".join(map(str, (bed.world, bed.seed, *names)))
    return torch.Generator().manual_seed(zlib.crc32(text.encode()))


def pass_over(
    bed: Bed,
    probing: Probing,
    level: Level,
    number: int,
    names: Sequence[str | Statistic] | None = None,
    null: bool = False,
) -> tuple[Probes, float]:
    """Probes of the bed's images, or of its null, and the milliseconds they took an image."""
    images = bed.null if null else bed.images
    condition = bed.null_conditions if null else bed.conditions
    generator = generator_for(bed, probing.name, level.t)
    radius = None
    if probing.noised:
        # the noised copy as the centre: alpha x' = alpha x_0 + sigma eps
        eps = torch.randn(images.shape, generator=generator_for(bed, "copy", null), dtype=images.dtype)
        images = images + level.sigma / level.alpha * eps
        radius = NOISED_RADIUS * level.alpha * neighbour_distance(bed.training)
    start = time.perf_counter()
    found = probe(
        bed.model, images, level, number, generator, condition, statistics=names, directions=probing.directions,
        radius=radius, training=bed.training,
    )  # fmt: skip
    return found, 1e3 * (time.perf_counter() - start) / max(1, len(images))


def neighbour_distance(points: Tensor) -> float:
    """Median distance of a point to its nearest other one."""
    flat = points.flatten(1).double()
    nearest = [torch.cdist(part, flat).topk(2, dim=1, largest=False).values[:, 1] for part in flat.split(256)]
    return float(torch.cat(nearest).median())


def groups_of(names: Iterable[str]) -> list[list[str]]:
    """Statistics that need the same, together: those of a group share one pass and its cost."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        each = statistics[name]
        groups.setdefault((each.fields, tuple(part.name for part in each.ingredients)), []).append(name)
    return list(groups.values())


def scored(
    bed: Bed, probing: Probing, level: Level, number: int, names: Sequence[str], numbers: Sequence[int] = ()
) -> list[Scored]:
    """Scores of all images by the statistics named.

    Args:
        number: directions of the sphere.
        numbers: smaller numbers of directions that are wanted too, from the same pass; of statistics that need the
            sphere alone.
    """
    found: list[Scored] = []
    for group in groups_of(names):
        sphere = bool(statistics[group[0]].fields)
        probes, milliseconds = pass_over(bed, probing, level, number, group)
        for size in (number, *numbers) if sphere else (number,):
            part = probes.first(size) if sphere and size < number else probes
            calls = int(part.num_evaluations.max()) if len(part) else 0
            share = calls / max(1, int(probes.num_evaluations.max())) if len(part) else 1.0
            found += [
                Scored(name, probing.name, size if sphere else 0, calls, level, statistics[name](part),
                       milliseconds * share)
                for name in group
            ]  # fmt: skip
    return found
