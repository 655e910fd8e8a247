"""World 5: a class-conditional U-Net on Fashion-MNIST at 14 pixels, after Jeon et al., with copies on demand.

The common class has thousands of images, each once. Of each rare class one image is there 100 times beside a few of its
kind, so that its label draws copies, but not always. Condition dropout 0.2, guidance 5.

    copied          generated with guidance, d_1 / d_2 < 1/3 to the distinct training images
    nearly copied   .. of a rare label, 1/3 to 1/2
    not copied      .. of a rare label, above 1/2
    common          .. of the common label, above 1/3
    x100, once, held out    images with their labels, as in the other worlds

The main contrast is that after generation: samples that copy against all that do not. Two more say what it hides: the
same without those near the limit, which is a convention, and among the rare labels alone, where a label tells little.
The calibration images are further samples that do not copy. Settings and levels chosen on seed 100.

Source of the setting: Jeon, Kim, No, "Understanding and mitigating memorization in diffusion models through sharpness
of probability landscapes" (2025), arXiv 2412.04140.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.memorization.worlds.bed import Bed, Progress, Task, World, task
from plaplace.memorization.worlds.training import COPY_BELOW, along, copies, ratios
from plaplace.models import ScoreModel
from plaplace.networks import recipe, start
from plaplace.networks.data import ImageSet, image_set
from plaplace.sampling import ddim

__all__ = ["CLASSES", "FULL", "Plan", "Split", "beds", "guided_samples", "split"]

COMMON = 0  # t-shirts
RARE = (1, 5, 7, 8)  # trousers, sandals, trainers, bags
TIMES = 100
GUIDANCE = 5.0
RATIOS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
MAIN = 0.4
CLEARLY = 1 / 2  # of d_1 / d_2: no copy by any convention
TASKS: dict[str, Task] = {
    "copied / not copied": (frozenset({"copied"}), frozenset({"nearly copied", "not copied", "common"})),
    "copied / clearly not": (frozenset({"copied"}), frozenset({"not copied", "common"})),
    "copied / not, rare labels": (frozenset({"copied"}), frozenset({"nearly copied", "not copied"})),
    **task("x100", "held out"),
    **task("once", "held out"),
}


@dataclass(frozen=True)
class Plan:
    """Numbers of images: of the common class, of each rare class once, held out of each class, generated a label."""

    common: int
    rare: int
    held_out: int
    generated: int
    num_steps: int
    channels: tuple[int, ...] = (16, 32)


FULL = Plan(common=2000, rare=20, held_out=60, generated=80, num_steps=2000)
QUICK = Plan(common=20, rare=4, held_out=4, generated=3, num_steps=4, channels=(8, 16))


@dataclass(frozen=True)
class Split:
    """Indices in the image set: each training image once with its times, and those held out."""

    training: Tensor
    times: Tensor
    held_out: Tensor


def split(images: ImageSet, plan: Plan, seed: int) -> Split:
    """One image of each rare class `TIMES` times, then `rare` others of it once, then the common class."""
    assert images.labels is not None
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    training, times, held_out = [], [], []
    for label in (*RARE, COMMON):
        mine = order[images.labels[order] == label]
        number = plan.common if label == COMMON else 1 + plan.rare
        training.append(mine[:number])
        times.append(torch.ones(number, dtype=torch.int64))
        if label != COMMON:
            times[-1][0] = TIMES
        held_out.append(mine[number : number + plan.held_out])
    return Split(torch.cat(training), torch.cat(times), torch.cat(held_out))


@torch.no_grad()
def guided_samples(
    model: ScoreModel, labels: Tensor, generator: torch.Generator, guidance: float = GUIDANCE, num_steps: int = 50
) -> Tensor:
    """One image a label by DDIM, `s_u + w (s_c - s_u)`; clean predictions are clipped to [-1, 1] at every level."""
    steps = torch.linspace(model.levels.t_max, 0, num_steps).round().long().tolist()
    path = [model.levels.level(t) for t in steps]
    x = torch.randn(len(labels), *model.shape, generator=generator, dtype=torch.float32)

    def score(x: Tensor, i: int) -> Tensor:
        level = path[i]
        free = model.score(x, level)
        s = free + guidance * (model.score(x, level, labels) - free)
        clean = ((x + level.sigma**2 * s) / level.alpha).clamp(-1, 1)
        return (level.alpha * clean - x) / level.sigma**2

    return ddim(score, [(level.alpha, level.sigma) for level in path], x)


def beds(seed: int, quick: bool, progress: Progress, plan: Plan | None = None) -> Iterator[Bed]:
    """One bed, at the end of the training."""
    plan = plan or (QUICK if quick else FULL)
    images = image_set("fashion-mnist", 14)
    assert images.labels is not None
    chosen = split(images, plan, seed)
    training, labels = images.points(chosen.training), images.labels[chosen.training]
    settings = recipe(
        "unet-14", num_steps=plan.num_steps, label_dropout=0.2, channels=plan.channels, learning_rate=2e-3,
        decay="constant",
    )  # fmt: skip
    rows = torch.arange(len(training)).repeat_interleave(chosen.times)
    run = start(training[rows], settings, seed=seed, labels=labels[rows])
    for step, _, model in along(run, (plan.num_steps,), progress):
        yield _bed(model, seed, step, plan, images, chosen)


def _bed(model: ScoreModel, seed: int, step: int, plan: Plan, images: ImageSet, chosen: Split) -> Bed:
    assert images.labels is not None
    training, labels = images.points(chosen.training), images.labels[chosen.training]
    held, held_labels = images.points(chosen.held_out), images.labels[chosen.held_out]
    generator = torch.Generator().manual_seed(seed)
    asked = torch.tensor([*RARE, COMMON]).repeat_interleave(plan.generated)
    drawn, further = (guided_samples(model, asked, generator) for _ in range(2))
    found = ratios(drawn, training)
    order = torch.randperm(len(asked), generator=generator)  # a part of the null is then like the whole
    spare = order[~copies(further, training)[order]]
    rare, rare_held = labels != COMMON, held_labels != COMMON
    held, held_labels = held[rare_held], held_labels[rare_held]
    once = torch.nonzero((chosen.times == 1) & rare)[:, 0]
    often = torch.nonzero(chosen.times == TIMES)[:, 0]
    names = [_name(ratio, label) for ratio, label in zip(found.tolist(), asked.tolist(), strict=True)]
    names += ["x100"] * len(often) + ["once"] * len(once) + ["held out"] * len(held)
    return Bed(
        CLASSES.name,
        f"class-conditional U-Net, {len(RARE)} classes with one image {TIMES} times, {step} steps",
        seed,
        step,
        model,
        torch.cat([drawn, training[often], training[once], held]),
        tuple(names),
        further[spare],
        training,
        chosen.times,
        model.levels.at(snr=MAIN**-2),
        tuple(model.levels.at(snr=ratio**-2) for ratio in RATIOS),
        {name: sides for name, sides in TASKS.items() if not any(side.isdisjoint(names) for side in sides)},
        conditions=torch.cat([asked, labels[often], labels[once], held_labels]),
        null_conditions=asked[spare],
        copied=float((found < COPY_BELOW).double().mean()),
    )


def _name(ratio: float, label: int) -> str:
    """Group of a generated image."""
    if ratio < COPY_BELOW:
        return "copied"
    if label == COMMON:
        return "common"
    return "nearly copied" if ratio < CLEARLY else "not copied"


CLASSES = World("classes", "Class-conditional Fashion-MNIST, one image 100 times", tuple(range(3)), (0,), beds)
