"""World 3: handwritten digits of 8 x 8 pixels, some planted 10, 5 or 2 times, and an MLP trained for seconds.

400 distinct images; the training is stopped before they are all learned by heart. Held-out digits of the same classes
are the negatives. Settings and levels chosen on seed 100.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from plaplace.memorization.worlds.bed import Bed, Progress, World
from plaplace.memorization.worlds.pictures import Plan, picture_bed
from plaplace.memorization.worlds.training import along
from plaplace.networks import recipe, start
from plaplace.networks.data import image_set, plant

__all__ = ["DIGITS", "FULL", "beds"]

FULL = Plan(
    num_train=400,
    duplicates={10: 30, 5: 60, 2: 90},
    first=2,
    num_held_out=700,
    num_null=697,
    num_once=200,
    num_generated=200,
    num_steps=500,
    ratios=(0.05, 0.1, 0.2, 0.4, 0.8),
    main=0.1,
)
QUICK = replace(
    FULL, num_train=60, duplicates={10: 4, 5: 4, 2: 4}, num_held_out=24, num_null=24, num_once=12, num_generated=12,
    num_steps=20, settings={"width": 32, "depth": 1},
)  # fmt: skip


def beds(seed: int, quick: bool, progress: Progress, plan: Plan | None = None) -> Iterator[Bed]:
    """One bed, at the end of the training."""
    plan = plan or (QUICK if quick else FULL)
    planted = plant(image_set("digits"), plan.num_train, plan.duplicates, plan.num_held_out + plan.num_null, seed=seed)
    chosen = recipe("image-mlp", num_steps=plan.num_steps, **plan.settings)
    run = start(planted.points, chosen, seed=seed)
    for step, network, model in along(run, (plan.num_steps,), progress):
        title = f"MLP on {plan.num_train} digits, {step} steps"
        yield picture_bed(DIGITS.name, title, seed, step, plan, planted, network, model)


DIGITS = World("digits", "Digits with planted duplicates, MLP", tuple(range(5)), (0,), beds)
