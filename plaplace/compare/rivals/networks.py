"""The score networks of the estimators' contests: a small MLP and a small U-Net, float32, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plaplace.networks import UNet, UNetConfig

__all__ = ["NETWORKS", "Network"]

Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Network:
    """A score, the usual number of points in a batch, the shape of a point, and the package that builds it."""

    make: Callable[[], Score]
    batch: int
    shape: tuple[int, ...]
    package: str = "torch"

    def points(self, number: int | None = None) -> Tensor:
        """The batch, or that many points, standard normal."""
        return torch.randn(number or self.batch, *self.shape, generator=torch.Generator().manual_seed(0))


def _mlp() -> Score:
    """64-256-256-256-64, SiLU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers: list[nn.Module] = [nn.Linear(64, 256)]
        for width in (256, 256, 64):
            layers += [nn.SiLU(), nn.Linear(256, width)]
    return nn.Sequential(*layers).requires_grad_(False)


def _unet() -> Score:
    """Channels 32, 64, 96 at 28, 14 and 7 pixels, self-attention at the coarsest."""
    network = UNet(UNetConfig(shape=(1, 28, 28), channels=(32, 64, 96)))
    # it starts at 0, where a score has no direction
    nn.init.normal_(network.model.conv_out.weight, std=0.05, generator=torch.Generator().manual_seed(1))
    network.requires_grad_(False)
    return lambda x: network.score(x, 500)


NETWORKS = {
    "mlp": Network(_mlp, 256, (64,)),
    "unet": Network(_unet, 8, (1, 28, 28), package="diffusers"),
}
