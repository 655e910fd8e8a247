"""A pipeline from a folder, with nothing in it trusted: no pickles, no code, no network.

What the folder may name is known beforehand: pipelines that have a builder, components of diffusers and transformers.
Weights are read from safetensors. A Python file in the folder is refused, not ignored: whoever put it there expects it
to run.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from plaplace.extras import quiet, require
from plaplace.models.pipelines.components import load_networks

__all__ = ["INDEX", "check_folder", "load_pipeline"]

INDEX = "model_index.json"
_LIBRARIES = ("diffusers", "transformers", "stable_diffusion")  # the last is where the safety checker lives
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
_LARGEST_INDEX = 1_000_000  # bytes


def load_pipeline(folder: Path, accepted: tuple[str, ...], trust_pickle: bool, variant: str | None = None) -> Any:
    """The pipeline object of a diffusers folder, its networks in float32.

    Args:
        folder: holds model_index.json.
        accepted: names of pipeline classes.
        trust_pickle: read weights from pickles where there are no safetensors.
        variant: of the weight files, such as "fp16" in diffusion_pytorch_model.fp16.safetensors.

    Raises:
        ValueError: another pipeline, a component of another library, a pickle, code, missing weights, or files that
            cannot be read.
        ImportError: diffusers, or transformers for a pipeline with a text encoder, is missing.
    """
    index = check_folder(folder, accepted, trust_pickle)
    diffusers = require("diffusers", "diffusers", f"{index['_class_name']} folders")
    libraries = {"diffusers": diffusers}
    if any(part[0] == "transformers" for part in index.values() if isinstance(part, list)):
        libraries["transformers"] = require("transformers", "diffusers", f"the texts of {index['_class_name']}")
    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": None if trust_pickle else True}
    # what it needs; else it complains
    options["low_cpu_mem_usage"] = importlib.util.find_spec("accelerate") is not None
    if variant is not None:
        options["variant"] = variant
    absent: dict[str, Any] = {}
    if index.pop("safety_checker", None):  # judges generated pictures, which nobody generates here
        absent = {"safety_checker": None, "requires_safety_checker": False}
    for part in ("text_encoder_3", "tokenizer_3"):  # Stable Diffusion 3 without T5: diffusers wants it said
        if index.get(part) == [None, None]:
            absent[part] = None
    try:
        with quiet(*libraries.values()):
            networks = load_networks(folder, index, libraries, options)
            kind = getattr(diffusers, index["_class_name"])
            return kind.from_pretrained(folder, **options, **networks, **absent)
    except ImportError:
        raise
    except Exception as error:  # whatever the libraries raise over a broken file
        raise ValueError(f"{folder} cannot be loaded as a {index['_class_name']}: {error}") from error


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
        if isinstance(described, list) and described != [None, None]:
            if len(described) != 2 or not all(isinstance(name, str) for name in described):
                raise ValueError(f"{file}: {part} is {described}; accepted are a library and a class")
            if described[0] not in _LIBRARIES:
                raise ValueError(
                    f"{file}: {part} is of {described[0]!r}; accepted are components of diffusers and transformers"
                )
            if not trust_pickle:
                _check_weights(folder / part, folder)
    return index


def _check_weights(part: Path, folder: Path) -> None:
    if not part.is_dir():
        return
    for file in part.glob("*safetensors.index*.json"):  # says in which files the weights are
        try:
            shards = set(json.loads(file.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} is not a readable index of weights ({error})") from error
        others = [shard for shard in shards if not str(shard).endswith(".safetensors")]
        if others:
            raise ValueError(f"{file} names {others[0]}; accepted are .safetensors files, or trust_pickle = True")
    if not any(part.glob("*.safetensors")):
        pickles = sorted(file for file in part.iterdir() if file.suffix in _PICKLES)
        if pickles:
            raise ValueError(
                f"{pickles[0].relative_to(folder)} is a pickle, which can run code when it is read; accepted are "
                ".safetensors files, or trust_pickle = True for a folder whose origin you trust"
            )
