"""A small convolutional U-Net that predicts the noise of an image, built by diffusers.

With `x_t = alpha_t x_0 + sigma_t eps` and levels t = 0 .. T-1 of `noise.linear` or `noise.cosine`, the network gives
eps_hat(x_t, t) and `s = -eps_hat / sigma_t`. One residual block at each resolution on the way down, two on the way up,
self-attention at the coarsest; group norm of 8 groups, no dropout. The last convolution starts at 0, so eps_hat does.

Sources: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models" (2020), arXiv 2006.11239; the library, von Platen
et al., "Diffusers" (2022), https://github.com/huggingface/diffusers, class UNet2DModel.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from plaplace import noise
from plaplace.extras import require
from plaplace.networks.configuration import UNetConfig
from plaplace.networks.layers import class_labels, initialise

__all__ = ["UNet"]


class UNet(nn.Module):
    """`network(x, t)` is the predicted noise; `network.score(x, t)` the score of the noised data at step t.

    Args:
        config: shape, channels, classes and schedule.
        seed: of the initial weights; None leaves them on the meta device, for a checkpoint to fill.

    With `num_classes` > 0 the network takes labels; None is the null class, the branch without a condition. `model` is
    the `UNet2DModel` itself.

    Raises:
        ImportError: diffusers is not installed.

    >>> network = UNet(UNetConfig(shape=(1, 8, 8), channels=(8, 16)))
    >>> network.score(torch.ones(2, 1, 8, 8), 500).shape
    torch.Size([2, 1, 8, 8])
    """

    kind = "unet"

    def __init__(self, config: UNetConfig, seed: int | None = 0) -> None:
        super().__init__()
        diffusers = require("diffusers", "diffusers", "a U-Net")
        self.config = config
        self.schedule = (
            noise.cosine(config.num_levels)
            if config.curve == "cosine"
            else noise.linear(config.num_levels, config.beta_start, config.beta_end)
        )
        resolutions = len(config.channels)
        with torch.device("meta"):
            self.model = diffusers.UNet2DModel(
                sample_size=config.shape[1:] if config.shape[1] != config.shape[2] else config.shape[1],
                in_channels=config.shape[0],
                out_channels=config.shape[0],
                block_out_channels=config.channels,
                down_block_types=("DownBlock2D",) * resolutions,
                up_block_types=("UpBlock2D",) * resolutions,
                layers_per_block=1,
                norm_num_groups=8,
                attention_head_dim=None,  # one head
                num_class_embeds=config.num_classes + 1 if config.num_classes else None,
            ).float()
        if seed is not None:
            initialise(self, seed)
            nn.init.zeros_(self.model.conv_out.weight)
            nn.init.zeros_(self.model.conv_out.bias)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.config.shape

    def forward(self, x: Tensor, t: int | Tensor, labels: Tensor | None = None) -> Tensor:
        """Predicted noise `eps_hat(x, t)`, shaped like x.

        Args:
            x: (B, C, H, W), of the network's dtype, at noise level t.
            t: step of the schedule, 0 .. T-1; a number, or an integer tensor () or (B,), which is not checked.
            labels: int64, (B,) or (1,), from 0 to `num_classes`, the null class; None is the null class.

        Raises:
            ValueError: another shape or dtype than the network's, or labels for an unconditional network.
            IndexError: t outside the schedule.
        """
        if x.shape[1:] != torch.Size(self.shape):
            raise ValueError(f"x has shape {tuple(x.shape)}; accepted is (B, {', '.join(map(str, self.shape))})")
        if x.dtype != self.model.dtype:
            raise ValueError(f"x is {x.dtype} and the network {self.model.dtype}; convert one with .to(dtype)")
        if not isinstance(t, Tensor):
            self.schedule.level(t)  # raises outside 0 .. T-1
        chosen = class_labels(labels, self.config.num_classes, len(x), x.device)
        epsilon: Tensor = self.model(x, torch.as_tensor(t, device=x.device), chosen).sample
        return epsilon

    def score(self, x: Tensor, t: int, labels: Tensor | None = None) -> Tensor:
        """Score `-eps_hat(x, t) / sigma_t`, shaped like x; arguments and errors as `forward`."""
        return noise.score_from_epsilon(self(x, t, labels), self.schedule.level(t)[1])

    def score_function(self, t: int, labels: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """The score at step t of the schedule as a callable x -> score, (B, *shape) -> (B, *shape)."""
        self.schedule.level(t)
        return lambda x: self.score(x, t, labels)
