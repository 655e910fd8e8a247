"""The finished parts as a Stable Diffusion folder, and prompted samples drawn from it the way a user would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plaplace.extras import quiet, require
from plaplace.networks.emoji.parts import build_scheduler

__all__ = ["load_pipeline", "sample", "save_pipeline"]

_AT_ONCE = 32  # samples
_LIBRARIES = ("diffusers", "transformers")


def save_pipeline(folder: Path, vae: Any, text_encoder: Any, tokenizer: Any, unet: Any) -> Path:
    """Write model_index.json and a folder for each part: safetensors and JSON; returns the folder."""
    pipeline = _diffusers().StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with quiet(*_libraries()):
        pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def load_pipeline(folder: str | Path) -> Any:
    """The `StableDiffusionPipeline` of a folder, quiet, from local safetensors files alone.

    Raises:
        FileNotFoundError: the folder has no model_index.json.
    """
    if not (Path(folder) / "model_index.json").is_file():
        raise FileNotFoundError(f"{folder} has no model_index.json; accepted is what `make emoji` built")
    absent = {"safety_checker": None, "requires_safety_checker": False}
    with quiet(*_libraries()):
        pipeline = _diffusers().StableDiffusionPipeline.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False, **absent
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sample(pipeline: Any, prompts: Sequence[str], guidance: float, steps: int, seed: int) -> Tensor:
    """One picture a prompt, (B, 3, s, s) float32 in [-1, 1].

    Args:
        pipeline: from `load_pipeline`.
        prompts: B captions; "" for none.
        guidance: w of `unconditional + w (conditional - unconditional)`; 1 is the conditional field itself.
        steps: of DDIM.
        seed: of the first picture's noise; the next has seed + 1, and so on, whatever the prompts.
    """
    pictures = []
    for start in range(0, len(prompts), _AT_ONCE):
        part = list(prompts[start : start + _AT_ONCE])
        generators = [torch.Generator().manual_seed(seed + start + offset) for offset in range(len(part))]
        drawn = pipeline(
            part, guidance_scale=guidance, num_inference_steps=steps, generator=generators, output_type="np"
        )
        pictures.append(np.asarray(drawn.images, dtype=np.float32))
    return torch.from_numpy(np.concatenate(pictures)).permute(0, 3, 1, 2) * 2 - 1


def _diffusers() -> Any:
    return require("diffusers", "diffusers", "the emoji pipeline")


def _libraries() -> list[Any]:
    return [require(name, "diffusers", "the emoji pipeline") for name in _LIBRARIES]
