"""A tiny text-to-image latent diffusion model of emoji, trained end to end without a network.

    python -m plaplace.networks.emoji --pictures DIR --out DIR [--quick] [--resume] [--seed S]

`make emoji` fetches the pictures and runs it. The result is a `diffusers.StableDiffusionPipeline` folder with a record
of what it was trained on: a test bed for memorization, since 20 of its caption-picture pairs are in the training
set 50 times, 20 ten times, the others once, and some not at all.
"""

from plaplace.networks.emoji.build import Built, build
from plaplace.networks.emoji.copies import COPY_BELOW, copy_ratio
from plaplace.networks.emoji.figures import write_figures
from plaplace.networks.emoji.pictures import GOOGLE_16, Pictures, pictures
from plaplace.networks.emoji.pipeline import load_pipeline, sample
from plaplace.networks.emoji.plan import FULL, QUICK, Plan, Settings

__all__ = [
    "COPY_BELOW",
    "FULL",
    "GOOGLE_16",
    "QUICK",
    "Built",
    "Pictures",
    "Plan",
    "Settings",
    "build",
    "copy_ratio",
    "load_pipeline",
    "pictures",
    "sample",
    "write_figures",
]
