"""What is built and how it is trained, as plain data that travels with a training.

FULL     32 x 32 pixels, latents 4 x 8 x 8; within an hour on one thread
QUICK    the same networks, hardly trained: to see that everything works
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["FULL", "QUICK", "Plan", "Settings", "plan_to_json"]


@dataclass(frozen=True)
class Settings:
    """How one stage is trained, by Adam with a short linear start and a cosine to zero.

    Attributes:
        num_steps: of the optimiser.
        batch_size: rows of the training set a step.
        learning_rate: its peak.
        ema_decay: of the moving average of the weights, which is what is kept; at step k it is
            `min(ema_decay, (1 + k)/(10 + k))`.
    """

    num_steps: int
    batch_size: int
    learning_rate: float
    ema_decay: float = 0.999


@dataclass(frozen=True)
class Plan:
    """Everything besides pictures and seed.

    Attributes:
        size: of the pictures, in pixels.
        times: ((how often, how many pictures), ..): the planted duplicates.
        held_out: how many pictures are left out of the text-to-image training.
        num_merges, num_tokens: of the tokenizer.
        autoencoder_channels: by level; each level after the first halves the side.
        text_width, text_layers: of the text encoder.
        unet_channels: by level.
        kl_weight: of the mean divergence of a latent number, beside the mean absolute error of a pixel.
        caption_dropout: share of the captions replaced by "", which trains the unconditional branch.
        autoencoder, diffusion: the two stages.
    """

    size: int = 32
    times: tuple[tuple[int, int], ...] = ((50, 20), (10, 20))
    held_out: int = 191
    num_merges: int = 512
    num_tokens: int = 24
    autoencoder_channels: tuple[int, ...] = (16, 32, 64)
    text_width: int = 64
    text_layers: int = 2
    unet_channels: tuple[int, ...] = (64, 96)
    kl_weight: float = 1e-4
    caption_dropout: float = 0.1
    autoencoder: Settings = Settings(num_steps=10_000, batch_size=8, learning_rate=3e-3)
    diffusion: Settings = Settings(num_steps=10_000, batch_size=32, learning_rate=1e-3)


FULL = Plan()
QUICK = replace(
    FULL,
    autoencoder=replace(FULL.autoencoder, num_steps=300),
    diffusion=replace(FULL.diffusion, num_steps=300),
)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as `json.loads` would give it back: lists in place of tuples.

    >>> plan_to_json(QUICK)["unet_channels"]
    [64, 96]
    """
    parsed: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    return parsed
