"""World 7a, a control: a denoiser trained with differential privacy, in which no image can have been memorized.

Fashion-MNIST at 8 pixels. Each distinct image, with all its copies, is one record: the gradient of its loss, counted as
often as it was planted, is clipped as a whole. So the guarantee is one an image however often it is there: whether an
image was trained on changes the probability of any outcome by at most a factor e^epsilon, but for delta. The rows of a
step are a Poisson sample, as the accountant has it. The random numbers are seeded, so that the world can be built
again: the guarantee is against those who do not know the seed. Settings chosen on seed 100.

Sources: Abadi et al., "Deep learning with differential privacy" (2016), arXiv 1607.00133; for diffusion models,
Dockhorn et al., "Differentially private diffusion models" (2022), arXiv 2210.09929; the library, Yousefpour et al.,
"Opacus" (2021), arXiv 2109.12298.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from plaplace.extras import require
from plaplace.memorization.worlds.bed import Bed, Progress, World
from plaplace.memorization.worlds.pictures import Plan, picture_bed
from plaplace.models import load
from plaplace.networks import Denoiser, Training, recipe, start
from plaplace.networks.data import image_set, plant
from plaplace.networks.objective import loss_at, random_levels

__all__ = ["FULL", "PRIVACY", "PRIVATE", "Privacy", "beds", "train_privately"]


@dataclass(frozen=True)
class Privacy:
    """How a private training is run.

    Attributes:
        epsilon, delta: of the whole training, for one record.
        clip: largest norm of a record's gradient.
        rate: probability of a record to be in a step.
    """

    epsilon: float
    delta: float
    clip: float
    rate: float


PRIVACY = Privacy(epsilon=8.0, delta=1e-5, clip=0.1, rate=0.0256)
PRIVACY_QUICK = replace(PRIVACY, rate=0.4)
FULL = Plan(
    num_train=10_000,
    duplicates={10: 100},
    first=10,
    num_held_out=500,
    num_null=4500,
    num_once=200,
    num_generated=0,
    num_steps=800,
    ratios=(0.05, 0.1, 0.2, 0.4, 0.8),
    main=0.2,
    settings={"width": 64, "depth": 2, "learning_rate": 1e-3},
)
_PUBLIC = 500  # images that are neither trained on, judged nor used for calibration
QUICK = Plan(40, {10: 4}, 10, 12, 24, 12, 0, 4, FULL.ratios, FULL.main, settings={"width": 16, "depth": 1})


def train_privately(
    network: Denoiser,
    records: Tensor,
    times: Tensor,
    training: Training,
    privacy: Privacy,
    generator: torch.Generator,
    progress: Progress,
) -> float:
    """DP-SGD with Adam, in place; returns the standard deviation of the noise in units of the clipping norm.

    Args:
        network: fresh.
        records: (N, *shape) distinct points.
        times: (N,) how much each counts in its own loss.
        training: number of steps, learning rate, noise levels.
        generator: of the sampling, the levels and the noise.

    Raises:
        ImportError: opacus is not installed.
    """
    opacus = require("opacus", "dp", "a training with differential privacy")
    multiplier: float = opacus.accountants.utils.get_noise_multiplier(
        target_epsilon=privacy.epsilon, target_delta=privacy.delta, sample_rate=privacy.rate, steps=training.num_steps
    )
    module = opacus.GradSampleModule(network)
    optimizer = opacus.optimizers.DPOptimizer(
        torch.optim.Adam(network.parameters(), lr=training.learning_rate),
        noise_multiplier=multiplier,
        max_grad_norm=privacy.clip,
        expected_batch_size=max(1, round(privacy.rate * len(records))),
        generator=generator,
    )
    for step in range(training.num_steps):
        rows = torch.nonzero(torch.rand(len(records), generator=generator) < privacy.rate)[:, 0]
        x = records[rows]
        levels = random_levels(network, len(x), training.p_mean, training.p_std, generator)
        eps = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        optimizer.zero_grad()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Full backward hook is firing")  # the points need no gradient, as ever
            (times[rows] * loss_at(network, module, x, eps, levels)).mean().backward()
        optimizer.step()
        progress(step + 1, training.num_steps)
    module.to_standard_module()
    return multiplier


def beds(
    seed: int, quick: bool, progress: Progress, plan: Plan | None = None, privacy: Privacy | None = None
) -> Iterator[Bed]:
    """One bed, at the end of the training."""
    plan, privacy = plan or (QUICK if quick else FULL), privacy or (PRIVACY_QUICK if quick else PRIVACY)
    judged = plan.num_held_out + plan.num_null
    images = image_set("fashion-mnist", 8)
    planted = plant(images, plan.num_train, plan.duplicates, judged + _PUBLIC, seed=seed)
    times = torch.tensor(planted.manifest.times)
    records = planted.points[times.cumsum(0) - times]
    chosen = recipe("image-mlp", num_steps=plan.num_steps, **plan.settings)
    # centre and scale from images that are not trained on, else they would tell of those that are
    network = start(planted.held_out[judged:], chosen, seed=seed).network
    assert isinstance(network, Denoiser)
    generator = torch.Generator().manual_seed(seed)
    train_privately(network, records, times, chosen.training, privacy, generator, progress)
    network = network.eval().requires_grad_(False)
    epsilon, delta = privacy.epsilon, privacy.delta
    title = f"MLP on {plan.num_train} Fashion-MNIST images of 8 x 8, differential privacy ({epsilon:g}, {delta:g})"
    model = load(network, training=chosen.training)
    yield picture_bed(PRIVATE.name, title, seed, plan.num_steps, plan, planted, network, model)


PRIVATE = World("dp", "Control: trained with differential privacy", tuple(range(10)), (0,), beds, control=True)
