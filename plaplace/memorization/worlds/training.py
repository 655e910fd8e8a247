"""Networks along one training, and whether what they generate is copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plaplace.memorization.worlds.bed import Progress
from plaplace.models import ScoreModel, load
from plaplace.networks import Denoiser, EpsilonNetwork, Run, UNet, advance, finish

__all__ = ["COPY_BELOW", "Network", "along", "copied", "copies", "ratios"]

COPY_BELOW = 1 / 3
Network = Denoiser | EpsilonNetwork | UNet


def along(run: Run, steps: Sequence[int], progress: Progress) -> Iterator[tuple[int, Network, ScoreModel]]:
    """Step, network and model at each of these steps of one training, in increasing order; the network is a copy."""
    for step in steps:

        def reached(run: Run, step: int = step) -> bool:
            if run.step % 50 == 0 or run.step == step:
                progress(run.step, steps[-1])
            return run.step >= step

        if run.step < step:
            advance(run, reached)
        network = finish(run, num_points=64)[0]
        yield run.step, network, load(network, training=run.recipe.training)


def ratios(samples: Tensor, training: Tensor) -> Tensor:
    """`d_1 / d_2`, distances to the nearest and the second nearest of the distinct training points, (B,) float64.

    >>> ratios(torch.tensor([[0.5]]), torch.tensor([[0.0], [2.0]]))
    tensor([0.3333], dtype=torch.float64)
    """
    known = training.flatten(1).double()
    parts = samples.flatten(1).double().split(256)
    nearest = torch.cat([torch.cdist(part, known).topk(2, dim=1, largest=False).values for part in parts])
    return nearest[:, 0] / nearest[:, 1]


def copies(samples: Tensor, training: Tensor) -> Tensor:
    """Whether each sample is a copy: less than a third as far from one training point as from any other, (B,).

    Source: Yoon, Choi, Kwon, Ryu, "Diffusion probabilistic models generalize when they fail to memorize" (2023), ICML
    workshop.
    """
    return ratios(samples, training) < COPY_BELOW


def copied(samples: Tensor, training: Tensor) -> float:
    """Share of the samples that are copies."""
    return float(copies(samples, training).double().mean())
