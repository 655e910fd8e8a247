"""A U-Net on disk: a folder as diffusers saves a `DDPMPipeline`, with a description of ours beside.

    model_index.json, unet/, scheduler/     what `diffusers.DDPMPipeline.from_pretrained` reads; safetensors
    plaplace.json                           kind, configuration, classes, range of values, recipe, seed, step, ..

A class-conditional U-Net is saved the same way. The pipeline has no argument for labels: it loads, and its `unet` is
then called with `class_labels`, which may be the null class `null_label`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from plaplace.extras import require
from plaplace.networks.unet import UNet

__all__ = ["DESCRIPTION_NAME", "found", "read", "read_tensors", "save"]

DESCRIPTION_NAME = "plaplace.json"
_WEIGHTS = Path("unet") / "diffusion_pytorch_model.safetensors"


def save(network: UNet, folder: Path, description: dict[str, Any]) -> Path:
    """Write the folder; returns the description's file, which is written last."""
    diffusers = require("diffusers", "diffusers", "saving a U-Net")
    config = network.config
    scheduler = diffusers.DDPMScheduler(
        num_train_timesteps=config.num_levels,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        beta_schedule="squaredcos_cap_v2" if config.curve == "cosine" else "linear",
        prediction_type="epsilon",
    )
    folder.mkdir(parents=True, exist_ok=True)
    diffusers.DDPMPipeline(unet=network.model, scheduler=scheduler).save_pretrained(folder, safe_serialization=True)
    said = {
        **description,
        "shape": list(config.shape),
        "value_range": [-1, 1],
        "num_classes": config.num_classes,
        "null_label": config.num_classes if config.num_classes else None,
    }
    file = folder / DESCRIPTION_NAME
    partial = file.with_name(file.name + ".partial")
    partial.write_text(json.dumps(said, allow_nan=False, indent=2) + "\n")
    os.replace(partial, file)
    return file


def found(path: Path) -> bool:
    """Whether a path is such a folder, or its description."""
    return (path / DESCRIPTION_NAME).is_file() or (path.name == DESCRIPTION_NAME and path.is_file())


def read(path: Path) -> tuple[Any, dict[str, Tensor]]:
    """Description, as parsed, and tensors by their names in `UNet`.

    Raises:
        ValueError: no JSON, no weights, or not a safetensors file.
    """
    file = path / DESCRIPTION_NAME if path.is_dir() else path
    weights = file.parent / _WEIGHTS
    try:
        description = json.loads(file.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not readable JSON ({error})") from error
    if not weights.is_file():
        raise ValueError(f"{weights} does not exist; accepted is a folder that plaplace.networks.save wrote")
    return description, {f"model.{name}": tensor for name, tensor in read_tensors(weights)[1].items()}


def read_tensors(file: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file.

    Raises:
        ValueError: not one.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            # cloned: memory mapped at any offset sends the products through other kernels, with other last digits
            return opened.metadata() or {}, {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file} is not a readable safetensors file ({error})") from error
