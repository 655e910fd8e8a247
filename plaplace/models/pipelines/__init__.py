"""Pipelines of diffusers as score models: one builder a family, by the name of the pipeline's class.

A builder takes the pipeline object and says what its network predicts, at which levels, on which conditions, and how
images get into its space. Samplers do not matter here: whatever the scheduler does with a prediction, the network was
trained on its table.
"""

from __future__ import annotations

from collections.abc import Callable

from plaplace.models.network_model import NetworkModel
from plaplace.models.pipelines.dit import dit
from plaplace.models.pipelines.flux import flux
from plaplace.models.pipelines.stable_diffusion import stable_diffusion
from plaplace.models.pipelines.stable_diffusion_3 import stable_diffusion_3
from plaplace.models.pipelines.unconditional import latent_unet, unet

__all__ = ["PIPELINES"]

PIPELINES: dict[str, Callable[..., NetworkModel]] = {
    "DDPMPipeline": unet,
    "DDIMPipeline": unet,
    "LDMPipeline": latent_unet,
    "DiTPipeline": dit,
    "StableDiffusionPipeline": stable_diffusion,
    "StableDiffusion3Pipeline": stable_diffusion_3,
    "FluxPipeline": flux,
}
