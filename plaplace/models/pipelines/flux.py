"""`FluxPipeline`: a text-conditional transformer on packed latents, trained by flow matching.

Latents (C, H, W) are packed into H W / 4 tokens of 2 x 2 pixels; the network is told t itself. Guidance-distilled
checkpoints (`guidance_embeds`) are told a guidance scale as well, which is part of the model here: `guidance`.

Source: Black Forest Labs, "FLUX.1" (2024), https://github.com/black-forest-labs/flux.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from plaplace.models.conditions import Prompts
from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.parts import autoencoder_space, build
from plaplace.models.pipelines.schedulers import read
from plaplace.models.precision import Precision

__all__ = ["flux", "pack", "unpack"]


def pack(x: Tensor) -> Tensor:
    """Latents (B, C, H, W) as tokens (B, H W / 4, 4 C)."""
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(b, h * w // 4, 4 * c)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of `pack`."""
    b, _, c = tokens.shape
    blocks = tokens.reshape(b, height // 2, width // 2, c // 4, 2, 2)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(b, c // 4, height, width)


def flux(
    pipeline: Any,
    precision: Precision,
    device: torch.device | str | None,
    latent_size: tuple[int, int] | None = None,
    guidance: float = 1.0,
    max_tokens: int = 512,
) -> NetworkModel:
    """Prompts; the unconditional branch is the empty prompt.

    Args:
        latent_size: (H, W) of the latents, both even; the pipeline's default when left out.
        guidance: what a guidance-distilled network is told.
        max_tokens: of the T5 encoder.
    """
    config = pipeline.transformer.config
    height, width = latent_size or (pipeline.default_sample_size,) * 2
    if height % 2 or width % 2:
        raise ValueError(f"latent_size = {(height, width)} was given; accepted are even numbers")
    for encoder in (pipeline.text_encoder, pipeline.text_encoder_2):
        encoder.to(device).eval().requires_grad_(False)

    def embed(texts: list[str]) -> dict[str, Tensor]:
        tokens, pooled, _ = pipeline.encode_prompt(texts, None, max_sequence_length=max_tokens)
        return {"encoder_hidden_states": tokens, "pooled_projections": pooled}

    def call_of(network: Callable[..., Any]) -> Callable[..., Tensor]:
        def call(x: Tensor, t: Tensor, encoder_hidden_states: Tensor, pooled_projections: Tensor) -> Tensor:
            told = torch.full_like(t, guidance) if config.guidance_embeds else None
            tokens = network(
                hidden_states=pack(x),
                timestep=t,
                guidance=told,
                pooled_projections=pooled_projections,
                encoder_hidden_states=encoder_hidden_states,
                txt_ids=x.new_zeros(encoder_hidden_states.shape[1], 3),
                img_ids=_positions(x),
                return_dict=False,
            )[0]
            return unpack(tokens, height, width)

        return call

    return build(
        pipeline.transformer,
        call_of,
        replace(read(pipeline.scheduler), time_scale=1.0),
        (config.in_channels // 4, height, width),
        Prompts(embed),
        autoencoder_space(pipeline.vae, (height, width), device),
        precision,
        device,
        type(pipeline).__name__,
    )


def _positions(x: Tensor) -> Tensor:
    """(0, row, column) of each token, (H W / 4, 3)."""
    rows, columns = (torch.arange(n // 2, dtype=x.dtype, device=x.device) for n in x.shape[2:])
    grid = torch.cartesian_prod(rows, columns)
    return torch.cat([torch.zeros_like(grid[:, :1]), grid], 1)
