"""World 2: which points of a mixture was a small network trained on? One training, judged along its way.

512 members of the d = 8 population, 1,024 others, the residual MLP of the study, Adam 1e-3. Copies begin to appear
late; a statistic that sees memorization earlier is what is looked for.

Levels t = 10 .. 400 of 1,000, the main one 50. The published estimator does best at t = 20, where it has an AUC of
about 0.92 at step 8,000; at the main level it has that at 12,000, and 10,000 is the checkpoint before. Chosen on seeds
100 to 103.

Source of task, network and schedule: Verma et al. (2026), arXiv 2610.11670; number of points, steps and levels ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from plaplace.memorization.worlds.bed import Bed, Progress, World, task
from plaplace.memorization.worlds.population import draws
from plaplace.memorization.worlds.training import along, copied
from plaplace.networks import recipe, sample, start

__all__ = ["MEMBERSHIP", "beds"]

LEVELS = (10, 20, 50, 100, 200, 400)
MAIN = 50
STEPS = (1000, 2000, 4000, 6000, 8000, 10_000, 12_000, 16_000)
JUDGED = (8000, 10_000, 12_000)
RIVAL = 20


def beds(seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
    """A bed a checkpoint."""
    number, others, calibration, generated = (32, 48, 96, 16) if quick else (512, 1024, 4096, 512)
    steps = (20, 40) if quick else STEPS
    members, fresh, null = (points.float() for points in draws(seed, number, others, calibration))
    run = start(members, recipe("d8-residual", num_steps=steps[-1]), seed=seed)
    for step, network, model in along(run, steps, progress):
        samples = sample(network, generated, torch.Generator().manual_seed(seed))
        levels = tuple(model.levels.at(t=t) for t in LEVELS)
        yield Bed(
            MEMBERSHIP.name,
            f"residual MLP on {number} points of a mixture, {step} steps",
            seed,
            step,
            model,
            torch.cat([members, fresh]),
            ("member",) * number + ("population",) * others,
            null,
            members,
            torch.ones(number, dtype=torch.int64),
            model.levels.at(t=MAIN),
            levels,
            task("member", "population"),
            copied=copied(samples, members),
            rival_level=model.levels.at(t=RIVAL),
        )


MEMBERSHIP = World("membership", "Membership in a mixture, d = 8", tuple(range(5)), (0,), beds, main_steps=JUDGED)
