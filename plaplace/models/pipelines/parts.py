"""What the builders share: sizes, latents of autoencoders, and the model around a prepared network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from plaplace.models.conditions import Conditions
from plaplace.models.levels import DiscreteLevels
from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.schedulers import Trained
from plaplace.models.precision import Precision, dtype_of, prepare
from plaplace.models.space import ImageSpace, LatentSpace, Space

__all__ = ["autoencoder_space", "build", "quantised_space", "size_of"]

_HALF = (torch.float16, torch.bfloat16)


def size_of(sample_size: Any) -> tuple[int, int]:
    """(H, W) of a configuration's sample_size, a number or a pair."""
    if sample_size is None:
        raise ValueError("the network's configuration has no sample_size; set it to the size it was trained on")
    height, width = (sample_size, sample_size) if isinstance(sample_size, int) else sample_size
    return int(height), int(width)


def build(
    network: Any,
    call_of: Callable[[Callable[..., Any]], Callable[..., Tensor]],
    trained: Trained,
    shape: tuple[int, ...],
    conditions: Conditions,
    space: Space,
    precision: Precision,
    device: torch.device | str | None,
    name: str,
) -> NetworkModel:
    """The model around a network of diffusers; `call_of` makes a (x, t, **inputs) of the prepared network."""
    ready = prepare(network, precision, device)
    dtype, where = dtype_of(network)
    # step numbers stay whole; times of a flow in half precision would be off in the third digit
    whole = isinstance(trained.levels, DiscreteLevels)
    time_dtype = torch.int64 if whole else torch.float32 if dtype in _HALF else None
    return NetworkModel(
        call_of(ready),
        shape,
        trained.levels,
        trained.prediction,
        conditions=conditions,
        space=space,
        precision=precision,
        dtype=dtype,
        device=where,
        time=lambda level: trained.time_scale * level.t,
        time_dtype=time_dtype,
        name=name,
    )


def autoencoder_space(vae: Any, latent_size: tuple[int, int], device: torch.device | str | None) -> LatentSpace:
    """Latents of an `AutoencoderKL`, with its scaling and shift factors."""
    if vae.config.get("latents_mean") is not None or vae.config.get("latents_std") is not None:
        raise ValueError(
            "the autoencoder has latents_mean or latents_std; accepted are scaling_factor and shift_factor"
        )
    vae = vae.to(device).eval().requires_grad_(False)
    dtype, where = dtype_of(vae)

    def posterior(pixels: Tensor) -> tuple[Tensor, Tensor]:
        gaussian = vae.encode(pixels.to(where, dtype)).latent_dist
        return gaussian.mean, gaussian.std

    return LatentSpace(
        _pixels(vae, latent_size),
        posterior,
        lambda z: vae.decode(z.to(where, dtype)).sample,
        float(vae.config.scaling_factor),
        float(vae.config.get("shift_factor") or 0.0),
    )


def quantised_space(vqvae: Any, latent_size: tuple[int, int], device: torch.device | str | None) -> LatentSpace:
    """Latents of a `VQModel` before they are quantised, with its scaling factor; they are deterministic."""
    vqvae = vqvae.to(device).eval().requires_grad_(False)
    dtype, where = dtype_of(vqvae)
    return LatentSpace(
        _pixels(vqvae, latent_size),
        lambda pixels: (vqvae.encode(pixels.to(where, dtype)).latents, None),
        lambda z: vqvae.decode(z.to(where, dtype)).sample,
        float(vqvae.config.get("scaling_factor", 1.0)),
    )


def _pixels(vae: Any, latent_size: tuple[int, int]) -> ImageSpace:
    # an autoencoder halves the size between its levels
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return ImageSpace(int(vae.config.in_channels), (factor * latent_size[0], factor * latent_size[1]))
