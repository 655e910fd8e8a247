"""`DDPMPipeline`, `DDIMPipeline` (pixels), `LDMPipeline` (latents): a `UNet2DModel`, with or without class labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from plaplace.models.conditions import Conditions, Labels, Unconditioned
from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.parts import autoencoder_space, build, quantised_space, size_of
from plaplace.models.pipelines.schedulers import read
from plaplace.models.precision import Precision
from plaplace.models.space import ImageSpace

__all__ = ["latent_unet", "unet"]


def unet(
    pipeline: Any, precision: Precision, device: torch.device | str | None, null_label: int | None = None
) -> NetworkModel:
    """Pixels in [-1, 1].

    Args:
        pipeline: a `DDPMPipeline` or `DDIMPipeline`.
        null_label: of the unconditional branch, for a network with class embeddings that was trained with one.
    """
    config = pipeline.unet.config
    size = size_of(config.sample_size)
    return build(
        pipeline.unet,
        _call,
        read(pipeline.scheduler),
        (config.in_channels, *size),
        _labels(config, null_label),
        ImageSpace(config.in_channels, size),
        precision,
        device,
        type(pipeline).__name__,
    )


def latent_unet(
    pipeline: Any, precision: Precision, device: torch.device | str | None, null_label: int | None = None
) -> NetworkModel:
    """Latents of a `VQModel` or an `AutoencoderKL`; arguments as `unet`, of an `LDMPipeline`."""
    config = pipeline.unet.config
    space_of = quantised_space if "num_vq_embeddings" in pipeline.vqvae.config else autoencoder_space
    size = size_of(config.sample_size)
    return build(
        pipeline.unet,
        _call,
        read(pipeline.scheduler),
        (config.in_channels, *size),
        _labels(config, null_label),
        space_of(pipeline.vqvae, size, device),
        precision,
        device,
        type(pipeline).__name__,
    )


def _call(network: Callable[..., Any]) -> Callable[..., Tensor]:
    return lambda x, t, **inputs: network(x, t, return_dict=False, **inputs)[0]


def _labels(config: Any, null_label: int | None) -> Conditions:
    embedded = config.get("num_class_embeds")
    if embedded is None:
        if null_label is not None:
            raise ValueError(f"null_label = {null_label} was given; the network has no class embeddings")
        return Unconditioned()
    if null_label is not None and not 0 <= null_label < embedded:
        raise ValueError(f"null_label = {null_label} was given; the network has the labels 0 to {embedded - 1}")
    # a null label at the end is no class of its own
    classes = embedded - 1 if null_label == embedded - 1 else embedded
    return Labels(classes, null_label)
