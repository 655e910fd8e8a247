"""Samples of a trained network, as a picture to look at."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from plaplace import noise
from plaplace.networks.denoiser import Denoiser
from plaplace.networks.objective import Network, num_classes
from plaplace.sampling import ddim

__all__ = ["picture", "sample", "sample_picture"]

_LEAST_ALPHA = 0.005  # below, a score says next to nothing of x_0


def sample(
    network: Network,
    number: int,
    generator: torch.Generator,
    labels: Tensor | None = None,
    num_steps: int = 50,
    eta: float = 0.0,
    limit: float | None = None,
) -> Tensor:
    """Points (number, *shape) from noise by DDIM; on the network's device.

    Args:
        network: any. On a schedule that ends with much signal left, the first noise is not what it was trained on.
        number: of points.
        generator: of the noise, on the CPU.
        labels: int64, (number,) or (1,), for a conditional network; None is the null class.
        num_steps: noise levels; of a denoiser those of `noise.karras_sigmas` from 80 to 0.01 in units of the data, else
            evenly spaced steps of the schedule.
        eta: 0 deterministic, 1 ancestral.
        limit: of the predicted clean points, which are clipped to [-limit, limit] at every level: 1 for images. The
            network's error, divided by a small alpha, can then not run away.
    """
    parameter = next(network.parameters())
    x = torch.randn(number, *network.shape, generator=generator, dtype=torch.float32).to(parameter)
    condition = () if labels is None else (labels.to(parameter.device),)
    times, levels = _path(network, num_steps)
    if isinstance(network, Denoiser):
        x = network.centre.reshape(network.shape) + levels[0][1] * x

    def score(x: Tensor, i: int) -> Tensor:
        s: Tensor = network.score(x, times[i], *condition)  # type: ignore[arg-type]
        if limit is None:
            return s
        alpha, sigma = levels[i]
        return (alpha * ((x + sigma**2 * s) / alpha).clamp(-limit, limit) - x) / sigma**2

    return ddim(score, levels, x, eta, generator)


def _path(network: Network, num_steps: int) -> tuple[list[float] | list[int], list[tuple[float, float]]]:
    """Times as the network takes them, and their (alpha, sigma), from the most noise to the least."""
    if isinstance(network, Denoiser):
        sigmas = (network.config.sigma_data * noise.karras_sigmas(num_steps, 0.01, 80.0)).tolist()
        return sigmas, [(1.0, sigma) for sigma in sigmas]
    used = int((network.schedule.alphas >= _LEAST_ALPHA).sum())
    steps = torch.linspace(used - 1, 0, min(num_steps, used)).round().long().tolist()
    return steps, [network.schedule.level(t) for t in steps]


def picture(images: Tensor, columns: int, path: Path) -> Path:
    """Write images (N, C, H, W) in [-1, 1] as a PNG of that many columns, each at least 48 pixels high; returns it."""
    from PIL import Image

    number, channels, height, width = images.shape
    rows, gap, zoom = -(-number // columns), 2, max(1, -(-48 // height))
    large = images.detach().cpu().float().repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    canvas = torch.ones(channels, rows * (height * zoom + gap) + gap, columns * (width * zoom + gap) + gap)
    for index, image in enumerate(large):
        top = index // columns * (height * zoom + gap) + gap
        left = index % columns * (width * zoom + gap) + gap
        canvas[:, top : top + height * zoom, left : left + width * zoom] = image
    pixels = ((canvas.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
    Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0)).save(path)
    return path


def sample_picture(network: Network, path: Path, seed: int = 0) -> Path | None:
    """Write samples: 64 of an unconditional network; of a conditional one 10 a class, a row each, at most 10 classes.

    None, and no file, for a network whose points are no images of one or three channels.
    """
    if len(network.shape) != 3 or network.shape[0] not in (1, 3):
        return None
    generator = torch.Generator().manual_seed(seed)
    classes = min(10, num_classes(network))
    if classes == 0:
        return picture(sample(network, 64, generator, limit=1.0), 8, path)
    labels = torch.arange(classes).repeat_interleave(10)
    return picture(sample(network, len(labels), generator, labels, limit=1.0), 10, path)
