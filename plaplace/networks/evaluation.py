"""What a training came to: the averaged network, and its loss level by level."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from plaplace.networks.objective import Network, loss_at, validation_levels
from plaplace.networks.points import checked_labels, checked_points
from plaplace.networks.recipes import Recipe

if TYPE_CHECKING:
    from plaplace.networks.training import Run

__all__ = ["History", "evaluate", "finish"]

_CHUNK = 512  # points evaluated at a time


@dataclass(frozen=True)
class History:
    """What a training leaves besides the network.

    Attributes:
        losses: training loss of each step, dimensionless.
        sigmas: (L,) noise levels of the validation, sigma / alpha, in units of the data.
        validation: (L,) mean loss at each, of the averaged weights.
        validated_on: "fresh points", "given points" or "training points".
    """

    losses: list[float]
    sigmas: list[float]
    validation: list[float]
    validated_on: str


@torch.no_grad()
def evaluate(
    network: Network,
    points: Tensor,
    chosen: Recipe,
    num_levels: int = 12,
    seed: int = 0,
    labels: Tensor | None = None,
) -> Tensor:
    """Mean loss at levels across the training's range: (L, 2), columns sigma / alpha and loss, float64.

    Args:
        network: any.
        points: clean points, (N, *shape); each level adds the same noise.
        chosen: whose p_mean and p_std give the range.
        num_levels: at most this many.
        seed: of the noise.
        labels: (N,), for a conditional network; None is the null class.
    """
    settings = chosen.training
    device = next(network.parameters()).device
    x = checked_points(points).to(device)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype).to(device)
    condition = None if labels is None else checked_labels(labels, len(x)).to(device)
    rows = []
    for level, sigma in zip(*validation_levels(network, num_levels, settings.p_mean, settings.p_std), strict=True):
        losses = _losses(network, x, eps, level.to(device).expand(len(x)), condition)
        rows.append([float(sigma), float(losses.double().mean())])
    return torch.tensor(rows, dtype=torch.float64)


def _spread(number: int, most: int) -> Tensor:
    """At most `most` indices evenly from 0 to number - 1: the first points of an array may be its duplicates."""
    return torch.arange(number) if number <= most else torch.linspace(0, number - 1, most).round().long()


def _losses(network: Network, x: Tensor, eps: Tensor, level: Tensor, labels: Tensor | None) -> Tensor:
    """`loss_at` in parts of bounded memory."""
    parts = torch.arange(len(x), device=x.device).split(_CHUNK)
    return torch.cat(
        [
            loss_at(network, network, x[part], eps[part], level[part], None if labels is None else labels[part])
            for part in parts
        ]
    )


def finish(
    run: Run,
    validation: Tensor | None = None,
    num_points: int = 2048,
    validation_labels: Tensor | None = None,
) -> tuple[Network, History]:
    """The averaged network, for evaluation only, and the history; can be called at any step and changes nothing.

    Args:
        run: finished or not.
        validation: points to validate on, (N, *shape); else fresh ones from the sampler, else the training points.
        num_points: at most this many.
        validation_labels: (N,), of `validation`, for a conditional network.
    """
    labels = validation_labels
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
        points, labels, origin = run.batches.points, run.batches.labels, "training points"
    network = copy.deepcopy(run.average).eval()
    chosen = _spread(len(points), num_points)
    table = evaluate(network, points[chosen], run.recipe, labels=None if labels is None else labels[chosen])
    return network, History(list(run.losses), table[:, 0].tolist(), table[:, 1].tolist(), origin)
