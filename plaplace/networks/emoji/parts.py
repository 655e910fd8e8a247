"""The four networks' worth of a Stable Diffusion pipeline, small: autoencoder, text encoder, U-Net, schedule.

Weights are drawn from the seed by the libraries' own initialisation, on the CPU; the global random state is left as
it was. The U-Net attends at its inner level alone: at the outer one attention doubles the time and, with 8 x 8
latents, adds little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from plaplace.extras import require
from plaplace.networks.emoji.plan import Plan

__all__ = ["LATENT_CHANNELS", "build_autoencoder", "build_scheduler", "build_text_encoder", "build_unet"]

LATENT_CHANNELS = 4
_GROUPS = 8  # of the group norms
_HEADS = 4


def _seeded(make: Callable[[], nn.Module], seed: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _diffusers() -> Any:
    return require("diffusers", "diffusers", "the emoji pipeline")


def build_autoencoder(plan: Plan, seed: int) -> Any:
    """An `AutoencoderKL`: pictures (B, 3, s, s) to latents (B, 4, s/2^(L-1), ..) for L levels, and back."""
    levels = len(plan.autoencoder_channels)
    return _seeded(
        lambda: _diffusers().AutoencoderKL(
            sample_size=plan.size,
            latent_channels=LATENT_CHANNELS,
            block_out_channels=plan.autoencoder_channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=1,
            norm_num_groups=_GROUPS,
        ),
        seed,
    )


def build_text_encoder(plan: Plan, tokenizer: Any, seed: int) -> Any:
    """A `CLIPTextModel` for the tokenizer: tokens (B, num_tokens) to states (B, num_tokens, text_width)."""
    transformers = require("transformers", "diffusers", "the emoji pipeline")
    configuration = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=plan.text_width,
        intermediate_size=4 * plan.text_width,
        num_hidden_layers=plan.text_layers,
        num_attention_heads=_HEADS,
        max_position_embeddings=plan.num_tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _seeded(lambda: transformers.CLIPTextModel(configuration), seed)


def build_unet(plan: Plan, seed: int) -> Any:
    """A `UNet2DConditionModel` that predicts the noise in latents, told the text encoder's states."""
    inner = len(plan.unet_channels) - 1
    return _seeded(
        lambda: _diffusers().UNet2DConditionModel(
            sample_size=plan.size // 2 ** (len(plan.autoencoder_channels) - 1),
            in_channels=LATENT_CHANNELS,
            out_channels=LATENT_CHANNELS,
            block_out_channels=plan.unet_channels,
            down_block_types=("DownBlock2D",) * inner + ("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * inner,
            layers_per_block=1,
            cross_attention_dim=plan.text_width,
            attention_head_dim=_HEADS,  # so named, the number of heads: a slip the library keeps for old folders
            norm_num_groups=_GROUPS,
        ),
        seed,
    )


def build_scheduler() -> Any:
    """A `DDIMScheduler` with Stable Diffusion's settings; epsilon prediction, 1000 levels."""
    return _diffusers().DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
