"""The space a model lives in, and the way there from images and back: pixels, or the latents of an autoencoder.

    pixels     x_0 = low + (high - low) image,   image in [0, 1], (C, H, W)
    latents    x_0 = (z - shift) scaling,        z = mean or sample of the encoder's Gaussian at those pixels

Source of the latents: Rombach et al., "High-resolution image synthesis with latent diffusion models" (2022), arXiv
2112.10752; the shift, Esser et al., "Scaling rectified flow transformers" (2024), arXiv 2403.03206.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from plaplace.models.images import each_image

__all__ = ["ImageSpace", "LatentSpace", "Space"]

FITS = ("crop", "stretch", "refuse")


class Space(Protocol):
    """Where the points of a model live."""

    def encode(self, images: Any) -> Tensor:
        """Images to points (B, *shape) float32."""
        ...

    def decode(self, x: Tensor) -> Tensor:
        """Points to images (B, C, H, W) float32 in [0, 1]."""
        ...


@dataclass(frozen=True)
class ImageSpace:
    """Pixels.

    Attributes:
        channels: 1 (grey) or 3 (colour); images are converted.
        size: (H, W).
        low, high: what black and white are to the model.
        fit: images of another size: "crop" scales the shorter side (Lanczos) and cuts the centre out, "stretch" scales
            both sides, "refuse" raises.
    """

    channels: int
    size: tuple[int, int]
    low: float = -1.0
    high: float = 1.0
    fit: str = "crop"

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels = {self.channels} was given; accepted are 1 and 3")
        if not isinstance(self.size, Sequence) or len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"size = {self.size} was given; accepted is (H, W)")
        if self.fit not in FITS:
            raise ValueError(f"fit = {self.fit!r} was given; accepted are {', '.join(map(repr, FITS))}")

    def encode(self, images: Any) -> Tensor:
        """Images, as `images.each_image` takes them, to points (B, C, H, W) float32.

        Raises:
            ValueError: no image, or one that cannot be read or, with fit = "refuse", is of another size.

        >>> ImageSpace(1, (1, 2)).encode(np.array([[0, 255]], dtype=np.uint8))
        tensor([[[[-1.,  1.]]]])
        """
        points = [self._one(image) for image in each_image(images)]
        if not points:
            raise ValueError("no image was given; accepted is one or more")
        return self.low + (self.high - self.low) * torch.stack(points)

    def decode(self, x: Tensor) -> Tensor:
        """Points (B, C, H, W) to images in [0, 1]; what lies outside is cut."""
        return ((x.detach().float().cpu() - self.low) / (self.high - self.low)).clamp(0, 1)

    def _one(self, image: Tensor) -> Tensor:
        if len(image) == 3 and self.channels == 1:
            # ITU-R 601 luma, as PIL has it
            image = (image * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
        elif len(image) == 1 and self.channels == 3:
            image = image.expand(3, -1, -1)
        height, width = image.shape[1:]
        if (height, width) == tuple(self.size):
            return image
        if self.fit == "refuse":
            raise ValueError(f"an image of {height} x {width} was given; accepted is {self.size[0]} x {self.size[1]}")
        box = (0.0, 0.0, float(width), float(height))
        if self.fit == "crop":
            scale = min(height / self.size[0], width / self.size[1])
            inner_height, inner_width = scale * self.size[0], scale * self.size[1]
            left, top = (width - inner_width) / 2, (height - inner_height) / 2
            box = (left, top, left + inner_width, top + inner_height)
        scaled = [
            np.asarray(Image.fromarray(channel.numpy()).resize(self.size[::-1], Image.Resampling.LANCZOS, box))
            for channel in image.contiguous()
        ]
        return torch.from_numpy(np.stack(scaled)).clamp(0, 1)


@dataclass(frozen=True)
class LatentSpace:
    """Latents of an autoencoder.

    Attributes:
        pixels: what the autoencoder takes.
        posterior: pixels (B, C, H, W) to (mean, standard deviation) of the encoder's Gaussian, (B, *shape) both; a
            standard deviation of None where the encoder is deterministic.
        inverse: z to pixels.
        scaling, shift: `x_0 = (z - shift) scaling`.
        chunk: images at a time.
    """

    pixels: ImageSpace
    posterior: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    inverse: Callable[[Tensor], Tensor]
    scaling: float = 1.0
    shift: float = 0.0
    chunk: int = 8

    @torch.no_grad()
    def encode(self, images: Any, sample: bool = False, generator: torch.Generator | None = None) -> Tensor:
        """Images to latents (B, *shape) float32.

        Args:
            sample: a draw of the encoder's Gaussian instead of its mean.
            generator: of the draw, on the CPU.
        """
        points = self.pixels.encode(images)
        return torch.cat([self._encode(part, sample, generator) for part in points.split(self.chunk)])

    def _encode(self, points: Tensor, sample: bool, generator: torch.Generator | None) -> Tensor:
        mean, deviation = self.posterior(points)
        z = mean.float()
        if sample and deviation is not None:
            # image by image: the numbers do not depend on how a batch is cut
            noise = torch.stack([torch.randn(z.shape[1:], generator=generator) for _ in z])
            z = z + deviation.float() * noise.to(z.device)
        return (z - self.shift) * self.scaling

    @torch.no_grad()
    def decode(self, x: Tensor) -> Tensor:
        """Latents to images (B, C, H, W) float32 in [0, 1]."""
        parts = [self.pixels.decode(self.inverse(part / self.scaling + self.shift)) for part in x.split(self.chunk)]
        return torch.cat(parts)
