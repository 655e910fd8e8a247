"""`DiTPipeline`: a class-conditional transformer in latents, its second half of channels a learned variance.

Source: Peebles, Xie, "Scalable diffusion models with transformers" (2023), arXiv 2212.09748.
"""

from __future__ import annotations

from typing import Any

import torch

from plaplace.models.conditions import Labels
from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.parts import autoencoder_space, build, size_of
from plaplace.models.pipelines.schedulers import read
from plaplace.models.precision import Precision

__all__ = ["dit"]


def dit(pipeline: Any, precision: Precision, device: torch.device | str | None) -> NetworkModel:
    """Labels 0 .. num_classes - 1; the null label is num_classes, as its training has it."""
    config = pipeline.transformer.config
    size = size_of(config.sample_size)
    classes = int(config.num_embeds_ada_norm)
    return build(
        pipeline.transformer,
        lambda network: lambda x, t, **inputs: network(x, timestep=t, return_dict=False, **inputs)[0],
        read(pipeline.scheduler),
        (config.in_channels, *size),
        Labels(classes, null=classes),
        autoencoder_space(pipeline.vae, size, device),
        precision,
        device,
        type(pipeline).__name__,
    )
