"""Beds of images with planted duplicates, from the array that was trained on.

    xN             planted N times
    once           trained on once, of the same classes
    held out       never trained on, of the same classes
    generated      drawn from the model and no copy; "generated copy" those that are
    near xN        near duplicates of the planted images, never trained on: shifted by a pixel, brighter, noisy
    near held out  the same of held-out images, their negatives

The calibration images are held out too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from plaplace.memorization.worlds.bed import Bed, Task, task
from plaplace.memorization.worlds.training import Network, copied, copies
from plaplace.models import ScoreModel
from plaplace.networks import sample
from plaplace.networks.data import Planted

__all__ = ["Plan", "near_duplicates", "picture_bed"]

_BRIGHTER = 0.15  # of the range from black to white
_NOISE = 0.1  # standard deviation, of the same
_NEAR = 120  # held-out images of which there are near duplicates


@dataclass(frozen=True)
class Plan:
    """How large a world of images is, and where it is probed.

    Attributes:
        num_train: distinct training images.
        duplicates: {times: images} of the planted ones among them.
        first: which of these times the main contrast is about; 1 without duplicates.
        num_held_out, num_null: negatives that are judged, and calibration images.
        num_once, num_generated: how many of those are judged; without generated ones copies are not counted.
        num_steps: of the training.
        ratios: sigma / alpha of the levels.
        main: of the main one.
        near: whether near duplicates are judged.
        settings: of the recipe.
    """

    num_train: int
    duplicates: dict[int, int]
    first: int
    num_held_out: int
    num_null: int
    num_once: int
    num_generated: int
    num_steps: int
    ratios: tuple[float, ...]
    main: float
    near: bool = False
    settings: dict[str, int | float | str | tuple[int, ...]] = field(default_factory=dict)


def picture_bed(
    world: str,
    title: str,
    seed: int,
    step: int,
    plan: Plan,
    planted: Planted,
    network: Network,
    model: ScoreModel,
) -> Bed:
    """The bed of a network that was trained on the planted points."""
    times = torch.tensor(planted.manifest.times)
    distinct = planted.points[times.cumsum(0) - times]
    parts: dict[str, Tensor] = {f"x{n}": distinct[times == n] for n in sorted(plan.duplicates, reverse=True)}
    often = list(parts)
    parts["once"] = distinct[times == 1][: plan.num_once]
    parts["held out"] = planted.held_out[: plan.num_held_out]
    generator = torch.Generator().manual_seed(seed)
    drawn = sample(network, plan.num_generated, generator, limit=1.0) if plan.num_generated else distinct[:0]
    if plan.num_generated:
        copy = copies(drawn, distinct)
        parts["generated"] = drawn[~copy]
        parts |= {"generated copy": drawn[copy]} if bool(copy.any()) else {}
    if plan.near:
        parts |= {f"near {name}": near_duplicates(parts[name], generator) for name in often}
        parts["near held out"] = near_duplicates(parts["held out"][:_NEAR], generator)
    first = f"x{plan.first}"
    ordered = [*(name for name in often if name == first), *(name for name in often if name != first), "once"]
    tasks: dict[str, Task] = {}
    for negative in ("held out", *(["generated"] if plan.num_generated else [])):
        for name in ordered:
            tasks |= task(name, negative)
    for name in often:
        tasks |= task(f"near {name}", "near held out") if plan.near else {}
    return Bed(
        world,
        title,
        seed,
        step,
        model,
        torch.cat(list(parts.values())),
        tuple(name for name, images in parts.items() for _ in images),
        planted.held_out[plan.num_held_out : plan.num_held_out + plan.num_null],
        distinct,
        times,
        model.levels.at(snr=plan.main**-2),
        tuple(model.levels.at(snr=ratio**-2) for ratio in plan.ratios),
        tasks,
        copied=copied(drawn, distinct) if plan.num_generated else None,
    )


def near_duplicates(images: Tensor, generator: torch.Generator) -> Tensor:
    """Of images (N, C, H, W) in [-1, 1] in turn one shifted by a pixel to the right, one brighter, one noisy.

    >>> near_duplicates(torch.zeros(2, 1, 1, 1), torch.Generator()).flatten()
    tensor([0.0000, 0.3000])
    """
    shifted = torch.cat([images[..., :1], images[..., :-1]], -1)  # the edge stays as it was
    noisy = images + 2 * _NOISE * torch.randn(images.shape, generator=generator, dtype=images.dtype)
    kinds = torch.stack([shifted, images + 2 * _BRIGHTER, noisy]).clamp(-1, 1)
    rows = torch.arange(len(images))
    return kinds[rows % 3, rows]
