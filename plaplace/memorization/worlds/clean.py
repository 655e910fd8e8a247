"""World 7b, a control: no duplicates, and a training that stops while it still helps on images it does not see.

Fashion-MNIST at 8 pixels, each image once. The loss on a validation set, neither judged nor used for calibration, is
looked at twenty times; the training ends at the first look that does not find it lower than the one before by a
hundredth, and the network of that one before is kept. Settings chosen on seed 100.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from plaplace.memorization.worlds.bed import Bed, Progress, World
from plaplace.memorization.worlds.pictures import Plan, picture_bed
from plaplace.memorization.worlds.training import Network, along
from plaplace.models import ScoreModel
from plaplace.networks import evaluate, recipe, start
from plaplace.networks.data import image_set, plant
from plaplace.networks.recipes import Recipe

__all__ = ["CLEAN", "FULL", "beds", "stopped_early"]

CHECKS = 20  # of the validation loss in a whole training
LEAST_GAIN = 0.01  # relative, of one check over the one before
FULL = Plan(
    num_train=20_000,
    duplicates={},
    first=1,
    num_held_out=500,
    num_null=4500,
    num_once=200,
    num_generated=0,
    num_steps=2000,
    ratios=(0.05, 0.1, 0.2, 0.4, 0.8),
    main=0.2,
)
QUICK = replace(
    FULL, num_train=40, num_held_out=12, num_null=24, num_once=12, num_steps=40,
    settings={"width": 16, "depth": 1},
)  # fmt: skip
_VALIDATION = 500


def stopped_early(
    points: Tensor, validation: Tensor, chosen: Recipe, seed: int, progress: Progress
) -> tuple[int, Network, ScoreModel]:
    """Step, network and model of the last check that was better than the one before it."""
    run = start(points, chosen, seed=seed)
    total = chosen.training.num_steps
    steps = [total * (i + 1) // CHECKS for i in range(CHECKS)]
    best: tuple[int, Network, ScoreModel] | None = None
    lowest = float("inf")
    for found in along(run, steps, progress):
        loss = float(evaluate(found[1], validation, chosen)[:, 1].mean())
        if best is not None and loss > (1 - LEAST_GAIN) * lowest:
            break
        best, lowest = found, loss
    assert best is not None
    return best


def beds(seed: int, quick: bool, progress: Progress, plan: Plan | None = None) -> Iterator[Bed]:
    """One bed, of the step at which the training was stopped."""
    plan = plan or (QUICK if quick else FULL)
    judged = plan.num_held_out + plan.num_null
    planted = plant(image_set("fashion-mnist", 8), plan.num_train, None, judged + _VALIDATION, seed=seed)
    validation = planted.held_out[judged:]
    chosen = recipe("image-mlp", num_steps=plan.num_steps, **plan.settings)
    step, network, model = stopped_early(planted.points, validation, chosen, seed, progress)
    title = f"MLP on {plan.num_train} Fashion-MNIST images of 8 x 8, each once, stopped early at {step} steps"
    yield picture_bed(CLEAN.name, title, seed, step, plan, planted, network, model)


CLEAN = World("clean", "Control: no duplicates, stopped early", tuple(range(10)), (0,), beds, control=True)
