"""What a training came to: the averaged network, and its loss level by level."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from plaplace.networks.objective import Network, loss_at, validation_levels
from plaplace.networks.points import checked_points
from plaplace.networks.recipes import Recipe

if TYPE_CHECKING:
    from plaplace.networks.training import Run

__all__ = ["History", "evaluate", "finish"]


@dataclass(frozen=True)
class History:
    """What a training leaves besides the network.

    Attributes:
        losses: training loss of each step, dimensionless.
        sigmas: (L,) noise levels of the validation.
        validation: (L,) mean loss at each, of the averaged weights.
        validated_on: "fresh points", "given points" or "training points".
    """

    losses: list[float]
    sigmas: list[float]
    validation: list[float]
    validated_on: str


@torch.no_grad()
def evaluate(network: Network, points: Tensor, chosen: Recipe, num_levels: int = 12, seed: int = 0) -> Tensor:
    """Mean loss at levels across the training's range: (L, 2), columns sigma and loss, float64.

    Args:
        network: any.
        points: clean points, (N, *shape); each level adds the same noise.
        chosen: whose p_mean and p_std give the range.
        num_levels: at most this many.
        seed: of the noise.
    """
    settings = chosen.training
    device = next(network.parameters()).device
    x = checked_points(points).to(device)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype).to(device)
    rows = []
    for level, sigma in zip(*validation_levels(network, num_levels, settings.p_mean, settings.p_std), strict=True):
        losses = loss_at(network, network, x, eps, level.to(device).expand(len(x)))
        rows.append([float(sigma), float(losses.double().mean())])
    return torch.tensor(rows, dtype=torch.float64)


def finish(run: Run, validation: Tensor | None = None, num_points: int = 2048) -> tuple[Network, History]:
    """The averaged network, for evaluation only, and the history; can be called at any step and changes nothing.

    Args:
        run: finished or not.
        validation: points to validate on, (N, *shape); else fresh ones from the sampler, else the training points.
        num_points: at most this many.
    """
    if validation is not None:
        points, origin = checked_points(validation, "validation"), "given points"
    elif run.batches.sampler is not None:
        # a generator of its own: the run's must not notice
        generator = torch.Generator().manual_seed(run.seed + 1)
        points, origin = (
            checked_points(run.batches.sampler(num_points, generator), "what the sampler drew"),
            "fresh points",
        )
    else:
        assert run.batches.points is not None
        points, origin = run.batches.points, "training points"
    network = copy.deepcopy(run.average).eval()
    table = evaluate(network, points[:num_points], run.recipe)
    return network, History(list(run.losses), table[:, 0].tolist(), table[:, 1].tolist(), origin)
