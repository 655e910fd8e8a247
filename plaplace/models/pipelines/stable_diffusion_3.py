"""`StableDiffusion3Pipeline`: a text-conditional transformer in latents, trained by flow matching.

The network is told 1000 t and predicts the velocity `eps - x_0` of `x_t = (1-t) x_0 + t eps`.

Source: Esser et al., "Scaling rectified flow transformers for high-resolution image synthesis" (2024), arXiv
2403.03206.
"""

from __future__ import annotations

from typing import Any

import torch

from plaplace.models.conditions import Prompts
from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.parts import autoencoder_space, build, size_of
from plaplace.models.pipelines.schedulers import read
from plaplace.models.precision import Precision

__all__ = ["stable_diffusion_3"]


def stable_diffusion_3(
    pipeline: Any, precision: Precision, device: torch.device | str | None, max_tokens: int = 256
) -> NetworkModel:
    """Prompts; the unconditional branch is the empty prompt.

    Args:
        max_tokens: of the T5 encoder, or of the zeros that stand for it where the pipeline has none.
    """
    config = pipeline.transformer.config
    size = size_of(config.sample_size)
    encoders = [pipeline.text_encoder, pipeline.text_encoder_2, pipeline.text_encoder_3]
    for encoder in encoders:
        if encoder is not None:
            encoder.to(device).eval().requires_grad_(False)

    def embed(texts: list[str]) -> dict[str, torch.Tensor]:
        tokens, _, pooled, _ = pipeline.encode_prompt(
            prompt=texts,
            prompt_2=None,
            prompt_3=None,
            do_classifier_free_guidance=False,
            max_sequence_length=max_tokens,
        )
        return {"encoder_hidden_states": tokens, "pooled_projections": pooled}

    return build(
        pipeline.transformer,
        lambda network: lambda x, t, **inputs: network(x, timestep=t, return_dict=False, **inputs)[0],
        read(pipeline.scheduler),
        (config.in_channels, *size),
        Prompts(embed),
        autoencoder_space(pipeline.vae, size, device),
        precision,
        device,
        type(pipeline).__name__,
    )
