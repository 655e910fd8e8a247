"""World 4: Fashion-MNIST at 14 and 28 pixels, images planted 50, 10, 5 and 2 times, U-Nets that predict the noise.

Negatives are held-out images of the same classes, and images that the model generates. Near duplicates of what was
planted (shifted by a pixel, brighter, noisy) are judged too. Settings and levels chosen on seeds 100 and 101.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from plaplace.memorization.worlds.bed import Bed, Progress, World
from plaplace.memorization.worlds.pictures import Plan, picture_bed
from plaplace.memorization.worlds.training import along
from plaplace.networks import recipe, start
from plaplace.networks.data import image_set, plant

__all__ = ["FASHION_14", "FASHION_28", "FULL_14", "FULL_28", "beds"]

FULL_14 = Plan(
    num_train=300,
    duplicates={50: 10, 10: 30, 5: 30, 2: 30},
    first=5,
    num_held_out=400,
    num_null=400,
    num_once=150,
    num_generated=150,
    num_steps=3000,
    ratios=(0.05, 0.1, 0.2, 0.4, 0.8),
    main=0.4,
    near=True,
    settings={"channels": (16, 32), "learning_rate": 2e-3, "decay": "constant"},
)
FULL_28 = replace(
    FULL_14, num_held_out=300, num_null=300, num_once=100, num_generated=100,
    settings={**FULL_14.settings, "channels": (16, 16, 32)},
)  # fmt: skip
QUICK = replace(
    FULL_14, num_train=40, duplicates={50: 2, 10: 2, 5: 2, 2: 2}, num_held_out=12, num_null=12, num_once=8,
    num_generated=4, num_steps=4, settings={"channels": (8, 16), "batch_size": 8},
)  # fmt: skip


def beds(name: str, size: int, seed: int, quick: bool, progress: Progress, plan: Plan | None = None) -> Iterator[Bed]:
    """One bed, at the end of the training of the recipe for that size."""
    plan = plan or (QUICK if quick else FULL_14 if size == 14 else FULL_28)
    images = image_set("fashion-mnist", size)
    planted = plant(images, plan.num_train, plan.duplicates, plan.num_held_out + plan.num_null, seed=seed)
    chosen = recipe(f"unet-{size}", num_steps=plan.num_steps, **plan.settings)
    run = start(planted.points, chosen, seed=seed)
    for step, network, model in along(run, (plan.num_steps,), progress):
        title = f"U-Net on {plan.num_train} Fashion-MNIST images of {size} x {size}, {step} steps"
        yield picture_bed(name, title, seed, step, plan, planted, network, model)


def _world(name: str, size: int, seeds: int) -> World:
    def build(seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
        return beds(name, size, seed, quick, progress)

    return World(name, f"Fashion-MNIST {size} x {size}, U-Net", tuple(range(seeds)), (0,), build)


FASHION_14 = _world("fashion-14", 14, 3)
FASHION_28 = _world("fashion-28", 28, 1)
