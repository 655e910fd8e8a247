"""`StableDiffusionPipeline`, versions 1 and 2: a text-conditional U-Net in latents.

Source: Rombach et al., "High-resolution image synthesis with latent diffusion models" (2022), arXiv 2112.10752.
"""

from __future__ import annotations

from typing import Any

import torch

from plaplace.models.conditions import Prompts
from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.parts import autoencoder_space, build, size_of
from plaplace.models.pipelines.schedulers import read
from plaplace.models.precision import Precision, dtype_of

__all__ = ["stable_diffusion"]


def stable_diffusion(pipeline: Any, precision: Precision, device: torch.device | str | None) -> NetworkModel:
    """Prompts; the unconditional branch is the empty prompt, as the pipeline's guidance has it."""
    config = pipeline.unet.config
    size = size_of(config.sample_size)
    encoder = pipeline.text_encoder.to(device).eval().requires_grad_(False)
    where = dtype_of(encoder)[1]

    def embed(texts: list[str]) -> dict[str, torch.Tensor]:
        tokens, _ = pipeline.encode_prompt(texts, where, 1, False)
        return {"encoder_hidden_states": tokens}

    return build(
        pipeline.unet,
        lambda network: lambda x, t, **inputs: network(x, t, return_dict=False, **inputs)[0],
        read(pipeline.scheduler),
        (config.in_channels, *size),
        Prompts(embed),
        autoencoder_space(pipeline.vae, size, device),
        precision,
        device,
        type(pipeline).__name__,
    )
