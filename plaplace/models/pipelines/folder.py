"""A pipeline from a folder, with nothing in it trusted: no pickles, no code, no network.

What the folder may name is known beforehand: pipelines that have a builder, components of diffusers and transformers.
Weights are read from safetensors. A Python file in the folder is refused, not ignored: whoever put it there expects it
to run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plaplace.extras import require

__all__ = ["INDEX", "check_folder", "load_pipeline"]

INDEX = "model_index.json"
_LIBRARIES = ("diffusers", "transformers", "stable_diffusion")  # the last is where the safety checker lives
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
_LARGEST_INDEX = 1_000_000  # bytes


def load_pipeline(folder: Path, accepted: tuple[str, ...], trust_pickle: bool, variant: str | None = None) -> Any:
    """The pipeline object of a diffusers folder.

    Args:
        folder: holds model_index.json.
        accepted: names of pipeline classes.
        trust_pickle: read weights from pickles where there are no safetensors.
        variant: of the weight files, such as "fp16" in diffusion_pytorch_model.fp16.safetensors.

    Raises:
        ValueError: another pipeline, a component of another library, a pickle, code, or files that cannot be read.
        ImportError: diffusers, or transformers for a pipeline with a text encoder, is missing.
    """
    index = check_folder(folder, accepted, trust_pickle)
    diffusers = require("diffusers", "diffusers", f"{index['_class_name']} folders")
    if any(part[0] == "transformers" for part in index.values() if isinstance(part, list)):
        require("transformers", "diffusers", f"the text encoder of {index['_class_name']}")
    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": None if trust_pickle else True}
    options["low_cpu_mem_usage"] = (
        importlib.util.find_spec("accelerate") is not None
    )  # what it needs; else it complains
    if variant is not None:
        options["variant"] = variant
    if "safety_checker" in index:  # judges generated pictures, which nobody generates here
        options |= {"safety_checker": None, "requires_safety_checker": False}
    try:
        with _no_bar(diffusers.utils.logging):
            return getattr(diffusers, index["_class_name"]).from_pretrained(folder, **options)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} cannot be loaded as a {index['_class_name']}: {error}") from error


@contextlib.contextmanager
def _no_bar(logging: Any) -> Iterator[None]:
    """The progress bar of a load, which takes a second, off."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def check_folder(folder: Path, accepted: tuple[str, ...], trust_pickle: bool) -> dict[str, Any]:
    """The parsed model_index.json of a folder that holds nothing to be afraid of; errors as `load_pipeline`."""
    file = folder / INDEX
    try:
        if file.stat().st_size > _LARGEST_INDEX:
            raise ValueError(f"{file.stat().st_size} bytes")
        index = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not a readable {INDEX} ({error})") from error
    name = index.get("_class_name") if isinstance(index, dict) else None
    if name not in accepted:
        raise ValueError(f"{file} names the pipeline {name!r}; accepted are {', '.join(accepted)}")
    code = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    if code:
        raise ValueError(f"{folder} has code in it ({code[0]}); nothing from a model's folder is executed here")
    for part, described in index.items():
        if isinstance(described, list) and described and described[0] is not None:
            if described[0] not in _LIBRARIES:
                raise ValueError(
                    f"{file}: {part} is of {described[0]!r}; accepted are components of diffusers and transformers"
                )
            if not trust_pickle:
                _check_weights(folder / part, folder)
    return index


def _check_weights(part: Path, folder: Path) -> None:
    if part.is_dir() and not any(part.glob("*.safetensors")):
        pickles = sorted(file for file in part.iterdir() if file.suffix in _PICKLES)
        if pickles:
            raise ValueError(
                f"{pickles[0].relative_to(folder)} is a pickle, which can run code when it is read; accepted are "
                ".safetensors files, or trust_pickle = True for a folder whose origin you trust"
            )
